"""SCP statements of PTB-XL as SNOMED CT codes, as the CinC Challenges mapped the same records.

The challenges published no table from one to the other. ``scp_snomed.csv`` holds the pairs for which the number of
PTB-XL's records with the statement (``n_expected``: of folds 1-9, scaled to the whole) is the challenge's number for
PTB-XL (``n_challenge``), within what leaving a tenth out explains. Its ``evidence`` is ``count`` for a code of one
statement, ``union`` for a code whose records are those of several statements together, and ``open`` where the numbers
do not tell whether the statement belongs to the code. A statement without a pair has no code, and what no statement
expresses is unknown for a record that has statements only: the electrical axis above all, which the challenge took
from another column of PTB-XL.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache

from physioclr_core.paths import assets_dir


@cache
def snomed_of_scp() -> dict[str, tuple[str, ...]]:
    """Return the SNOMED CT codes of each SCP statement that has any."""
    return _pairs(is_open=False)


@cache
def open_snomed_of_scp() -> dict[str, tuple[str, ...]]:
    """Return the SNOMED CT codes of which each SCP statement leaves open whether they hold."""
    return _pairs(is_open=True)


def open_codes(statements: Iterable[str]) -> frozenset[str]:
    """Return the codes that statements neither express nor exclude."""
    given = tuple(statements)
    said = {code for statement in given for code in snomed_of_scp().get(statement, ())}
    return frozenset(code for statement in given for code in open_snomed_of_scp().get(statement, ())) - said


@cache
def expressible_codes() -> frozenset[str]:
    """Return the SNOMED CT codes that some SCP statement means; of any other a record's statements say nothing."""
    return frozenset(code for codes in snomed_of_scp().values() for code in codes)


def is_expressible(code: str) -> bool:
    """Tell whether any SCP statement means a SNOMED CT code."""
    return code in expressible_codes()


def _pairs(is_open: bool) -> dict[str, tuple[str, ...]]:
    pairs: dict[str, tuple[str, ...]] = {}
    with (assets_dir() / "statements" / "scp_snomed.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if (row["evidence"] == "open") == is_open:
                pairs[row["scp"]] = (*pairs.get(row["scp"], ()), row["snomed"])
    return pairs
