"""Units of voltage as files spell them, and their size in millivolts."""

from __future__ import annotations

from functools import lru_cache

# WFDB's header(5): a signal whose unit is not stated is in millivolts.
DEFAULT_UNIT = "mV"

# Keys are case-folded and have no spaces. "MV" is taken as millivolt: no ECG is recorded in megavolts, and files in
# the field write "mv" and "MV" for millivolt.
_MV_PER_UNIT: dict[str, float] = {
    "v": 1e3,
    "volt": 1e3,
    "volts": 1e3,
    "mv": 1.0,
    "mvolt": 1.0,
    "mvolts": 1.0,
    "millivolt": 1.0,
    "millivolts": 1.0,
    "uv": 1e-3,
    "uvolt": 1e-3,
    "uvolts": 1e-3,
    "microvolt": 1e-3,
    "microvolts": 1e-3,
    "nv": 1e-6,
    "nanovolt": 1e-6,
    "nanovolts": 1e-6,
}
# The micro sign and the Greek letter look alike and both occur.
_MICRO_SIGNS = str.maketrans({"\u00b5": "u", "\u03bc": "u"})


@lru_cache(maxsize=256)
def mv_per_unit(unit: str) -> float | None:
    """Return how many millivolts one unit is.

    Parameters
    ----------
    unit : str
        As the file spells it, in any case; empty is WFDB's default, mV.

    Returns
    -------
    float or None
        ``None`` for anything that is not a voltage.
    """
    spelling = "".join(unit.translate(_MICRO_SIGNS).casefold().split())
    return _MV_PER_UNIT.get(spelling or "mv")
