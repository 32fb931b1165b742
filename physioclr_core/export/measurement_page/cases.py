"""The demo ECGs that the figures are drawn on, and what the engine finds in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from physioclr_core.paths import assets_dir
from physioclr_core.physiology.analysis import EcgAnalysis, analyse, analyse_record
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord
from physioclr_core.signal.resample import resample

NORMAL, AF, LBBB, RBBB = "18597_hr", "01026_hr", "A0131", "A0051"
INFERIOR_MI, LVH, PVC, AV_BLOCK = "15808_lr", "00386_lr", "A0025", "02648_lr"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A demo ECG, its title and its analysis."""

    name: str
    title: str
    record: EcgRecord
    analysis: EcgAnalysis

    @property
    def source(self) -> str:
        """The title with the record's name and rate, for a figure's header."""
        return f"{self.title}  ·  {self.name}  ·  {self.record.fs_hz:g} Hz"

    def row(self, lead: str) -> int:
        """Return the row of a lead."""
        return self.analysis.lead_names.index(lead)


@cache
def case(name: str) -> Case:
    """Read and analyse a demo ECG."""
    folder = assets_dir() / "demo"
    titles = {
        entry["file"]: entry["title"] for entry in json.loads((folder / "index.json").read_text(encoding="utf-8"))
    }
    record = read_record(folder / f"{name}.hea")
    return Case(name, titles[f"{name}.hea"], record, analyse_record(record))


def at_rate(original: Case, fs_hz: float) -> Case:
    """Return the same ECG as if it had been sampled at another rate."""
    record = original.record
    signal_mv = resample(record.signal_mv, record.fs_hz, fs_hz)
    patient = record.patient
    analysis = analyse(signal_mv, fs_hz, record.lead_names, sex=patient.sex, age_years=patient.age_years)
    return replace(original, record=replace(record, signal_mv=signal_mv, fs_hz=fs_hz), analysis=analysis)


def with_lead_off(original: Case, lead: str) -> Case:
    """Return the same ECG with the electrode of one lead off: a level that does not move."""
    record = original.record
    signal_mv = np.array(record.signal_mv)
    signal_mv[original.row(lead)] = 0.0
    patient = record.patient
    analysis = analyse(signal_mv, record.fs_hz, record.lead_names, sex=patient.sex, age_years=patient.age_years)
    return replace(original, record=replace(record, signal_mv=signal_mv), analysis=analysis)
