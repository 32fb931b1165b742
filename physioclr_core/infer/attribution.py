"""Which parts of an ECG speak for a label: parts are taken out of the network's input and its answer is asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.infer.windows import Windows

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
# Input (n, n_leads, n_samples) and mask (n, n_samples) -> logits (n, n_labels).
LogitsOf = Callable[[FloatArray, FloatArray], FloatArray]

# Larger batches are not faster on a CPU, and progress and cancel would be seen later.
BATCH = 8
# A span of fewer samples has nothing between its edges that a straight line could replace.
_FEWEST_SAMPLES = 3


class AttributionCancelledError(Exception):
    """The attribution was given up because ``is_cancelled`` said so."""


@dataclass(frozen=True, slots=True)
class Occlusion:
    """One question to the network: these spans of these leads replaced by straight lines.

    Attributes
    ----------
    leads : tuple of int
        Rows of the network's input.
    spans : tuple of int
        Which of the spans; empty for whole leads, which are then held at their mean.
    """

    leads: tuple[int, ...]
    spans: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each part of a window adds to one label's logit.

    Every value is the logit of the ECG as it is minus the logit without that part: positive speaks for the label,
    negative against it, NaN is not known (the part lies in a gap, or is shorter than the network's samples can show).
    Parts overlap in what they tell the network, so values do not add up to the logit.

    Attributes
    ----------
    logit : float
        Of the window as it is, before calibration.
    effect : ndarray of float32, shape (n_leads, n_spans)
        Of one span in one lead.
    lead_effect : ndarray of float32, shape (n_leads,)
        Of a whole lead.
    group_effect : ndarray of float32, shape (n_groups,)
        Of what was asked for beside them: several spans, in several leads, at once.
    """

    logit: float
    effect: FloatArray
    lead_effect: FloatArray
    group_effect: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class OcclusionEffects:
    """The effects of one window's parts on the logits of all labels; the last axis of every array is the label.

    The network answers for all labels at once, so that asking for a second label costs nothing.
    """

    logits: FloatArray
    effect: FloatArray
    lead_effect: FloatArray
    group_effect: FloatArray

    def of_label(self, index: int) -> Attribution:
        """Return what speaks for one label, by its place in the manifest."""
        return Attribution(
            logit=float(self.logits[index]),
            effect=self.effect[..., index],
            lead_effect=self.lead_effect[..., index],
            group_effect=self.group_effect[..., index],
        )


