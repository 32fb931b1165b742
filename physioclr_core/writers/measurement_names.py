"""Usual names of ECG measurements: what a code may be given to, and what cannot hide anything about a person."""

from __future__ import annotations

import re

# Words of which measurement names consist, in files and here; a name with any other word may say something else.
_WORDS = frozenset(
    "p q r s t u j st qrs qt qtc pr pq rr pp nn tp qs jt ptf ta heart rate hr bpm ventricular atrial interval duration "
    "axis amplitude area onset offset peak level point deviation slope segment wave time period global mean median "
    "maximum minimum max min shortest longest sd of at in to and per lead bazett fridericia framingham hodges default "
    "corrected dispersion angle intrinsicoid deflection activation vat sdnn rmssd pnn50 pnn20 cvnn cvsd sd1 sd2 "
    "sokolow lyon cornell voltage product frontal horizontal end start count beat beats the number complex prime first "
    "second third ms mv uv deg".split()
)
_TOKEN = re.compile(r"[a-z]+\d{0,2}'{0,2}|\d{1,3}|[\s()+/,.:*'%-]+")
_UNITS = {
    "": "1",
    "1": "1",
    "ms": "ms",
    "s": "s",
    "mv": "mV",
    "uv": "uV",
    "\u00b5v": "uV",
    "\u03bcv": "uV",
    "deg": "deg",
    "degree": "deg",
    "degrees": "deg",
    "\u00b0": "deg",
    "bpm": "/min",
    "/min": "/min",
    "1/min": "/min",
    "beats/min": "/min",
    "{h.b.}/min": "/min",
    "%": "%",
    "hz": "Hz",
    "mv ms": "mV.ms",
    "mv.ms": "mV.ms",
    "mvms": "mV.ms",
    "uv.s": "uV.s",
    "mm": "mm",
    "ms2": "ms2",
}


def is_usual_name(name: str) -> bool:
    """Return whether a measurement's name consists of the usual words only."""
    text = name.casefold().strip()
    tokens = _TOKEN.findall(text)
    if not text or "".join(tokens) != text:
        return False
    words = [token.rstrip("'") for token in tokens if token[0].isalpha()]
    return bool(words) and all(word in _WORDS or word.rstrip("0123456789") in _WORDS for word in words)


def ucum_unit(unit: str) -> str | None:
    """Return a unit's UCUM code, None for a unit that is not a usual one."""
    return _UNITS.get(unit.strip().casefold())


def plain_name(name: str) -> str:
    """Return a name to look a code up by: "QTc (Bazett)" and "qtc bazett" are one."""
    return " ".join(re.sub(r"[^a-z0-9+]+", " ", name.casefold()).split())


_FILTER_WORDS = frozenset(
    "hz s mv off on none no filter filters hp lp highpass lowpass high low pass notch band bandpass stop baseline "
    "muscle emg ac mains line butterworth bessel linear phase order st nd rd th db to and at hum artefact "
    "artifact".split()
)
_FILTER_TOKEN = re.compile(r"[a-z]+|\d{1,4}(?:\.\d{1,4})?|[\s()+/,.:;=*'%\u2013-]+")


def plain_filters(text: str) -> str | None:
    """Return a filter description that consists of numbers and the usual words, None for any other text."""
    lower = text.casefold().strip()
    tokens = _FILTER_TOKEN.findall(lower)
    words = [token for token in tokens if token[0].isalpha()]
    if not lower or "".join(tokens) != lower or not all(word in _FILTER_WORDS for word in words):
        return None
    return text.strip()
