"""What has to be settled before Qt is imported."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ecgviewer.arguments import Options

_IMPORTED_AT_S = time.perf_counter()


def seconds_since_process_start() -> float:
    """Return the age of this process; where the system does not tell, the time since this module's import."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, AttributeError, ValueError, IndexError):
        return time.perf_counter() - _IMPORTED_AT_S


def prepare_platform(options: Options) -> None:
    """Take Qt's offscreen platform for a snapshot where there is no display to show a window on."""
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not has_display and "QT_QPA_PLATFORM" not in os.environ:
        if options.snapshot is None:
            sys.stderr.write("ecgviewer: there is no display to show a window on (DISPLAY is not set).\n")
            sys.exit(2)
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def file_to_open(options: Options) -> Path | None:
    """Return the file that was asked for, else the first demo ECG, None where there is none or a list was asked for."""
    if options.file is not None or options.listed:
        return options.file
    from ecgviewer.services.demos import list_demos

    demos = list_demos()
    return demos[0].path if demos else None
