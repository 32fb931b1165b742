"""``physioclr measure``: intervals, axes, amplitudes and variability of a record, with their uncertainties."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physioclr_core.commands.table_flags import add_table_arguments, given_facts

if TYPE_CHECKING:
    from physioclr_core.physiology.analysis import EcgAnalysis
    from physioclr_core.physiology.marks import Beats
    from physioclr_core.physiology.measurement_table import Measurement, Measurements

_LEAD_COLUMNS = (
    ("P", "p_mv"),
    ("Q", "q_mv"),
    ("R", "r_mv"),
    ("S", "s_mv"),
    ("R'", "r_prime_mv"),
    ("T", "t_mv"),
    ("J", "st_j_mv"),
    ("J+40", "st_j40_mv"),
    ("J+60", "st_j60_mv"),
    ("J+80", "st_j80_mv"),
)
_DECIMALS = {"mV": 2, "": 2, "mV ms": 1, "%": 1}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("measure", help="intervals, axes, amplitudes and variability of a record")
    parser.add_argument("file", type=Path, metavar="FILE", help="record (.hea, .dat, .mat or its stem)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_table_arguments(parser)
    parser.add_argument(
        "--hrv",
        action="store_true",
        help="add NeuroKit2's indices of heart rate variability (5 minutes or more; takes seconds)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the measurements of a record.

    Returns
    -------
    int
        0, also where nothing is measurable: the reasons are printed.
    """
    from physioclr_core.physiology.analysis import analyse_record
    from physioclr_core.readers import read_record

    record = read_record(args.file, given_facts(args))
    analysis = analyse_record(record)
    hrv = long_hrv(analysis.delineation.beats) if args.hrv else None
    if args.json:
        content: dict[str, Any] = {
            "record": record.name,
            **analysis.measurements.to_dict(),
            "signal_quality": quality_values(analysis),
            "electrode_suspicions": [asdict(suspicion) for suspicion in analysis.swaps],
        }
        if hrv is not None:
            content["hrv"] = hrv
        text = json.dumps(content, indent=2, allow_nan=False)
    else:
        text = summary(record.name, analysis.measurements)
        poor = [(lead, reason) for lead, reason in zip(analysis.lead_names, analysis.quality.reasons, strict=True)]
        text += "".join(f"\nSignal of {lead}: {reason}" for lead, reason in poor if reason)
        text += "".join(f"\n{suspicion.text}" for suspicion in analysis.swaps)
        if hrv is not None:
            text += "\n\n" + hrv_text(hrv)
    sys.stdout.write(f"{text}\n")
    return 0


def quality_values(analysis: EcgAnalysis) -> dict[str, dict[str, Any]]:
    """Return each lead's signal quality as plain JSON values; what is unknown is ``None``."""
    quality = analysis.quality
    numbers = ("sqi", "baseline_wander_mv", "muscle_noise_mv", "mains_mv", "mains_hz", "clipped_fraction")
    return {
        lead: {
            "usable": bool(quality.usable[row]),
            "reason": quality.reasons[row],
            **{name: _known(float(getattr(quality, name)[row])) for name in numbers},
        }
        for row, lead in enumerate(analysis.lead_names)
    }


def _known(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def long_hrv(beats: Beats) -> dict[str, float | None]:
    """Return NeuroKit2's indices of variability; empty for a recording that is too short."""
    from physioclr_core.physiology.neurokit import hrv_indices
    from physioclr_core.physiology.rhythm import is_nn

    return hrv_indices(beats.r_s, is_nn(beats))


def summary(name: str, measurements: Measurements) -> str:
    """Return the measurements as a table for a person."""
    rows = [_row(item) for item in measurements]
    width = max(len(label) for label, _, _ in rows)
    values = max(len(value) for _, value, _ in rows)
    resolution = f"marks in time +-{measurements.resolution_ms:.2g} ms by the sampling rate"
    lines = [f"{name}: {measurements.median.beat_set}; {measurements.band}; {resolution}", ""]
    lines += [f"{label:<{width}}  {value:<{values}}  {remark}".rstrip() for label, value, remark in rows]
    leads = measurements.lead_values()
    lines += ["", "Amplitudes and ST levels in mV", "Lead" + "".join(f"{title:>7}" for title, _ in _LEAD_COLUMNS)]
    for lead, found in leads.items():
        cells = (found[column] for _, column in _LEAD_COLUMNS)
        lines.append(f"{lead:<4}" + "".join(f"{'-' if cell is None else f'{cell:z.2f}':>7}" for cell in cells))
    reasons = zip(measurements.leads.lead_names, measurements.lead_reasons, strict=True)
    lines += [f"{lead}: {reason}" for lead, reason in reasons if reason]
    return "\n".join(lines)


def hrv_text(hrv: dict[str, float | None]) -> str:
    """Return NeuroKit2's indices in columns for a person."""
    if not hrv:
        return "Variability of long recordings: not computed, it needs 5 minutes of normal beats"
    width = max(map(len, hrv))
    return "\n".join(
        ["Variability (NeuroKit2; times in ms)"]
        + [f"{name:<{width}}  {'-' if value is None else f'{value:.5g}'}" for name, value in hrv.items()]
    )


def _row(item: Measurement) -> tuple[str, str, str]:
    """Return label, value and remark of one measurement."""
    if item.value is None:
        return item.label, "-", item.reason
    decimals = 0 if item.name.endswith("beats") else _DECIMALS.get(item.unit, 0)
    text = f"{item.value:z.{decimals}f}"
    if item.uncertainty is not None:
        text += f" +- {item.uncertainty:.{decimals or 1}f}"
    return item.label, f"{text} {item.unit}".rstrip(), item.note
