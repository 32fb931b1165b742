"""The 71 SCP-ECG statements of PTB-XL: order, group, urgency and plain description."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from physioclr_core.paths import assets_dir

GROUPS: tuple[str, ...] = ("Rhythm", "Conduction", "Infarction", "ST/T", "Hypertrophy", "Normal", "Form")
_GROUP_OF_CLASS = {"NORM": "Normal", "MI": "Infarction", "STTC": "ST/T", "CD": "Conduction", "HYP": "Hypertrophy"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One SCP-ECG statement.

    Attributes
    ----------
    code : str
        PTB-XL's acronym, e.g. ``AFIB``.
    description : str
        In plain words.
    group : str
        One of ``GROUPS``. A statement with a diagnostic class is in that class's group, also where it is a form
        statement too.
    superclass : str or None
        PTB-XL's diagnostic class (NORM, MI, STTC, CD, HYP).
    is_urgent : bool
        Worth the first look when over threshold.
    """

    code: str
    description: str
    group: str
    superclass: str | None
    is_urgent: bool


@cache
def statements() -> tuple[Statement, ...]:
    """Return the statements in the order of PTB-XL's ``scp_statements.csv``.

    Our plain descriptions and the urgent marks are in ``plain_statements.csv`` beside it.
    """
    folder = assets_dir() / "statements"
    with (folder / "plain_statements.csv").open(newline="", encoding="utf-8") as lines:
        plain = {row["code"]: row for row in csv.DictReader(lines)}
    with (folder / "scp_statements.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(
            Statement(
                code=row[""],
                description=plain[row[""]]["description"],
                group=_group(row),
                superclass=row["diagnostic_class"] or None,
                is_urgent=plain[row[""]]["urgent"] == "1",
            )
            for row in csv.DictReader(lines)
        )


@cache
def statement_codes() -> tuple[str, ...]:
    """Return the codes in the order of ``scp_statements.csv``."""
    return tuple(statement.code for statement in statements())


def _group(row: dict[str, str]) -> str:
    if row["diagnostic_class"]:
        return _GROUP_OF_CLASS[row["diagnostic_class"]]
    return "Rhythm" if row["rhythm"] else "Form"
