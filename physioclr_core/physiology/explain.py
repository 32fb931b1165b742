"""What in an ECG speaks for a statement: the waves of every beat, taken out of the model's input one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.attribution import Attribution, Occlusion, OcclusionEffects, occlusion_effects, window_at
from physioclr_core.infer.manifest import ModelManifest
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import Windows, windows_of
from physioclr_core.physiology.analysis import find_waves
from physioclr_core.physiology.wave_spans import WaveSpan, span_groups, span_times_s, wave_spans
from physioclr_core.record import EcgRecord

# Beats and waves are looked for with this much beside the window: what is said of P waves needs beats around it.
_BESIDE_S = 25.0
_MOST_WINDOWS_A_RUN = 64


class NotExplainedError(Exception):
    """There is nothing to explain with; the text says why, for a person."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordExplanation:
    """What the waves of one window add to the logits of all labels.

    Attributes
    ----------
    window_s : tuple of float
        Start and end of the window that is explained, in seconds from the record's start.
    n_windows : int
        How many windows the record has.
    lead_names : tuple of str
        The model's leads, in the order of the rows of ``effects``.
    spans : tuple of WaveSpan
        In order of time, in the order of the columns.
    group_names : tuple of str
        Spans that were taken out of all leads together: "all P waves", "beat 3".
    effects : OcclusionEffects
    """

    manifest: ModelManifest
    window_s: tuple[float, float]
    n_windows: int
    lead_names: tuple[str, ...]
    spans: tuple[WaveSpan, ...]
    group_names: tuple[str, ...]
    effects: OcclusionEffects

    def of_label(self, code: str) -> Attribution:
        """Return what speaks for a label."""
        return self.effects.of_label(label_index(self.manifest, code))

    def probability(self, code: str, logit: float) -> float:
        """Return the calibrated probability of a label's logit."""
        temperature = self.manifest.labels[label_index(self.manifest, code)].temperature
        return float(1.0 / (1.0 + np.exp(-logit / temperature)))


def label_index(manifest: ModelManifest, code: str) -> int:
    """Return a label's place in a model's output.

    Raises
    ------
    UserFacingError
        If the model does not know the label.
    """
    if code not in manifest.codes:
        raise UserFacingError(f"{code}: {manifest.short_id} has no such label; it knows {', '.join(manifest.codes)}.")
    return manifest.codes.index(code)


def explain_record(
    record: EcgRecord,
    model: EcgModel,
    *,
    in_sight_s: tuple[float, float] | None = None,
    code: str | None = None,
    on_progress: Callable[[int, int], object] = lambda n_done, n_all: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> RecordExplanation:
    """Take the waves of one window out of the model's input and see what its answer loses.

    Parameters
    ----------
    record : EcgRecord
    model : EcgModel
    in_sight_s : tuple of float, optional
        Of several windows the one that shares most with this stretch is explained ...
    code : str, optional
        ... else the one in which this label is the most probable, else the first.
    on_progress : callable
        Called with how many questions to the network are answered and how many there are.
    is_cancelled : callable
        Asked before every run of the network.

    Returns
    -------
    RecordExplanation

    Raises
    ------
    NotAssessedError
        If the model does not allow the record.
    NotExplainedError
        If no beat is known in the window.
    AttributionCancelledError
        If ``is_cancelled`` says so.
    UserFacingError
        If the model does not know the label.
    """
    spec = model.manifest.input
    windows = windows_of(record, spec)
    window_s = spec.window_samples / spec.fs_hz
    if in_sight_s is not None:
        window = window_at(windows, *in_sight_s, window_s)
    else:
        window = _most_probable(model, windows, label_index(model.manifest, code)) if code is not None else 0
    start_s = float(windows.start_s[window])
    end_s = min(start_s + window_s, record.duration_s)
    spans, reason = _waves(record, start_s, end_s)
    if not spans:
        raise NotExplainedError(f"no waves to speak of: {reason}")
    groups = span_groups(spans)
    every_lead = tuple(range(len(spec.leads)))
    effects = occlusion_effects(
        model.logits,
        windows,
        window,
        spec.fs_hz,
        span_times_s(spans),
        [Occlusion(every_lead, members) for members in groups.values()],
        on_progress,
        is_cancelled,
    )
    return RecordExplanation(
        manifest=model.manifest,
        window_s=(start_s, end_s),
        n_windows=len(windows.x),
        lead_names=spec.leads,
        spans=spans,
        group_names=tuple(groups),
        effects=effects,
    )


def _most_probable(model: EcgModel, windows: Windows, label: int) -> int:
    if len(windows.x) == 1:
        return 0
    parts = range(0, len(windows.x), _MOST_WINDOWS_A_RUN)
    ends = [slice(i, i + _MOST_WINDOWS_A_RUN) for i in parts]
    return int(np.concatenate([model.logits(windows.x[part], windows.mask[part])[:, label] for part in ends]).argmax())


def _waves(record: EcgRecord, start_s: float, end_s: float) -> tuple[tuple[WaveSpan, ...], str]:
    """Return the waves of a window; of a long record only what is around it is looked at."""
    first = max(0, round((start_s - _BESIDE_S) * record.fs_hz))
    last = min(record.n_samples, round((end_s + _BESIDE_S) * record.fs_hz))
    beside_s = first / record.fs_hz
    delineation = find_waves(record.signal_mv[:, first:last], record.fs_hz, record.lead_names)
    spans, reason = wave_spans(delineation, start_s - beside_s, end_s - beside_s)
    return tuple(WaveSpan(s.wave, s.beat, s.start_s + beside_s, s.end_s + beside_s) for s in spans), reason
