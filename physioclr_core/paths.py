"""Where things live: what ships with the product, and what a person's work leaves behind."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path


@cache
def assets_dir() -> Path:
    """Return the folder of shipped assets: source tree, wheel or frozen bundle.

    Raises
    ------
    FileNotFoundError
        If none of the three places holds the assets.
    """
    package = Path(__file__).resolve().parent
    frozen = getattr(sys, "_MEIPASS", None)
    places = [package.parent / "assets", package / "_assets"]
    if frozen is not None:
        places.insert(0, Path(frozen) / "assets")
    for place in places:
        if (place / "model").is_dir() or (place / "docs").is_dir():
            return place
    raise FileNotFoundError(f"the shipped assets are missing: looked in {', '.join(map(str, places))}")


def physioclr_home() -> Path:
    """Return the folder for checkpoints, caches and datasets.

    ``PHYSIOCLR_HOME`` where it is set, else the platform's folder for user data. It is not created.
    """
    set_by_user = os.environ.get("PHYSIOCLR_HOME")
    if set_by_user:
        return Path(set_by_user).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "physioclr"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "physioclr"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "physioclr"
