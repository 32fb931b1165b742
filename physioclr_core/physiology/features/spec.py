"""What one feature is: its name, block, unit, formula and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Block = Literal["rhythm", "conduction", "repolarisation", "morphology"]
BLOCKS: tuple[Block, ...] = ("rhythm", "conduction", "repolarisation", "morphology")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One feature.

    Attributes
    ----------
    name : str
        Unique; ends in the unit where it has one.
    block : str
        One of ``BLOCKS``.
    unit : str
        "1" for a ratio, share or correlation.
    formula : str
        One sentence.
    reference : str
        Where the definition is from; "own" where it is this program's.
    """

    name: str
    block: Block
    unit: str
    formula: str
    reference: str


def specs(block: Block, rows: tuple[tuple[str, str, str, str], ...]) -> tuple[FeatureSpec, ...]:
    """Return a block's features from rows of name, unit, formula and reference."""
    return tuple(FeatureSpec(name, block, unit, formula, reference) for name, unit, formula, reference in rows)
