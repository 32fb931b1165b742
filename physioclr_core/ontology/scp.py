"""SCP statements of PTB-XL as SNOMED CT codes, as the CinC Challenges mapped the same records.

The challenges published no table from one to the other; this one holds the pairs whose numbers of records agree between
PTB-XL's statements and the challenge's count for PTB-XL (within a few records of the parts that are at hand, scaled to
the whole). A statement without a pair stays without a code, and what no statement expresses is unknown for a record
that has statements only: the electrical axis above all, which the challenge took from another column of PTB-XL.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache

from physioclr_core.ontology.cpsc import SNOMED_OF_TEXT_CODE
from physioclr_core.paths import assets_dir


@cache
def snomed_of_scp() -> dict[str, str]:
    """Return the SNOMED CT code of each SCP statement that has one."""
    with (assets_dir() / "statements" / "scp_snomed.csv").open(newline="", encoding="utf-8") as lines:
        return {row["scp"]: row["snomed"] for row in csv.DictReader(lines)}


def snomed_of_record(snomed: Iterable[str], statements: Iterable[str]) -> tuple[str, ...]:
    """Return a record's SNOMED CT codes: its own and those of its statements, without repetition.

    Parameters
    ----------
    snomed : iterable of str
        Codes that the record itself carries.
    statements : iterable of str
        SCP statements of PTB-XL or text codes of CPSC-2018; those without a code add nothing.
    """
    table = {**SNOMED_OF_TEXT_CODE, **snomed_of_scp()}
    codes = dict.fromkeys(snomed)
    codes |= dict.fromkeys(table[statement] for statement in statements if statement in table)
    return tuple(codes)


def is_expressible(code: str) -> bool:
    """Tell whether any SCP statement means a SNOMED CT code; where none does, statements say nothing of it."""
    return code in snomed_of_scp().values()
