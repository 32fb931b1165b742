"""What every reader does with its leads: names, and the report of the import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from physioclr_core.leads import STANDARD_LEADS, standard_name
from physioclr_core.no_signal import no_signal_spans
from physioclr_core.readers.report_text import no_signal_text
from physioclr_core.record import FloatArray, GainSource, ImportReport, LeadReport
from physioclr_core.signal.quality import (
    RESIDUAL_LIMIT_MV,
    LeadQuality,
    assess_leads,
    einthoven_residual_mv,
    goldberger_residual_mv,
    shared_gaps_s,
)

# No surface ECG is larger; paced and paediatric records stay below 20 mV.
IMPLAUSIBLE_PEAK_MV = 30.0
# Leads of one recording never all span the same range; files whose leads were each scaled to one range do.
SAME_RANGE_LEADS = 3
SAME_RANGE_TOLERANCE = 0.005


class LeadSource(NamedTuple):
    """What a file states about one lead; the fields are those of ``LeadReport``."""

    source_name: str
    unit: str
    gain: float
    gain_source: GainSource
    baseline: float
    fs_hz: float


def name_leads(source_names: Iterable[str], warnings: list[str]) -> tuple[str, ...]:
    """Return one name for each lead: the standard one, else the file's own, made unique.

    Parameters
    ----------
    source_names : iterable of str
        As the file spells them.
    warnings : list of str
        Gets a sentence for each lead without a name and each name that occurs twice.
    """
    names: list[str] = []
    for position, source_name in enumerate(source_names, start=1):
        name = standard_name(source_name) or source_name.strip()
        if not name:
            name = f"signal {position}"
            warnings.append(f"Lead {position} has no name in the file; it is kept as '{name}'.")
        if name in names:
            first, count = name, 2
            while name in names:
                name = f"{first} ({count})"
                count += 1
            warnings.append(f"More than one lead is called {first}; lead {position} is kept as '{name}'.")
        names.append(name)
    return tuple(names)


def build_report(
    signal_mv: FloatArray,
    fs_hz: float,
    lead_names: tuple[str, ...],
    sources: Sequence[LeadSource],
    ignored: Iterable[str] = (),
    warnings: Iterable[str] = (),
    derived_leads: Iterable[str] = (),
    padding: Iterable[str] = (),
) -> ImportReport:
    """Check the leads and put what was found together with what the reader knows.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
    fs_hz : float
    lead_names : tuple of str
        Names in the record.
    sources : sequence of LeadSource
        One for each lead, in the same order.
    ignored, warnings : iterable of str
        From the reader; they come first.
    derived_leads : iterable of str
        Leads that the reader computed from others.
    padding : iterable of str
        Sentences on samples that the file marks as filled in.

    Returns
    -------
    ImportReport
    """
    quality = assess_leads(signal_mv, fs_hz)
    einthoven_mv = einthoven_residual_mv(signal_mv, lead_names)
    goldberger_mv = goldberger_residual_mv(signal_mv, lead_names)
    gaps_s = (quality.gap_samples / fs_hz).tolist()  # lists, because a report holds plain values and no numpy scalars
    no_signal_s = [
        tuple((start / fs_hz, end / fs_hz) for start, end in spans) for spans in no_signal_spans(signal_mv, fs_hz)
    ]
    checks = zip(gaps_s, quality.is_flat.tolist(), quality.clipped_fraction.tolist(), no_signal_s, strict=True)
    leads = tuple(
        LeadReport(name, *source, *found) for name, source, found in zip(lead_names, sources, checks, strict=True)
    )
    return ImportReport(
        leads=leads,
        unknown_leads=tuple(name for name in lead_names if name not in STANDARD_LEADS),
        derived_leads=tuple(derived_leads),
        ignored=tuple(ignored),
        padding=tuple(padding),
        gaps=shared_gaps_s(signal_mv, fs_hz),
        einthoven_residual_mv=einthoven_mv,
        goldberger_residual_mv=goldberger_mv,
        warnings=(
            *warnings,
            *_lead_warnings(leads, quality, signal_mv.shape[1] / fs_hz),
            *_residual_warnings(einthoven_mv, goldberger_mv),
        ),
    )


def _lead_warnings(leads: tuple[LeadReport, ...], quality: LeadQuality, duration_s: float) -> list[str]:
    found: list[str] = []
    # Half a sample, so that rounding does not matter.
    almost_all_s = duration_s - 0.5 * duration_s / max(quality.n_samples, 1)
    empty = [lead.name for lead in leads if lead.gap_s > almost_all_s]
    with_gaps = [lead for lead in leads if 0 < lead.gap_s <= almost_all_s]
    flat = [lead.name for lead in leads if lead.is_flat]
    off = [
        f"{lead.name} ({no_signal_text(lead.no_signal_s)})" for lead in leads if lead.no_signal_s and not lead.is_flat
    ]
    clipped = [lead for lead in leads if lead.clipped_fraction > 0]
    if empty:
        found.append(f"Without a valid sample: {', '.join(empty)}.")
    if with_gaps:
        longest_s = max(lead.gap_s for lead in with_gaps)
        found.append(f"With gaps, up to {longest_s:.3g} s in all: {', '.join(lead.name for lead in with_gaps)}.")
    if flat:
        found.append(f"Flat: {', '.join(flat)}.")
    if off:
        found.append(f"Without signal: {', '.join(off)}.")
    if clipped:
        longest_s = max(lead.clipped_fraction for lead in clipped) * duration_s
        found.append(f"Clipped for up to {longest_s:.3g} s in all: {', '.join(lead.name for lead in clipped)}.")
    return found + _amplitude_warnings(leads, quality)


def _amplitude_warnings(leads: tuple[LeadReport, ...], quality: LeadQuality) -> list[str]:
    found: list[str] = []
    lowest_mv, highest_mv = quality.lowest_mv.tolist(), quality.highest_mv.tolist()
    extremes = list(zip(leads, lowest_mv, highest_mv, strict=True))
    huge = [lead.name for lead, low, high in extremes if max(-low, high) > IMPLAUSIBLE_PEAK_MV]
    if huge:
        found.append(f"Above {IMPLAUSIBLE_PEAK_MV:g} mV, so that the gain is in doubt: {', '.join(huge)}.")
    # A lead without samples has the range NaN, which is not above 0.
    ranges_mv = [high - low for _, low, high in extremes if high - low > 0]
    widest_mv = max(ranges_mv, default=0.0)
    if len(ranges_mv) >= SAME_RANGE_LEADS and widest_mv - min(ranges_mv) < SAME_RANGE_TOLERANCE * widest_mv:
        found.append(f"Every lead spans {widest_mv:.3g} mV: the amplitudes were normalised and are not as recorded.")
    return found


def _residual_warnings(einthoven_mv: float | None, goldberger_mv: float | None) -> list[str]:
    found: list[str] = []
    for formula, residual_mv in (("I + III - II", einthoven_mv), ("aVR + aVL + aVF", goldberger_mv)):
        if residual_mv is not None and residual_mv > RESIDUAL_LIMIT_MV:
            found.append(f"The limb leads do not fit together: {formula} is {residual_mv:.3f} mV (rms) instead of 0.")
    return found