def occlusion_effects(
    logits_of: LogitsOf,
    windows: Windows,
    window: int,
    fs_hz: float,
    spans_s: npt.NDArray[np.float64],
    groups: Sequence[Occlusion] = (),
    on_progress: Callable[[int, int], object] = lambda n_done, n_all: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> OcclusionEffects:
    """Take every span out of every lead, every lead out as a whole, and what else is asked for.

    A span is replaced by the straight line between its edges, so that a wave is removed and no step is made. What the
    network subtracts from each lead, its mean over the window, is that of the changed lead.

    Parameters
    ----------
    logits_of : callable
        The network, such as ``EcgModel.logits``.
    windows : Windows
        Of the record.
    window : int
        Which window is explained.
    fs_hz : float
        Rate of the network's input.
    spans_s : ndarray of float64, shape (n_spans, 2)
        Start and end in seconds from the record's start; parts outside the window are cut off.
    groups : sequence of Occlusion
        What is taken out together, such as all P waves of all leads.
    on_progress : callable
        Called with how many questions are answered and how many there are.
    is_cancelled : callable
        Asked before every run of the network.

    Returns
    -------
    OcclusionEffects

    Raises
    ------
    AttributionCancelledError
        If ``is_cancelled`` says so.
    """
    x, mask = windows.x[window], windows.mask[window]
    n_leads, n_spans = len(x), len(spans_s)
    places = places_of(spans_s - windows.start_s[window], fs_hz, mask)
    questions = [Occlusion((), ())]
    questions += [Occlusion((lead,), (span,)) for span in range(n_spans) for lead in range(n_leads)]
    questions += [Occlusion((lead,), ()) for lead in range(n_leads)]
    questions += groups
    answers = _answers(logits_of, x, mask, places, questions, on_progress, is_cancelled)
    effects = answers[0] - answers[1:]
    n_cells = n_leads * n_spans
    return OcclusionEffects(
        logits=answers[0],
        effect=effects[:n_cells].reshape(n_spans, n_leads, answers.shape[1]).swapaxes(0, 1),
        lead_effect=effects[n_cells : n_cells + n_leads],
        group_effect=effects[n_cells + n_leads :],
    )


def window_at(windows: Windows, start_s: float, end_s: float, window_s: float) -> int:
    """Return the window that shares most with a stretch of time; of equal ones the first."""
    shared = np.minimum(windows.start_s + window_s, end_s) - np.maximum(windows.start_s, start_s)
    return int(np.argmax(np.round(shared, 3)))


def places_of(spans_s: npt.NDArray[np.float64], fs_hz: float, mask: FloatArray) -> list[npt.NDArray[np.int64]]:
    """Return the samples with signal of each span, its edges included, whose times count from the window's start."""
    edges = np.clip(np.round(spans_s * fs_hz), 0, len(mask) - 1).astype(np.int64).reshape(-1, 2)
    return [first + np.flatnonzero(mask[first : last + 1]) for first, last in edges]


def occluded(x: FloatArray, mask: FloatArray, places: Sequence[npt.NDArray[np.int64]], what: Occlusion) -> FloatArray:
    """Return a window without some of its parts.

    Parameters
    ----------
    x : ndarray of float32, shape (n_leads, n_samples)
        The network's input, zero where ``mask`` is.
    mask : ndarray of float32, shape (n_samples,)
    places : sequence of ndarray of int64
        The samples with signal of each span, its edges included.
    what : Occlusion

    Returns
    -------
    ndarray of float32, shape (n_leads, n_samples)
    """
    changed = x.copy()
    if not what.leads:
        return changed
    leads = np.asarray(what.leads)
    if not what.spans:
        changed[leads] = 0.0  # the mean is zero already
        return changed
    for span in what.spans:
        where = places[span]
        if len(where) >= _FEWEST_SAMPLES:
            first, last = where[0], where[-1]
            share = ((where - first) / (last - first)).astype(np.float32)
            start, rise = changed[leads, first], changed[leads, last] - changed[leads, first]
            changed[np.ix_(leads, where)] = start[:, None] + rise[:, None] * share
    n_valid = max(float(mask.sum()), 1.0)
    changed[leads] -= ((changed[leads] * mask).sum(axis=1, keepdims=True) / n_valid) * mask
    return changed


def _answers(
    logits_of: LogitsOf,
    x: FloatArray,
    mask: FloatArray,
    places: list[npt.NDArray[np.int64]],
    questions: list[Occlusion],
    on_progress: Callable[[int, int], object],
    is_cancelled: Callable[[], bool],
) -> FloatArray:
    """Return the logits of every question, shape (n_questions, n_labels); NaN where there is nothing to take out."""

    def is_answerable(what: Occlusion) -> bool:
        return not what.spans or any(len(places[span]) >= _FEWEST_SAMPLES for span in what.spans)

    asked = [index for index, what in enumerate(questions) if is_answerable(what)]
    answers: FloatArray | None = None
    for start in range(0, len(asked), BATCH):
        if is_cancelled():
            raise AttributionCancelledError
        part = asked[start : start + BATCH]
        inputs = np.stack([occluded(x, mask, places, questions[index]) for index in part])
        logits = logits_of(inputs, np.repeat(mask[None], len(part), axis=0))
        if answers is None:
            answers = np.full((len(questions), logits.shape[1]), np.nan, np.float32)
        answers[part] = logits
        on_progress(start + len(part), len(asked))
    assert answers is not None  # the first question takes nothing out
    return answers
