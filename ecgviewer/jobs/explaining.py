"""The worker's answers to "why": waves are taken out of the model's input. No Qt."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ecgviewer.jobs.protocol import Explain, Explanation, Failed, Message, Progress, Wave, Without
from physioclr_core.infer.attribution import AttributionCancelledError
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import NotAssessedError
from physioclr_core.physiology.explain import NotExplainedError, RecordExplanation, explain_record, label_index
from physioclr_core.record import EcgRecord

# So often a window is told how far it is: often enough for an eye.
PROGRESS_EVERY_S = 0.1
_ALL = "all "


class Explainer:
    """Explains statements; the waves of the last window are asked about once, for all statements together."""

    def __init__(self, model: EcgModel) -> None:
        self._model = model
        self._kept_key: tuple[object, ...] = ()
        self._kept: RecordExplanation | None = None

    def answer(
        self, request: Explain, record: EcgRecord, send: Callable[[Message], object], is_cancelled: Callable[[], bool]
    ) -> None:
        """Send progress, and then the explanation, the reason why there is none, or that it was cancelled.

        Raises
        ------
        UserFacingError
            If the model does not know the statement.
        """
        label_index(self._model.manifest, request.code)
        told_s = time.monotonic()

        def on_progress(n_done: int, n_all: int) -> None:
            nonlocal told_s
            if time.monotonic() - told_s >= PROGRESS_EVERY_S:
                told_s = time.monotonic()
                send(Progress(request.job, n_done, n_all))

        try:
            found = self._explained(request, record, on_progress, is_cancelled)
        except AttributionCancelledError:
            send(Failed("cancelled", request.job))
        except (NotAssessedError, NotExplainedError) as reason:
            send(Explanation(request.job, request.code, str(reason), None, [], [], [], None, None, None, 0))
        else:
            send(_explanation(request, found))

    def _explained(
        self,
        request: Explain,
        record: EcgRecord,
        on_progress: Callable[[int, int], None],
        is_cancelled: Callable[[], bool],
    ) -> RecordExplanation:
        spec = self._model.manifest.input
        has_windows = record.duration_s > spec.window_samples / spec.fs_hz
        in_sight_s = (request.in_sight_s[0], request.in_sight_s[1])
        digest = hashlib.sha256(record.signal_mv.tobytes()).hexdigest()
        key = (digest, record.fs_hz, record.lead_names, in_sight_s if has_windows else None)
        if self._kept is None or key != self._kept_key:
            self._kept = None
            self._kept = explain_record(
                record, self._model, in_sight_s=in_sight_s, on_progress=on_progress, is_cancelled=is_cancelled
            )
            self._kept_key = key
        return self._kept


def _explanation(request: Explain, found: RecordExplanation) -> Explanation:
    attribution = found.of_label(request.code)
    path = Path(request.signal).with_suffix(".effects.npy")
    np.save(path, attribution.effect.astype(np.float32), allow_pickle=False)
    without = [
        Without(name.removeprefix(_ALL), found.probability(request.code, attribution.logit - float(effect)))
        for name, effect in zip(found.group_names, attribution.group_effect, strict=True)
        if name.startswith(_ALL) and np.isfinite(effect)
    ]
    effects = attribution.effect[np.isfinite(attribution.effect)]
    strongest = found.probability(request.code, attribution.logit - float(effects.max())) if effects.size else None
    return Explanation(
        job=request.job,
        code=request.code,
        reason=None,
        effects=str(path),
        lead_names=list(found.lead_names),
        waves=[Wave(span.wave, span.beat, span.start_s, span.end_s) for span in found.spans],
        without=without,
        probability=found.probability(request.code, attribution.logit),
        without_strongest=strongest,
        window_s=list(found.window_s),
        n_windows=found.n_windows,
    )
