"""What decides the physiology engine's numbers, as one hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import physioclr_core
from physioclr_core.paths import assets_dir


def measurement_fingerprint(*folders: str) -> str:
    """Return a hash of the version, the code in some of the package's folders and the engine's networks.

    Parameters
    ----------
    *folders : str
        Besides ``physiology``: "readers" where files are read, "signal" where signals are filtered.
    """
    digest = hashlib.sha256(physioclr_core.__version__.encode())
    package = Path(physioclr_core.__file__).parent
    files = [path for name in ("physiology", *folders) for path in (package / name).rglob("*.py")]
    files += [path for path in (assets_dir() / "physiology").glob("*") if path.is_file()]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
