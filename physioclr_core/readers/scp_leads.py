"""Leads by their numbers in SCP-ECG (EN 1064, section 3), which DICOM and ISO/IEEE 11073 share."""

from __future__ import annotations

_FIRST = (
    "I,II,V1,V2,V3,V4,V5,V6,V7,V2R,V3R,V4R,V5R,V6R,V7R,X,Y,Z,CC5,CM5,LA,RA,LL,fI,fE,fC,fA,fM,fF,fH"  # 1 to 30
).split(",")
_LATER = "III,aVR,aVL,aVF,-aVR,V8,V9,V8R,V9R,D,A,J,Defib,ExtPace,A1,A2,A3,A4".split(",")  # 61 to 78
_FRANK = {"X": "vx", "Y": "vy", "Z": "vz"}

# 31 to 60 are leads 1 to 30 after calibration of the electrodes' distances ("I-cal"), and no other leads' names.
LEAD_NAMES: dict[int, str] = {
    **{number: _FRANK.get(name, name) for number, name in enumerate(_FIRST, start=1)},
    **{number + 30: f"{name}-cal" for number, name in enumerate(_FIRST, start=1)},
    **dict(enumerate(_LATER, start=61)),
}
