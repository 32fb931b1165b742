"""Reading that begins while Qt is still being imported. No Qt here."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from ecgviewer.state.missing_facts import MissingFacts
from physioclr_core.errors import MissingFactsError, UserFacingError
from physioclr_core.recordings.source import AnyRecord

if TYPE_CHECKING:
    from physioclr_core.readers.table_options import TableOptions


def read_or_explain(path: Path, given: TableOptions | None = None) -> AnyRecord | str:
    """Read a record, or open one that is long where it is; return one sentence on why there is none where it fails."""
    try:
        from physioclr_core.readers import read_record
        from physioclr_core.recordings.opening import open_long

        if given is not None:
            return read_record(path, given)
        long_recording = open_long(path)
        return read_record(path) if long_recording is None else long_recording
    except MissingFactsError as error:
        return MissingFacts(error)
    except UserFacingError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (a fault in a reader must not take the window down)
        return f"{path.name}: reading failed unexpectedly ({type(error).__name__}: {error})."


class EarlyRead:
    """A record that is being read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._result: AnyRecord | str = ""
        self._thread = Thread(target=self._run, name="early-read", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._result = read_or_explain(self.path)

    def wait(self) -> AnyRecord | str:
        """Return the record, or the sentence on why there is none, once reading has ended."""
        self._thread.join()
        return self._result

    @property
    def is_done(self) -> bool:
        """Whether reading has ended."""
        return not self._thread.is_alive()
