"""What in the ECG in sight speaks for a chosen statement: where the answer stands, and what of it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgviewer.jobs.protocol import Explanation, Finding, Wave, Without

FloatArray = npt.NDArray[np.float32]
WhyKind = Literal["off", "waiting", "shown", "failed"]

MEANING = (
    "Each wave is taken out of its lead and the model is asked again: stronger tints lower the probability more.\n"
    "This shows what the model uses, not what the heart does. What speaks against the statement is not tinted.\n"
    "The layout 12x1 shows every recorded lead whole."
)
# What is weaker than this is not drawn: a paper on which everything is tinted says nothing.
LEAST_STRENGTH = 0.15
# A wave that adds this much to the logit is tinted fully, or the strongest where it adds more. Where all add less
# the whole paper stays fainter, as it should.
FULL_LOGIT = 0.1


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of a lead that speaks for the statement; ``strength`` is 1 for a full tint."""

    lead: str
    start_s: float
    end_s: float
    strength: float


@dataclass(frozen=True, slots=True)
class WhyState:
    """Where the question stands.

    Attributes
    ----------
    kind : str
        "off", "waiting", "shown" or "failed".
    finding : Finding or None
        The statement that is asked about.
    n_done, n_all : int
        How far a "waiting" question is; zeros until that is known.
    reason : str
        Why a "failed" question has no answer.
    bands : tuple of Band
        What is drawn.
    strongest : str
        The strongest band in words; empty where nothing is drawn.
    without : tuple of Without
        Probabilities that are left without all waves of a kind.
    probability, without_strongest : float or None
        Of the window that is explained, and what is left of it without the strongest band.
    window_s : tuple of float or None
        That window where there are several.
    """

    kind: WhyKind = "off"
    finding: Finding | None = None
    n_done: int = 0
    n_all: int = 0
    reason: str = ""
    bands: tuple[Band, ...] = ()
    strongest: str = ""
    without: tuple[Without, ...] = ()
    probability: float | None = None
    without_strongest: float | None = None
    window_s: tuple[float, float] | None = None


def shown(finding: Finding, answer: Explanation, effects: FloatArray) -> WhyState:
    """Return what is shown of an answer.

    Parameters
    ----------
    finding : Finding
        What was asked about.
    answer : Explanation
    effects : ndarray of float32, shape (n_leads, n_waves)
        What each wave in each lead adds to the logit. What speaks against the statement is not drawn: two colours on
        one trace would be read as two findings.
    """
    window_s = None
    if answer.window_s is not None and answer.n_windows > 1:
        window_s = (answer.window_s[0], answer.window_s[1])
    bands, strongest = _bands(answer.lead_names, answer.waves, effects)
    return WhyState(
        kind="shown",
        finding=finding,
        bands=bands,
        strongest=strongest,
        without=tuple(answer.without),
        probability=answer.probability,
        without_strongest=answer.without_strongest,
        window_s=window_s,
    )


def _bands(leads: Sequence[str], waves: Sequence[Wave], effects: FloatArray) -> tuple[tuple[Band, ...], str]:
    known = np.nan_to_num(effects, nan=0.0)
    if known.size == 0 or float(known.max()) < LEAST_STRENGTH * FULL_LOGIT:
        return (), ""
    strengths = known / max(float(known.max()), FULL_LOGIT)
    rows, columns = np.nonzero(strengths >= LEAST_STRENGTH)
    bands = tuple(
        Band(leads[row], waves[column].start_s, waves[column].end_s, float(strengths[row, column]))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    )
    row, column = np.unravel_index(int(known.argmax()), known.shape)
    wave = waves[int(column)]
    beat = f", beat {wave.beat}" if wave.beat is not None else " without a beat"
    name = "whole beat" if wave.wave == "beat" else wave.wave
    return bands, f"{name} in {leads[int(row)]}{beat}"


def headline(state: WhyState, hides_strongest: bool = False) -> str:
    """Return the line that says what is seen; empty where nothing is asked.

    ``hides_strongest`` is whether the layout does not show the strongest band.
    """
    finding = state.finding
    if state.kind == "off":
        return ""
    if finding is None:
        return state.reason
    if state.kind == "failed":
        return f"Why {finding.code}: {state.reason}"
    if state.kind == "waiting":
        done = f", {100 * state.n_done // state.n_all} %" if state.n_all else ""
        return f"Why {finding.code}: taking waves out and asking the model again{done}"
    where = f" in {state.window_s[0]:g}-{state.window_s[1]:g} s" if state.window_s is not None else ""
    head = f"Why {finding.code} {_probability_text(state.probability)}{where}: "
    if not state.bands:
        return f"{head}no single wave in a single lead raises it"
    out_of_sight = ", not in sight in this layout" if hides_strongest else ""
    left = _probability_text(state.without_strongest)
    return f"{head}tinted waves raise it; most {state.strongest} (without it {left}{out_of_sight})"


def footline(state: WhyState, model: str) -> str:
    """Return the line on use, model, and what all waves of a kind are worth together."""
    if state.kind != "shown":
        return ""
    left = ", ".join(f"{without.waves} {_probability_text(without.probability)}" for without in state.without)
    return "; ".join(["Research use only", f"model {model}", *([f"probability without all {left}"] if left else [])])


def _probability_text(probability: float | None) -> str:
    if probability is None:
        return "--"
    if probability < 0.005:
        return "<0.01"
    return ">0.99" if probability > 0.995 else f"{probability:.2f}"
