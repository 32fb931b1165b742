"""Lead names: the standard order, the spellings found in files, and the leads that follow from others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

STANDARD_LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB_LEADS: tuple[str, ...] = STANDARD_LEADS[:6]
PRECORDIAL_LEADS: tuple[str, ...] = STANDARD_LEADS[6:]
# Frank's orthogonal leads, spelt as PTB writes them.
FRANK_LEADS: tuple[str, ...] = ("vx", "vy", "vz")
# Leads with a place of their own outside the twelve. They are no substitute for a standard lead: a modified limb lead
# (MLII) has its electrodes on the torso and another shape, and MIMIC's "V" is a chest lead at an unstated place.
OTHER_LEADS: tuple[str, ...] = (
    *("V7", "V8", "V9", "V1R", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R"),
    *("MLI", "MLII", "MLIII", "MV1", "MV2", "MV3", "MV4", "MV5", "MV6"),
    *("MCL1", "MCL2", "MCL3", "MCL4", "MCL5", "MCL6", "CM5", "CC5"),
    *("ES", "AS", "AI", "V"),
    *FRANK_LEADS,
)

# Every spelling is case-folded and has neither spaces nor underscores. "D1" and "DI" are the Spanish, French and
# Turkish names; IEC's "C3" is left out because an EEG has a C3 too. Nothing matches by its ending: "-aVR" is the
# inverted lead and "V1-REF" is V1 against an unstated reference, so both stay unknown.
_SPELLINGS: dict[str, str] = {
    **{name.casefold(): name for name in (*STANDARD_LEADS, *OTHER_LEADS)},
    **{"d1": "I", "d2": "II", "d3": "III", "di": "I", "dii": "II", "diii": "III"},
    **{"l1": "I", "l2": "II", "l3": "III", "li": "I", "lii": "II", "liii": "III"},
    **{"ml1": "MLI", "ml2": "MLII", "ml3": "MLIII"},
}
# Leads only after the word "lead": a bare "1" or "X" may be anything, and "ECG 1" is a channel number.
_SPELLINGS_AFTER_LEAD: dict[str, str] = {"1": "I", "2": "II", "3": "III", "x": "vx", "y": "vy", "z": "vz"}
# One hyphen separates ("ECG-II") but a hyphen after a space is a sign ("ECG -aVR"), which no spelling has.
_PREFIX = re.compile(r"(?:mdc_)?(?:e[ck]g(?:[ _:.]+|-|(?=[^\W\d])))?(?:(?P<lead>lead)(?:[ _:.]+|-|(?=\w)))?")

# First words of channels that share a file with an ECG but are none, whatever their unit says (WFDB's default unit
# turns a respiration channel without a unit into millivolts).
_NON_ECG_FIRST_WORDS = frozenset(
    "resp respiration rsp breath impedance imp airflow flow nasal thor thorax thoracic abdo abdomen abdominal effort "
    "snore pleth plethysmogram ppg bvp spo2 sao2 so2 osat co2 etco2 abp art ibp bp nibp pap cvp icp rap lap pressure "
    "press temp temperature eeg emg eog gsr eda acc accel accelerometer gyro position light marker event events "
    "trigger trig status annotation annotations pcg phono scg bcg uc fhr hr pulse".split()
)
_FIRST_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1024)
def standard_name(name: str) -> str | None:
    """Return the one spelling of a lead that this program uses.

    Parameters
    ----------
    name : str
        As a file spells it: "i", "Lead I", "MDC_ECG_LEAD_I", "ECG I", "AVR", "a VR", "v1", "MLII", "vx", ...

    Returns
    -------
    str or None
        A name in ``STANDARD_LEADS`` or ``OTHER_LEADS``; ``None`` where the lead is not known for certain.
    """
    text = unicodedata.normalize("NFKC", name).strip().casefold()
    prefix = _PREFIX.match(text)
    bare = text[prefix.end() if prefix else 0 :].replace(" ", "").replace("_", "")
    known = _SPELLINGS.get(bare)
    if known is None and prefix is not None and prefix["lead"]:
        known = _SPELLINGS_AFTER_LEAD.get(bare)
    return known


@lru_cache(maxsize=1024)
def is_non_ecg(name: str) -> bool:
    """Return whether a channel's name says that it is no ECG lead (RESP, PLETH, ABP, ...)."""
    first_word = _FIRST_WORD.search(name.casefold())
    if first_word is None:
        return False
    word = first_word.group()
    return word in _NON_ECG_FIRST_WORDS or word.rstrip("0123456789") in _NON_ECG_FIRST_WORDS


# Each limb lead as (a, b) in a * I + b * II; exact by Einthoven's law and Goldberger's definitions.
_LIMB_WEIGHTS: dict[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


def derive_limb_leads(leads_mv: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Compute the limb leads that are missing from two that are there.

    Parameters
    ----------
    leads_mv : mapping of str to ndarray of float32, shape (n_samples,)
        Leads by their standard names; leads other than limb leads are not looked at.

    Returns
    -------
    dict of str to ndarray of float32, shape (n_samples,)
        The missing limb leads in the standard order; empty where fewer than two limb leads are there or none is
        missing. NaN where either source is NaN.

    Notes
    -----
    Any two of the six limb leads give the other four, since all are combinations of I and II [1]_. The first pair in
    the standard order is used, so measured bipolar leads go before augmented ones.

    References
    ----------
    .. [1] Kligfield P et al. Circulation 2007;115:1306-1324.
    """
    present = [name for name in LIMB_LEADS if name in leads_mv]
    missing = [name for name in LIMB_LEADS if name not in leads_mv]
    if len(present) < 2 or not missing:
        return {}
    first, second = present[:2]
    (a, b), (c, d) = _LIMB_WEIGHTS[first], _LIMB_WEIGHTS[second]
    determinant = a * d - b * c  # never 0: no two limb leads have the same direction
    derived: dict[str, FloatArray] = {}
    for name in missing:
        e, f = _LIMB_WEIGHTS[name]
        # Cramer's rule for e * I + f * II = p * first + q * second; Python floats keep the samples float32.
        p, q = (e * d - f * c) / determinant, (f * a - e * b) / determinant
        derived[name] = p * leads_mv[first] + q * leads_mv[second]
    return derived
