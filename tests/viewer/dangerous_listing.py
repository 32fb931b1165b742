"""The real listing process, with files that take it down or keep it: run as a script in its place."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from ecgviewer.jobs import listing_main

_read = listing_main._read


def _dangerous(request: dict[str, Any]) -> dict[str, Any]:
    name = Path(request["read"]).name
    if "crash" in name:
        os.abort()
    if "stall" in name:
        time.sleep(600)
    return _read(request)


if sys.argv[1:] == ["--broken"]:
    sys.exit(3)
listing_main._read = _dangerous
sys.exit(listing_main.main())
