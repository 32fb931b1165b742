from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from physioclr_core.paths import assets_dir
from physioclr_core.statements import GROUPS, statement_codes, statements


def test_there_are_71_statements_in_the_order_of_ptb_xls_own_table(test_data: Callable[..., Path]) -> None:
    with test_data("ptbxl100", "scp_statements.csv").open(newline="", encoding="utf-8") as lines:
        expected = tuple(row[0] for row in list(csv.reader(lines))[1:])
    assert statement_codes() == expected
    assert len(set(expected)) == 71


def test_groups_follow_the_diagnostic_classes_and_then_rhythm_and_form() -> None:
    with (assets_dir() / "statements" / "scp_statements.csv").open(newline="", encoding="utf-8") as lines:
        rows = {row[""]: row for row in csv.DictReader(lines)}
    of_class = {"NORM": "Normal", "MI": "Infarction", "STTC": "ST/T", "CD": "Conduction", "HYP": "Hypertrophy"}
    for statement in statements():
        row = rows[statement.code]
        assert statement.superclass == (row["diagnostic_class"] or None)
        if statement.superclass:
            assert statement.group == of_class[statement.superclass]
        else:
            assert statement.group == ("Rhythm" if row["rhythm"] else "Form")
    assert set(GROUPS) == {statement.group for statement in statements()}
    assert Counter(s.superclass for s in statements())["MI"] == 14
    assert sum(bool(row["rhythm"]) for row in rows.values()) == 12


def test_every_statement_has_a_plain_description_of_its_own() -> None:
    described = [statement.description for statement in statements()]
    assert all(text == text.strip() and text[0] == text[0].upper() and len(text) > 3 for text in described)
    assert len(set(described)) == 71


def test_what_cannot_wait_is_urgent_and_what_can_is_not() -> None:
    urgent = {statement.code for statement in statements() if statement.is_urgent}
    assert {"3AVB", "SVTAC", "PSVT", "INJAS", "INJIN"} <= urgent
    assert not urgent & {"NORM", "SR", "SARRH", "LVOLT", "NDT", "1AVB", "QWAVE"}
