"""The findings panel as a list of rows: what is urgent first, then the groups, then what stays below threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ecgviewer.jobs.protocol import Finding, Predictions
from ecgviewer.state.limits import abstains, shows_set

GROUPS = ("Rhythm", "Conduction", "Infarction", "ST/T", "Hypertrophy", "Normal", "Form")
BELOW = "below threshold"
UNJUDGED = "too few examples"
IN_SET = "also in the prediction set"
ASIDE = "over threshold all the same"
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
    is_marked : bool
        Whether the line is marked as belonging to the prediction set.
    start_s : float or None
        Where a "link" line leads.
    """

    kind: RowKind
    text: str
    finding: Finding | None = None
    is_candidate: bool = False
    fold: str = ""
    is_open: bool = False
    is_marked: bool = False
    start_s: float | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether the line is marked as urgent: it cannot wait, and is a candidate or, without a threshold, likely."""
        return self.finding is not None and self.finding.is_urgent and (self.is_candidate or is_likely(self.finding))

    @property
    def accessible_text(self) -> str:
        """The line in words, as a screen reader says it."""
        if self.finding is None:
            return self.text
        urgent = "urgent, " if self.is_urgent else ""
        finding = self.finding
        parts = [finding.code, finding.description, probability_text(finding), judgement_text(finding)]
        parts += ["in the prediction set"] if self.is_marked else []
        return urgent + ", ".join(filter(None, parts))


def is_candidate(finding: Finding) -> bool:
    """Whether a finding reaches its threshold; never without one."""
    return finding.threshold is not None and finding.probability >= finding.threshold


def is_likely(finding: Finding) -> bool:
    """Whether a finding that has no threshold is more likely than not."""
    return finding.threshold is None and finding.probability >= IN_SIGHT_PROBABILITY


def probability_text(finding: Finding) -> str:
    """Return the probability with two decimals; never a certainty that rounding made up."""
    if finding.probability < 0.005:
        return "<0.01"
    return ">0.99" if finding.probability > 0.995 else f"{finding.probability:.2f}"


def judgement_text(finding: Finding) -> str:
    """Return where the probability stands against the threshold, in words."""
    if finding.threshold is None:
        n = finding.n_positive
        is_in_front = finding.is_urgent and is_likely(finding)
        return f"no threshold validated (n={n}, too few)" if is_in_front else f"too few examples (n={n})"
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
        Folds (``ASIDE``, ``IN_SET``, ``BELOW``, ``UNJUDGED``) whose findings are listed.

    Returns
    -------
    list of FindingRow
        Urgent candidates, then what is urgent and more likely than not but has no threshold, then candidates by group
        in their given order, then what else is likely without a threshold, then the folds; nothing where the record was
        not assessed. Where the model abstains, candidates are no suggestion and go into a fold that names them, but for
        the urgent ones: those are never hidden.
    """
    if predictions.reason is not None:
        return []
    has_set = shows_set(predictions)
    candidates = [finding for finding in predictions.findings if is_candidate(finding)]
    urgent = sorted((f for f in candidates if f.is_urgent), key=lambda f: -f.probability)
    others = [f for f in candidates if not f.is_urgent]
    rows: list[FindingRow] = []
    link = windows_row(predictions)
    if link is not None:
        rows.append(link)
    if urgent:
        rows.append(FindingRow("urgent heading", "Urgent candidates"))
        rows += [_row(f, has_set) for f in urgent]
    likely = sorted((f for f in predictions.findings if is_likely(f)), key=lambda f: -f.probability)
    if any(f.is_urgent for f in likely):
        rows.append(FindingRow("urgent heading", "Urgent, no threshold"))
        rows += [_row(f, has_set) for f in likely if f.is_urgent]
    folds: list[tuple[str, list[Finding]]] = []
    if abstains(predictions):
        folds.append((ASIDE, others))
    else:
        rows += _grouped(others, has_set)
    if not candidates:
        rows.append(FindingRow("note", "no candidate reaches its threshold"))
    if not all(f.is_urgent for f in likely):
        rows.append(FindingRow("heading", "Likely, but no threshold"))
        rows += [_row(f, has_set) for f in likely if not f.is_urgent]
    rest = [f for f in predictions.findings if f not in candidates and f not in likely]
    if has_set:
        folds.append((IN_SET, [f for f in rest if f.is_in_set]))
        rest = [f for f in rest if not f.is_in_set]
    folds.append((BELOW, [f for f in rest if f.threshold is not None]))
    folds.append((UNJUDGED, [f for f in rest if f.threshold is None]))
    for fold, members in folds:
        if members:
            is_open = fold in open_folds
            is_marked = fold == IN_SET
            text = f"{fold}: {_codes(members)}" if fold == ASIDE else f"{fold} ({len(members)})"
            rows.append(FindingRow("fold", text, fold=fold, is_open=is_open, is_marked=is_marked))
            if is_open:
                rows += _grouped(members, has_set)
    return rows


def _codes(findings: list[Finding]) -> str:
    """Return the codes, the most probable first: what stands aside must be seen to be there."""
    return ", ".join(finding.code for finding in sorted(findings, key=lambda f: -f.probability))


def _row(finding: Finding, has_set: bool) -> FindingRow:
    is_marked = has_set and bool(finding.is_in_set)
    return FindingRow("finding", finding.code, finding, is_candidate(finding), is_marked=is_marked)


def _grouped(findings: list[Finding], has_set: bool) -> list[FindingRow]:
    rows: list[FindingRow] = []
    groups = [*GROUPS, *dict.fromkeys(f.group for f in findings if f.group not in GROUPS)]
    for group in groups:
        members = sorted((f for f in findings if f.group == group), key=lambda f: -f.probability)
        if members:
            rows.append(FindingRow("heading", group))
            rows += [_row(f, has_set) for f in members]
    return rows
