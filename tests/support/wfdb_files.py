"""WFDB files for tests, written as signal(5) describes the formats and independently of the code that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DATA = Path(__file__).parents[1] / "data"
PTBXL = DATA / "ptbxl"
PTBXL_1 = PTBXL / "records100" / "00000" / "00001_lr"
GEORGIA = DATA / "cinc" / "E00001"
CPSC = DATA / "cinc" / "A0049"
CHAPMAN = DATA / "cinc" / "JS00001"
CINC_PTBXL = DATA / "cinc" / "HR06009"
SPECIAL = DATA / "wfdb-special"

BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10, 508: 8, 516: 16, 524: 24}
IntArray = npt.NDArray[np.signedinteger[Any]]


def real_adu(n_leads: int = 3, n_samples: int = 500, bits: int = 16) -> npt.NDArray[np.int64]:
    """Return a real ECG, shape (n_leads, n_samples), made to fill about a third of the range of so many bits."""
    stored = np.fromfile(PTBXL_1.with_suffix(".dat"), "<i2").reshape(1000, 12).T[:n_leads, :n_samples].astype(np.int64)
    return stored * (2 ** (bits - 1) // 3) // int(np.abs(stored).max())


def encode(samples: Sequence[int] | IntArray, fmt: int, n_signals: int = 1) -> bytes:
    """Return the bytes of interleaved samples."""
    x = np.asarray(samples, np.int64)
    if fmt == 8:  # first differences of each signal, from its initial value, here 0
        frames = x.reshape(-1, n_signals)
        return np.diff(frames, axis=0, prepend=np.zeros((1, n_signals), np.int64)).astype("i1").tobytes()
    if fmt in (16, 32):
        return x.astype(f"<i{fmt // 8}").tobytes()
    if fmt == 61:
        return x.astype(">i2").tobytes()
    if fmt == 80:
        return (x + 128).astype("u1").tobytes()
    if fmt == 160:
        return (x + 32768).astype("<u2").tobytes()
    if fmt == 24:
        return x.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    if fmt == 212:
        a, b = (x[start::2] & 0xFFF for start in (0, 1))
        b = np.append(b, 0) if len(b) < len(a) else b
        packed = np.stack([a & 0xFF, (a >> 8) | ((b >> 8) << 4), b & 0xFF], axis=1).astype("u1").tobytes()
        return packed if len(x) % 2 == 0 else packed[:-1]
    padded = np.append(x, np.zeros(-len(x) % 3, np.int64)) & 0x3FF
    a, b, c = padded[0::3], padded[1::3], padded[2::3]
    if fmt == 310:
        low, high = (a << 1) | ((c & 0x1F) << 11), (b << 1) | ((c >> 5) << 11)
        return np.stack([low, high], axis=1).astype("<u2").tobytes()
    assert fmt == 311
    return (a | (b << 10) | (c << 20)).astype("<u4").tobytes()


def write_signals(
    folder: Path,
    name: str,
    samples: npt.NDArray[np.int64],
    fmt: int = 16,
    gain: str = "1000/mV",
    leads: Sequence[str] | None = None,
    fs: str = "100",
) -> Path:
    """Write a record with one file, shape (n_leads, n_samples); return its header's path."""
    folder.mkdir(parents=True, exist_ok=True)
    n_leads, n_samples = samples.shape
    leads = leads or [f"V{i + 1}" for i in range(n_leads)]
    lines = [f"{name} {n_leads} {fs} {n_samples}"]
    for row, lead in zip(samples, leads, strict=True):
        initial = 0 if fmt == 8 else int(row[0])
        lines.append(f"{name}.dat {fmt} {gain} {BITS[fmt]} 0 {initial} {int(row.sum()) % 65536} 0 {lead}")
    header = folder / f"{name}.hea"
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / f"{name}.dat").write_bytes(encode(samples.T.ravel(), fmt, n_leads))
    return header


def copy_record(stem: Path, folder: Path) -> Path:
    """Copy a record's header and signal file; return the header's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in stem.parent.glob(f"{stem.name}.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / f"{stem.name}.hea"


def edit(header: Path, *replacements: tuple[str, str]) -> Path:
    """Replace texts in a header, each of which must be there; return the header."""
    text = header.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    header.write_text(text, encoding="utf-8")
    return header
