"""The schema of the 150 features, and its table in the documentation."""

from __future__ import annotations

import re
from collections import Counter

from physioclr_core.paths import assets_dir
from physioclr_core.physiology.features.schema import BLOCK_COLUMNS, FEATURES, N_FEATURES, NAMES, as_markdown
from physioclr_core.physiology.features.spec import BLOCKS

# How a name ends where its feature has a unit.
ENDINGS = {
    "ms": ("_ms",),
    "ln(ms)": ("_ln_ms",),
    "mV": ("_mv",),
    "uV": ("_uv",),
    "mV/s": ("_mv_per_s",),
    "uV s": ("_uvs",),
    "deg": ("_deg",),
    "1/s": ("_per_s",),
    "%": ("nn20", "nn50"),
}


def test_there_are_150_features_of_different_names() -> None:
    assert N_FEATURES == len(set(NAMES)) == 150


def test_blocks_stand_together_and_none_is_small() -> None:
    for block in BLOCKS:
        assert {feature.block for feature in FEATURES[BLOCK_COLUMNS[block]]} == {block}
    sizes = Counter(feature.block for feature in FEATURES)
    assert sum(sizes.values()) == 150
    assert min(sizes.values()) >= 25


def test_every_feature_is_documented_and_its_name_tells_its_unit() -> None:
    for feature in FEATURES:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name), feature
        assert feature.formula.endswith("."), feature
        assert feature.reference, feature
        if feature.unit != "1":
            assert feature.name.endswith(ENDINGS[feature.unit]), feature
        else:
            assert not feature.name.endswith(("_ms", "_mv", "_uv", "_deg", "_uvs", "_per_s")), feature


def test_formulas_are_all_different_but_for_those_that_refer_to_the_line_before() -> None:
    counts = Counter(feature.formula for feature in FEATURES if "of the same" not in feature.formula)
    assert max(counts.values()) == 1, counts.most_common(1)


def test_the_table_in_the_documentation_is_that_of_the_schema() -> None:
    assert (assets_dir() / "docs" / "features.md").read_text(encoding="utf-8") == as_markdown()
