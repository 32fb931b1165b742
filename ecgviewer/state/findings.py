"""The findings panel as a list of rows: urgent candidates first, then the groups, then what stays below threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ecgviewer.jobs.protocol import Finding, Predictions

GROUPS = ("Rhythm", "Conduction", "Infarction", "ST/T", "Hypertrophy", "Normal", "Form")
BELOW = "below threshold"
UNJUDGED = "too few examples"
# A statement without a threshold is never a candidate, but one that is more likely than not must not stay folded away.
IN_SIGHT_PROBABILITY = 0.5

RowKind = Literal["heading", "urgent heading", "finding", "fold", "note", "link"]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One line of the panel.

    Attributes
    ----------
    kind : str
        "heading", "urgent heading", "finding", "fold", "note" or "link".
    text : str
        What the line says; a finding's code.
    finding : Finding or None
        The finding of a "finding" line.
    is_candidate : bool
        Whether the probability reaches the threshold.
    fold : str
        Which fold a "fold" line opens and closes.
    is_open : bool
        Whether that fold is open.
    start_s : float or None
        Where a "link" line leads.
    """

    kind: RowKind
    text: str
    finding: Finding | None = None
    is_candidate: bool = False
    fold: str = ""
    is_open: bool = False
    start_s: float | None = None

    @property
    def accessible_text(self) -> str:
        """The line in words, as a screen reader says it."""
        if self.finding is None:
            return self.text
        urgent = "urgent, " if self.finding.is_urgent and self.is_candidate else ""
        finding = self.finding
        return f"{urgent}{finding.code}, {finding.description}, {probability_text(finding)}, {judgement_text(finding)}"


def is_candidate(finding: Finding) -> bool:
    """Whether a finding reaches its threshold; never without one."""
    return finding.threshold is not None and finding.probability >= finding.threshold


def probability_text(finding: Finding) -> str:
    """Return the probability with two decimals; never a certainty that rounding made up."""
    if finding.probability < 0.005:
        return "<0.01"
    return ">0.99" if finding.probability > 0.995 else f"{finding.probability:.2f}"


def judgement_text(finding: Finding) -> str:
    """Return where the probability stands against the threshold, in words."""
    if finding.threshold is None:
        return f"too few examples (n={finding.n_positive})"
    relation = "candidate, threshold" if is_candidate(finding) else "below threshold"
    return f"{relation} {finding.threshold:.2f}"


def windows_row(predictions: Predictions) -> FindingRow | None:
    """Return the line on several windows, None where there was one."""
    if predictions.n_windows <= 1:
        return None
    text = f"mean of {predictions.n_windows} windows"
    span = predictions.most_abnormal_window_s
    if span is None:
        return FindingRow("note", text)
    return FindingRow("link", f"{text}; most abnormal {span[0]:g}-{span[1]:g} s", start_s=float(span[0]))


def finding_rows(predictions: Predictions, open_folds: frozenset[str] = frozenset()) -> list[FindingRow]:
    """Arrange the findings.

    Parameters
    ----------
    predictions : Predictions
        The worker's answer.
    open_folds : frozenset of str
        Folds (``BELOW``, ``UNJUDGED``) whose findings are listed.

    Returns
    -------
    list of FindingRow
        Urgent candidates, then candidates by group in their given order, then what is more likely than not but has no
        threshold, then the folds; nothing where the record was not assessed.
    """
    if predictions.reason is not None:
        return []
    candidates = [finding for finding in predictions.findings if is_candidate(finding)]
    urgent = sorted((f for f in candidates if f.is_urgent), key=lambda f: -f.probability)
    rows: list[FindingRow] = []
    link = windows_row(predictions)
    if link is not None:
        rows.append(link)
    if urgent:
        rows.append(FindingRow("urgent heading", "Urgent candidates"))
        rows += [FindingRow("finding", f.code, f, True) for f in urgent]
    rows += _grouped([f for f in candidates if not f.is_urgent], are_candidates=True)
    if not candidates:
        rows.append(FindingRow("note", "no candidate reaches its threshold"))
    below = [f for f in predictions.findings if f.threshold is not None and not is_candidate(f)]
    unjudged = [f for f in predictions.findings if f.threshold is None]
    likely = [f for f in unjudged if f.probability >= IN_SIGHT_PROBABILITY]
    if likely:
        rows.append(FindingRow("heading", "Likely, but no threshold"))
        rows += [FindingRow("finding", f.code, f) for f in sorted(likely, key=lambda f: -f.probability)]
        unjudged = [f for f in unjudged if f not in likely]
    for fold, members in ((BELOW, below), (UNJUDGED, unjudged)):
        if members:
            is_open = fold in open_folds
            rows.append(FindingRow("fold", f"{fold} ({len(members)})", fold=fold, is_open=is_open))
            if is_open:
                rows += _grouped(members, are_candidates=False)
    return rows


def _grouped(findings: list[Finding], *, are_candidates: bool) -> list[FindingRow]:
    rows: list[FindingRow] = []
    groups = [*GROUPS, *dict.fromkeys(f.group for f in findings if f.group not in GROUPS)]
    for group in groups:
        members = sorted((f for f in findings if f.group == group), key=lambda f: -f.probability)
        if members:
            rows.append(FindingRow("heading", group))
            rows += [FindingRow("finding", f.code, f, are_candidates) for f in members]
    return rows
