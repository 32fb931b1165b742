"""Which class of DICOM object an ECG becomes, and why."""

from __future__ import annotations

from dataclasses import dataclass

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import SignalSource
from physioclr_core.writers.target import ExportError

TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
AMBULATORY = "1.2.840.10008.5.1.4.1.1.9.1.3"

# PS3.3 A.34.3 to A.34.5: rates in Hz, channels of a group, channels of all groups.
_TWELVE_CHANNELS_IN_ALL = 13
_GENERAL_CHANNELS, _AMBULATORY_CHANNELS = 24, 12
_DIAGNOSTIC_HZ, _AMBULATORY_HZ = (200.0, 1000.0), (50.0, 1000.0)
_LONGEST_RESTING_S = 600.0
# One data element holds less than 2**32 bytes; half of that leaves every reader room.
_MOST_BYTES = 1 << 31


@dataclass(frozen=True, slots=True)
class SopClass:
    """The class of an object.

    Attributes
    ----------
    uid, name : str
    why : str
        One sentence for the person.
    has_median : bool
        Whether the median beat is written as a group of its own.
    """

    uid: str
    name: str
    why: str
    has_median: bool


def sop_class(record: SignalSource, n_median_leads: int) -> SopClass:
    """Choose the class of a record.

    Parameters
    ----------
    record : SignalSource
    n_median_leads : int
        Leads of the median beat that is to be written too; 0 for none.

    Raises
    ------
    ExportError
        If no class of DICOM allows the record.
    """
    n_leads, fs_hz = record.n_leads, record.fs_hz
    if 2 * n_leads * record.n_samples > _MOST_BYTES:
        raise ExportError(f"{record.name}: is too long for one DICOM object; EDF+ and WFDB hold it.")
    if not _AMBULATORY_HZ[0] <= fs_hz <= _AMBULATORY_HZ[1]:
        raise ExportError(
            f"{record.name}: DICOM's ECG objects are sampled at 50 to 1000 Hz, this one at {fs_hz:g} Hz; "
            "WFDB, EDF+ and CSV hold it."
        )
    is_slow, is_long = fs_hz < _DIAGNOSTIC_HZ[0], record.duration_s > _LONGEST_RESTING_S
    if is_slow or (is_long and n_leads <= _AMBULATORY_CHANNELS):
        reason = (
            f"its {fs_hz:g} Hz are below the 200 Hz that the other classes ask for"
            if is_slow
            else f"it lasts {record.duration_s / 60:.0f} minutes"
        )
        if n_leads > _AMBULATORY_CHANNELS:
            raise ExportError(f"{record.name}: below 200 Hz DICOM allows at most 12 leads, this one has {n_leads}.")
        without = (
            " Its median beat is left out, because this class has one group of channels." if n_median_leads else ""
        )
        return SopClass(AMBULATORY, "Ambulatory ECG", f"Ambulatory ECG, because {reason}.{without}", False)
    if max(n_leads, n_median_leads) > _GENERAL_CHANNELS:
        raise ExportError(f"{record.name}: DICOM's ECG objects hold at most 24 leads, this one has {n_leads}.")
    is_twelve = set(STANDARD_LEADS) <= set(record.lead_names)
    if is_twelve and n_leads + n_median_leads <= _TWELVE_CHANNELS_IN_ALL:
        return SopClass(TWELVE_LEAD, "12-lead ECG", "12-lead ECG: the twelve leads at a diagnostic rate.", False)
    if is_twelve and n_median_leads:
        why = f"rhythm and median beat are {n_leads + n_median_leads} channels, and a 12-lead ECG has at most 13"
    else:
        why = f"it has {n_leads} leads, not the twelve standard ones"
    return SopClass(GENERAL, "General ECG", f"General ECG, because {why}.", n_median_leads > 0)
