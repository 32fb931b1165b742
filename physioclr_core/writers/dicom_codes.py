"""Codes of leads, units and measurements in DICOM: context groups 3001, 3227-3229 and 3688 of PS3.16."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from physioclr_core.readers.dicom_own import OWN_SCHEME
from physioclr_core.writers.computed import software_name
from physioclr_core.writers.measurement_names import plain_name, ucum_unit

_LEADS: dict[str, tuple[str, str]] = {
    "I": ("2:1", "Lead I"),
    "II": ("2:2", "Lead II"),
    "III": ("2:61", "Lead III"),
    "aVR": ("2:62", "aVR, augmented voltage, right"),
    "aVL": ("2:63", "aVL, augmented voltage, left"),
    "aVF": ("2:64", "aVF, augmented voltage, foot"),
    **{f"V{k}": (f"2:{k + 2}", f"Lead V{k}") for k in range(1, 8)},
    "V8": ("2:66", "Lead V8"),
    "V9": ("2:67", "Lead V9"),
    **{f"V{k}R": (f"2:{k + 8}", f"Lead V{k}R") for k in range(2, 8)},
    "vx": ("2:16", "Lead X"),
    "vy": ("2:17", "Lead Y"),
    "vz": ("2:18", "Lead Z"),
    **{f"MCL{k}": (f"2:{k + 91}", f"Modified chest lead per V{k} placement") for k in range(1, 7)},
    "ES": ("2:131", "EASI Lead ES"),
    "AS": ("2:132", "EASI Lead AS"),
    "AI": ("2:133", "EASI Lead AI"),
    "V": ("2:86", "Chest lead"),
}

_GLOBAL: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("heart rate", "ventricular rate", "ventricular heart rate"), ("2:16016", "Ventricular Heart Rate")
    ),
    **dict.fromkeys(("atrial rate", "atrial heart rate"), ("2:16020", "Atrial Heart Rate")),
    **dict.fromkeys(("p duration", "p duration global", "p wave duration"), ("2:16184", "P duration global")),
    **dict.fromkeys(("pr", "pr interval", "pr interval global"), ("2:15872", "PR interval global")),
    **dict.fromkeys(("qrs", "qrs duration", "qrs duration global"), ("2:16156", "QRS duration global")),
    **dict.fromkeys(("qt", "qt interval", "qt interval global"), ("2:16160", "QT interval global")),
    **dict.fromkeys(("qtc", "qtc interval", "qtc interval global"), ("2:15876", "QTc interval global")),
    **dict.fromkeys(
        ("qtc bazett", "qtcb", "qtc global using bazett formula"), ("2:15880", "QTc global using Bazett formula")
    ),
    **dict.fromkeys(
        ("qtc fridericia", "qtc fridericia default", "qtcf", "qtc global using fredericia formula"),
        ("2:15892", "QTc global using Fredericia formula"),
    ),
    **dict.fromkeys(("rr", "rr interval", "mean rr", "rr interval global"), ("2:16168", "RR interval global")),
    **dict.fromkeys(("pp", "pp interval", "pp interval global"), ("2:16140", "PP interval global")),
    **dict.fromkeys(("p axis", "p wave axis"), ("2:16128", "P Axis")),
    "qrs axis": ("2:16132", "QRS axis"),
    **dict.fromkeys(("t axis", "t wave axis"), ("2:16136", "T axis")),
}
_PER_LEAD: dict[str, tuple[str, str]] = {
    "p duration": ("2:6656", "P duration per lead"),
    "pr interval": ("2:7168", "PR interval per lead"),
    "qrs duration": ("2:7936", "QRS duration per lead"),
    **dict.fromkeys(("qt", "qt interval"), ("2:8192", "QT interval per lead")),
    "q duration": ("2:7680", "Q duration, per lead"),
    "r duration": ("2:11264", "R1 duration, per lead"),
    "s duration": ("2:12032", "S1 duration, per lead"),
    "q amplitude": ("2:1792", "Q amplitude, per lead"),
    "r amplitude": ("2:2048", "R amplitude, per lead"),
    "s amplitude": ("2:2304", "S amplitude, per lead"),
    "j amplitude": ("2:1024", "J point Amplitude, per lead"),
    **dict.fromkeys(("st level at j", "st at j"), ("2:1024", "J point Amplitude, per lead")),
}
_UNIT_MEANINGS = {
    "1": "no units",
    "ms": "millisecond",
    "s": "second",
    "mV": "millivolt",
    "uV": "microvolt",
    "deg": "degree",
    "/min": "per minute",
    "%": "percent",
    "Hz": "hertz",
    "mm": "millimetre",
    "mV.ms": "millivolt millisecond",
    "uV.s": "microvolt second",
    "ms2": "square millisecond",
}


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one code."""
    item = Dataset()
    if len(value) > 16:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning[:64]
    return item


def lead_code(name: str) -> Dataset:
    """Return the code of a lead; one of our own scheme, with the file's name as its meaning, for an unknown lead."""
    found = _LEADS.get(name)
    return code(found[0], "MDC", found[1]) if found else code(_own_value(name), OWN_SCHEME, clean(name, 64))


def measurement_code(name: str, lead: str | None) -> Dataset:
    """Return the code of a measurement, of the whole ECG or of a lead."""
    found = (_GLOBAL if lead is None else _PER_LEAD).get(plain_name(name))
    return code(found[0], "MDC", found[1]) if found else code(_own_value(name), OWN_SCHEME, clean(name, 64))


def unit_code(unit: str) -> Dataset:
    """Return the code of a unit."""
    ucum = ucum_unit(unit)
    if ucum is None:
        return code(_own_value(unit), OWN_SCHEME, clean(unit, 64))
    return code(ucum, "UCUM", _UNIT_MEANINGS[ucum])


def computed_modifier() -> Dataset:
    """Return the code that marks a measurement as this program's, not the device's."""
    return code("COMPUTED", OWN_SCHEME, f"Computed by {software_name()}, research use only")


def own_scheme() -> Sequence:
    """Return the declaration of our own coding scheme."""
    item = Dataset()
    item.CodingSchemeDesignator = OWN_SCHEME
    item.CodingSchemeName = "Names of leads and measurements without a standard code"
    return Sequence([item])


def clean(text: str, longest: int) -> str:
    """Return foreign text fit for a value: no backslash, which separates values, and no control characters."""
    printable = "".join(letter if letter.isprintable() and letter != "\\" else " " for letter in text)
    return " ".join(printable.split())[:longest].strip() or "unnamed"


def _own_value(name: str) -> str:
    return clean(name, 16).strip().upper()
