"""Damaged and hostile files for the tests of every reader: a clear error or a record, in bounded time and memory.

``variants`` damages the bytes of a good file, ``truncations`` cuts it; ``check_refused_or_read`` reads what came out.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path

from reader_conformance import check_record

from physioclr_core.errors import RecordError
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord

MAX_SECONDS = 2.0
MAX_BYTES = 500 * 2**20
_KINDS = ("flip", "flip", "flip", "run", "swap", "delete", "repeat", "insert")


def truncations(content: bytes, step: float = 0.05) -> Iterator[bytes]:
    """Yield a file cut off at every ``step`` of its length, from empty to almost whole, and one byte short."""
    n_steps = round(1 / step)
    for part in range(n_steps):
        yield content[: len(content) * part // n_steps]
    yield content[:-1]


def variants(content: bytes, n: int, seed: int, head_bytes: int = 4096) -> Iterator[bytes]:
    """Yield ``n`` damaged copies of a file, the same ones for the same seed.

    Every second one is damaged in its first ``head_bytes``, where the lengths and counts of binary formats are, the
    others anywhere. Mostly single bytes are changed; some have bytes removed, repeated, inserted or exchanged.
    """
    draw = random.Random(seed)
    for number in range(n):
        copy = bytearray(content)
        limit = max(1, min(len(copy), head_bytes) if number % 2 else len(copy))
        for _ in range(draw.choice((1, 1, 2, 4, 16))):
            _damage(copy, draw, limit)
        yield bytes(copy)


def _damage(content: bytearray, draw: random.Random, limit: int) -> None:
    kind = draw.choice(_KINDS)
    at = draw.randrange(min(limit, max(len(content), 1)))
    length = draw.choice((1, 2, 4, 8, 64))
    if kind == "flip":
        content[at : at + 1] = bytes([draw.randrange(256)])
    elif kind == "run":
        content[at : at + length] = bytes([draw.choice((0, 0x7F, 0x80, 0xFF))]) * length
    elif kind == "swap":
        content[at : at + 2] = content[at : at + 2][::-1]
    elif kind == "delete":
        del content[at : at + length]
    elif kind == "repeat":
        content[at:at] = content[at : at + length]
    else:
        content[at:at] = draw.randbytes(length)


def check_refused_or_read(
    path: Path, max_seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES, measure_memory: bool = False
) -> EcgRecord | RecordError:
    """Read a file: only a record that keeps the contract, or one ``RecordError``, may come of it.

    Parameters
    ----------
    path : Path
    max_seconds : float
        Processor time that reading may take.
    max_bytes : int
        By which the process may grow, beyond what it ever had.
    measure_memory : bool
        Also trace what Python and numpy allocate, which is exact but takes several times as long.

    Returns
    -------
    EcgRecord or RecordError
        What came of it, for further checks.
    """
    peak_before = _peak_bytes()
    if measure_memory:
        tracemalloc.start()
    # What thousands of other tests left behind is not gone through whenever the reader makes many objects.
    gc.freeze()
    begin = time.process_time()
    outcome: EcgRecord | RecordError
    try:
        with warnings.catch_warnings():
            # A warning of numpy or of a parser would go to a terminal that nobody sees: it must not be the answer.
            warnings.simplefilter("error")
            outcome = read_record(path)
    except RecordError as error:
        outcome = error
    except Exception:  # noqa: BLE001  (whatever it is, it is what this check is about)
        raise AssertionError(f"{path.name} was neither read nor refused:\n{traceback.format_exc()}") from None
    finally:
        seconds = time.process_time() - begin
        gc.unfreeze()
        traced = tracemalloc.get_traced_memory()[1] if measure_memory else 0
        if measure_memory:
            tracemalloc.stop()
    # Tracing takes most of the time, which is then no measure of the reader.
    if not measure_memory:
        assert seconds <= max_seconds, f"{path.name} took {seconds:.1f} s"
    grown = max(traced, _peak_bytes() - peak_before)
    assert grown <= max_bytes, f"{path.name} took {grown / 2**20:.0f} MB"
    if isinstance(outcome, RecordError):
        text = str(outcome)
        assert text.startswith(f"{outcome.path.name}: ")
        assert text.endswith(".")
        assert "\n" not in text
        assert len(text) < 500
    else:
        check_record(outcome)
    return outcome


def _peak_bytes() -> int:
    """Return the largest resident size that this process ever had; 0 where the system does not keep it."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
