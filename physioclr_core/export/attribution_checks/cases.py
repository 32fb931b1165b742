"""The real ECGs that attributions are checked on: shipped library entries that carry a statement and are found to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.infer.attribution import (
    LogitsOf,
    Occlusion,
    OcclusionEffects,
    occluded,
    occlusion_effects,
    places_of,
)
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import Windows, windows_of
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.library.reference import LibraryEntry, ReferenceLibrary
from physioclr_core.physiology.analysis import waves_of_record
from physioclr_core.physiology.explain import label_index
from physioclr_core.physiology.wave_spans import WAVE_NAMES, WaveSpan, span_times_s, wave_spans
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance

FloatArray = npt.NDArray[np.float32]

CODES = ("1AVB", "CLBBB", "CRBBB", "AFIB", "ASMI", "IMI", "LVH", "ISCAL")
# The fold that was not trained on comes first; it holds too few of some statements.
FOLDS = (9, 8, 7, 6, 5, 4, 3, 2, 1)


@dataclass(frozen=True, eq=False)
class Case:
    """One real ECG, the statement that is asked about, and its waves."""

    code: str
    label: int
    entry: LibraryEntry
    windows: Windows
    fs_hz: float
    spans: tuple[WaveSpan, ...]
    places: list[npt.NDArray[np.int64]]

    @property
    def x(self) -> FloatArray:
        """The network's input, shape (n_leads, n_samples)."""
        x: FloatArray = self.windows.x[0]
        return x

    @property
    def mask(self) -> FloatArray:
        """Where there is signal, shape (n_samples,)."""
        mask: FloatArray = self.windows.mask[0]
        return mask

    @property
    def every_lead(self) -> tuple[int, ...]:
        """Rows of the input."""
        return tuple(range(len(self.x)))

    def of_wave(self, wave: str) -> tuple[int, ...]:
        """Return the spans of a name."""
        return tuple(index for index, span in enumerate(self.spans) if span.wave == wave)

    def without_waves(self) -> FloatArray:
        """Return the input with every wave of every lead taken out."""
        return occluded(self.x, self.mask, self.places, Occlusion(self.every_lead, tuple(range(len(self.spans)))))

    def wave_names(self) -> list[str]:
        """Return the names of waves that it has."""
        return [wave for wave in WAVE_NAMES if self.of_wave(wave)]

    def effects(self, logits_of: LogitsOf, groups: list[Occlusion] | None = None) -> OcclusionEffects:
        """Return the effects of all its waves, and of what is asked for beside them, on a network."""
        return occlusion_effects(logits_of, self.windows, 0, self.fs_hz, span_times_s(self.spans), groups or [])


def find_cases(model: EcgModel, n_each: int, codes: tuple[str, ...] = CODES) -> list[Case]:
    """Return up to ``n_each`` ECGs a statement that carry it and reach its threshold, in turns of the statements."""
    library, spec = ReferenceLibrary(), model.manifest.input
    found: list[list[Case]] = []
    for code in codes:
        label = label_index(model.manifest, code)
        threshold = model.manifest.labels[label].threshold
        carriers = sorted((e for e in library.entries if code in e.statements), key=lambda e: FOLDS.index(e.fold))
        cases: list[Case] = []
        for entry in carriers:
            if len(cases) == n_each:
                break
            record = _record(entry, library.signal_mv(entry.entry), library.fs_hz)
            windows = windows_of(record, spec)
            if threshold is None or model.assess_windows([windows])[0].probability[label] < threshold:
                continue
            spans, _ = wave_spans(waves_of_record(record), 0.0, record.duration_s)
            if spans:
                places = places_of(span_times_s(spans), spec.fs_hz, windows.mask[0])
                cases.append(Case(code, label, entry, windows, spec.fs_hz, spans, places))
        found.append(cases)
    return [cases[turn] for turn in range(n_each) for cases in found if turn < len(cases)]


def _record(entry: LibraryEntry, signal_mv: FloatArray, fs_hz: float) -> EcgRecord:
    return EcgRecord(
        name=entry.record,
        signal_mv=signal_mv,
        fs_hz=fs_hz,
        lead_names=STANDARD_LEADS,
        patient=Patient(),
        acquisition=Acquisition(),
        provenance=Provenance(Path(entry.record), "reference library"),
    )
