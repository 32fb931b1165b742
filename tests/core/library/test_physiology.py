"""Why neighbours are similar: what real ECGs of the shipped library measure alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from real_records import entries_with, record_of, shipped_library, to_adu, write_wfdb

from physioclr_core import cli
from physioclr_core.library.physiology import LibraryPhysiology
from physioclr_core.physiology.features.spec import BLOCKS


def test_an_ecg_is_like_itself_in_every_block() -> None:
    library = shipped_library()
    own = LibraryPhysiology(library).compared(record_of(library.signal_mv(5)), [5])[0]
    assert set(own.blocks) == set(BLOCKS)
    # The library's entry knows the patient's sex and the bare record does not: one feature may differ.
    assert all(cosine > 0.99 for cosine in own.blocks.values())


def test_two_bundle_branch_blocks_conduct_alike_and_a_normal_ecg_does_not() -> None:
    library = shipped_library()
    left = [entry.entry for entry in entries_with("CLBBB")[:6]]
    normal = [entry.entry for entry in entries_with("NORM")[:6]]
    compared = LibraryPhysiology(library)
    record = record_of(library.signal_mv(left[0]))
    alike = [pair.blocks["conduction"] for pair in compared.compared(record, left[1:])]
    unlike = [pair.blocks["conduction"] for pair in compared.compared(record, normal)]
    assert np.median(alike) > np.median(unlike) + 0.3


def test_of_an_ecg_without_beats_no_block_is_known() -> None:
    flat = record_of(np.zeros((12, 1000), np.float32))
    pair = LibraryPhysiology(shipped_library()).compared(flat, [0])[0]
    assert pair.blocks == {}
    assert np.isnan(pair.mean)


def test_the_command_says_it_for_every_neighbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = write_wfdb(tmp_path / "ecg", to_adu(shipped_library().signal_mv(7)))
    assert cli.main(["similar", str(header), "-k", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["similar"]
    assert len(rows) == 3
    for row in rows:
        assert list(row["physiology"]["blocks"]) == list(BLOCKS)
        assert all(-1.0 <= cosine <= 1.0 for cosine in row["physiology"]["blocks"].values() if cosine is not None)
    assert cli.main(["similar", str(header), "-k", "1"]) == 0
    assert "rhythm +" in capsys.readouterr().out.replace("rhythm -", "rhythm +")
