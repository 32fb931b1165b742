"""What a record's SCP statements, CPSC's text codes, SNOMED CT codes and own labels say, in one set of codes.

Codes are matched exactly and by their own system only; nothing is matched by a displayed name. What is of no system
that is known here is reported as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from physioclr_core.ontology.cpsc import SNOMED_OF_TEXT_CODE
from physioclr_core.ontology.scp import expressible_codes, open_codes, snomed_of_scp
from physioclr_core.ontology.snomed import snomed_concepts
from physioclr_core.statements import statement_codes

# "PVC" and "PAC" are of both systems; both mean the same SNOMED CT code by them.
_DATASETS_OF_CPSC = ("cpsc2018", "cpsc-extra")
_DATASETS_OF_SCP = ("ptbxl",)


@dataclass(frozen=True, slots=True)
class UnifiedCodes:
    """What is said of one record.

    Attributes
    ----------
    scp : tuple of str
        SCP statements of PTB-XL.
    snomed : tuple of str
        SNOMED CT codes: the record's own, and those that its statements, text codes or labels mean.
    without_snomed : tuple of str
        SCP statements for which no SNOMED CT code is known.
    undetermined : frozenset of str
        SNOMED CT codes of which the record's statements do not tell whether they hold.
    unknown : tuple of str
        What is of no system that is known, as it is.
    """

    scp: tuple[str, ...]
    snomed: tuple[str, ...]
    without_snomed: tuple[str, ...]
    undetermined: frozenset[str]
    unknown: tuple[str, ...]


def unified_codes(
    statements: Iterable[str] = (), snomed: Iterable[str] = (), labels: Iterable[str] = (), dataset: str = ""
) -> UnifiedCodes:
    """Bring a record's codes together, each once and in the order given.

    Parameters
    ----------
    statements : iterable of str
        SCP statements, or text codes of CPSC-2018 as that set's headers have them.
    snomed : iterable of str
        SNOMED CT codes; all digits stay, also those the challenge does not name (then ``unknown`` lists them too).
    labels : iterable of str
        Labels of a table that the record carries: SNOMED CT codes of the challenge or SCP statements, exactly.
    dataset : str
        Where the record is from, which tells whose ``PVC`` and ``PAC`` these are.
    """
    texts, own, carried = tuple(statements), tuple(snomed), tuple(labels)
    scp: dict[str, None] = {}
    codes: dict[str, None] = dict.fromkeys(code for code in own if code.isdecimal())
    unknown: dict[str, None] = dict.fromkeys(code for code in own if code not in snomed_concepts())
    is_cpsc = statement_system(texts, dataset) == "cpsc"
    for text in texts:
        if is_cpsc and text in SNOMED_OF_TEXT_CODE:
            codes[SNOMED_OF_TEXT_CODE[text]] = None
        elif not is_cpsc and text in _scp_codes():
            scp[text] = None
        else:
            unknown[text] = None
    for label in carried:
        if label in snomed_concepts():
            codes[label] = None
        elif label in _scp_codes():
            scp[label] = None
        else:
            unknown[label] = None
    codes |= dict.fromkeys(code for statement in scp for code in snomed_of_scp().get(statement, ()))
    undetermined = open_codes(scp)
    if scp and not own:
        undetermined |= snomed_concepts().keys() - expressible_codes()
    return UnifiedCodes(
        scp=tuple(scp),
        snomed=tuple(codes),
        without_snomed=tuple(statement for statement in scp if statement not in snomed_of_scp()),
        undetermined=undetermined - codes.keys(),
        unknown=tuple(unknown),
    )


def statement_system(statements: Iterable[str], dataset: str = "") -> Literal["scp", "cpsc"]:
    """Tell whose statements these are: by the data set where that is known, else CPSC's only if PTB-XL has not all."""
    if dataset in _DATASETS_OF_SCP:
        return "scp"
    if dataset in _DATASETS_OF_CPSC:
        return "cpsc"
    given = set(statements)
    return "cpsc" if given <= SNOMED_OF_TEXT_CODE.keys() and not given <= _scp_codes() else "scp"


def unknown_counts(records: Iterable[UnifiedCodes]) -> dict[str, int]:
    """Return how many records carry each text or code that is of no known system, the most frequent first."""
    return dict(Counter(code for record in records for code in record.unknown).most_common())


@cache
def _scp_codes() -> frozenset[str]:
    return frozenset(statement_codes())
