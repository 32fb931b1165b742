"""SNOMED CT codes of the PhysioNet/CinC Challenges 2020 and 2021: names and abbreviations."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from physioclr_core.paths import assets_dir


@dataclass(frozen=True, slots=True)
class SnomedConcept:
    """One diagnosis of the challenge.

    Attributes
    ----------
    code : str
        SNOMED CT code.
    name : str
    abbreviation : str
        The challenge's own, to be shown; nothing is matched by it.
    is_scored : bool
        Whether the challenge of 2021 scores it.
    """

    code: str
    name: str
    abbreviation: str
    is_scored: bool


@cache
def snomed_concepts() -> dict[str, SnomedConcept]:
    """Return the challenge's diagnoses by their SNOMED CT code, the scored ones first."""
    concepts: dict[str, SnomedConcept] = {}
    for name, is_scored in (("dx_mapping_scored.csv", True), ("dx_mapping_unscored.csv", False)):
        with (assets_dir() / "statements" / "cinc" / name).open(newline="", encoding="utf-8-sig") as lines:
            for row in csv.DictReader(lines):
                code = row["SNOMEDCTCode"]
                concept = SnomedConcept(code, row["Dx"].strip(), row["Abbreviation"].strip(), is_scored)
                concepts.setdefault(code, concept)
    return concepts
