"""The words over the paper: who, when, how fast, how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ecgviewer.state.paper import PaperState
from ecgviewer.state.screen import ScreenScale
from physioclr_core.leads import OTHER_LEADS, STANDARD_LEADS
from physioclr_core.record import Patient, SignalSource

UNKNOWN = "--"
LONGEST_BAND_TEXT = 40
# An age above it tells who it may be.
OLDEST_YEARS = 89.0
# A pacing spike lasts half a millisecond to two: below this rate it falls between samples or is filtered away.
PACING_FS_HZ = 500.0
SEX_LETTERS = {"male": "M", "female": "F"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a header line; the unit is drawn lighter than the value."""

    value: str
    unit: str = ""
    label: str = ""

    @property
    def text(self) -> str:
        """Label, value and unit in one string."""
        return " ".join(word for word in (self.label, self.value, self.unit) if word)


def line_text(parts: list[Part]) -> str:
    """Return a header line as plain text."""
    return "  ".join(part.text for part in parts)


def age_text(age_years: float | None, over_89: bool) -> str:
    """Return an age as a reader expects it: "63", ">89" or "--"."""
    if over_89:
        return ">89"
    return UNKNOWN if age_years is None else f"{age_years:g}" if age_years < 3 else f"{age_years:.0f}"


def sex_text(sex: str | None) -> str:
    """Return "F", "M" or "--"."""
    return SEX_LETTERS.get(sex or "", UNKNOWN)


def patient_parts(record: SignalSource, heart_rate_bpm: float | None) -> list[Part]:
    """Return the first line: patient, sex, age, date, heart rate, sampling rate.

    Parameters
    ----------
    record : SignalSource
    heart_rate_bpm : float or None
        None until it is known.

    Returns
    -------
    list of Part
    """
    patient, start = record.patient, record.acquisition.start
    rate = UNKNOWN if heart_rate_bpm is None else f"{heart_rate_bpm:.0f}"
    return [
        Part(patient_text(patient)),
        *who_parts(patient.sex, patient.age_years, patient.over_89),
        Part(start_text(start), label="" if start else "date"),
        Part(rate, label="HR"),
        Part(f"{record.fs_hz:g}", "Hz"),
        Part(record.name, label="record"),
    ]


def deidentified_parts(record: SignalSource, heart_rate_bpm: float | None) -> list[Part]:
    """Return the first line without who it is, the date and the record's name; sex and age in whole years stay."""
    patient, age_years = record.patient, record.patient.age_years
    over_89 = patient.over_89 or (age_years is not None and age_years > OLDEST_YEARS)
    if age_years is not None:
        # Of a small child's age months matter.
        age_years = float(int(age_years)) if age_years >= 2 else round(int(age_years * 12) / 12, 1)
    rate = UNKNOWN if heart_rate_bpm is None else f"{heart_rate_bpm:.0f}"
    return [
        Part("patient data left out"),
        *who_parts(patient.sex, age_years, over_89),
        Part(rate, label="HR"),
        Part(f"{record.fs_hz:g}", "Hz"),
    ]


def deidentified_band_text(record: SignalSource) -> str:
    """Return the band of the device where it is numbers and usual words, as the export keeps it."""
    from physioclr_core.writers.measurement_names import plain_filters  # slow to import, and rarely asked for

    filters = record.acquisition.filters
    return device_band_text(record) if filters is None or plain_filters(filters) else "left out"


def neutral_lead_names(lead_names: Sequence[str]) -> tuple[str, ...]:
    """Return usual names as they are and numbers for others, which may say anything."""
    usual = (*STANDARD_LEADS, *OTHER_LEADS)
    return tuple(name if name in usual else f"Lead {number}" for number, name in enumerate(lead_names, start=1))


def start_text(start: datetime | date | None) -> str:
    """Return date and time of day, or what is known of them, with the time zone where the file states one."""
    if start is None:
        return UNKNOWN
    if not isinstance(start, datetime):
        return f"{start:%Y-%m-%d}"
    return f"{start:%Y-%m-%d %H:%M}" if start.tzinfo is None else f"{start:%Y-%m-%d %H:%M UTC%z}"


def who_parts(sex: str | None, age_years: float | None, over_89: bool) -> list[Part]:
    """Return sex and age; what is unknown is named."""
    letter, age = sex_text(sex), age_text(age_years, over_89)
    return [
        Part(letter, label="sex" if letter == UNKNOWN else ""),
        Part(age, label="age") if age == UNKNOWN else Part(age, "y"),
    ]


def patient_text(patient: Patient) -> str:
    """Return name and number, whichever are known."""
    known = [text for text in (patient.name, patient.patient_id) if text]
    return " ".join(known) if known else f"patient {UNKNOWN}"


def scale_parts(state: PaperState, scale: ScreenScale, page_note: str = "", device_band: str = "") -> list[Part]:
    """Return the second line: speed, gain, filters, baseline and arrangement.

    Millimetres are named only where they are true: at magnification 1 on a screen of known size.

    Parameters
    ----------
    state : PaperState
    scale : ScreenScale
    page_note : str
        What the layout has to say.
    device_band : str
        What the device had filtered before this program had the signal; empty where there is none.

    Returns
    -------
    list of Part
    """
    parts = scale_claim_parts(state, scale)
    parts.append(Part("display filter off"))
    if device_band:
        parts.append(Part(device_band, label="device band"))
    parts.append(Part("baseline at lead median"))
    if page_note:
        parts.append(Part(page_note))
    return parts


def device_band_text(record: SignalSource) -> str:
    """Return the band that the device recorded, in the file's words as far as a line has room for them."""
    words = " ".join((record.acquisition.filters or "unknown").split())
    return words if len(words) <= LONGEST_BAND_TEXT else f"{words[: LONGEST_BAND_TEXT - 1].rstrip()}…"


def low_rate_remark(record: SignalSource) -> str:
    """Return what a low sampling rate hides; empty where it hides nothing that is looked for."""
    if record.fs_hz >= PACING_FS_HZ:
        return ""
    return (
        f"Sampled at {record.fs_hz:g} Hz: nothing above {record.fs_hz / 2:g} Hz is in the signal, "
        "and pacing spikes cannot be assessed."
    )


def scale_claim_parts(state: PaperState, scale: ScreenScale) -> list[Part]:
    """Return how time and voltage are drawn, claiming no millimetre that is not true."""
    if state.time_zoom > 1:
        return [Part("time axis below the paper's speed"), _gain_part(state, scale)]
    if scale.is_known and state.magnification == 1:
        return [Part(f"{state.speed_mm_s:g}", "mm/s"), Part(f"{state.gain_mm_mv:g}", "mm/mV")]
    box = f"{5 / state.speed_mm_s:g} s, {5 / state.gain_mm_mv:g} mV"
    parts = [Part(box, label="large box")]
    if state.magnification != 1:
        parts.append(Part(f"x{state.magnification:g}", label="magnified"))
    if not scale.is_known:
        parts[0] = Part(box, "(screen size unknown)", "large box")
    return parts


def _gain_part(state: PaperState, scale: ScreenScale) -> Part:
    if scale.is_known and state.magnification == 1:
        return Part(f"{state.gain_mm_mv:g}", "mm/mV")
    return Part(f"{5 / state.gain_mm_mv:g} mV", label="large box")


def status_scale_text(state: PaperState, scale: ScreenScale) -> str:
    """Return the status bar's word on the scale."""
    if not scale.is_known:
        return "screen size unknown"
    if state.magnification != 1:
        return f"magnified x{state.magnification:g}"
    return f"1 mm = {scale.px_per_mm:.2f} px"
