"""The 150 features in their order: the schema that values, scaling and tables agree on.

PhysioCLR's paper gives the number and the families, not the features (Maghsoodi et al., arXiv 2509.08116, 2025); which
150 these are is decided here. ``SCHEMA_VERSION`` changes with every feature that is added, removed, moved or computed
differently: vectors of two versions never mix.
"""

from __future__ import annotations

from physioclr_core.physiology.features import conduction, morphology, repolarisation, rhythm
from physioclr_core.physiology.features.spec import BLOCKS, Block, FeatureSpec

SCHEMA_VERSION = 1
FEATURES: tuple[FeatureSpec, ...] = (*rhythm.SPECS, *conduction.SPECS, *repolarisation.SPECS, *morphology.SPECS)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
N_FEATURES = len(FEATURES)


def _columns_of(block: Block) -> slice:
    blocks = [feature.block for feature in FEATURES]
    first = blocks.index(block)
    return slice(first, first + blocks.count(block))


# Each block's features stand together.
BLOCK_COLUMNS: dict[Block, slice] = {block: _columns_of(block) for block in BLOCKS}


def as_markdown() -> str:
    """Return the schema as a table."""
    lines = [
        "# The 150 physiological features",
        "",
        f"Schema {SCHEMA_VERSION}. Made from `physioclr_core.physiology.features.schema`; a test compares the two.",
        "Amplitudes, areas and durations of single leads are those of the median beat, amplitudes against PQ. The",
        "dominant beats are those that the median beat is made of. A vector in space (left, down, back) is the",
        "regression of Kors et al. on I, II and V1 to V6. What cannot be measured is not valid, and no number takes",
        "its place.",
        "",
        "| | name | block | unit | formula | reference |",
        "|---|---|---|---|---|---|",
    ]
    for number, feature in enumerate(FEATURES, start=1):
        cells = (str(number), f"`{feature.name}`", feature.block, feature.unit, feature.formula, feature.reference)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
