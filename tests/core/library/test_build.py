from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, tiny_selection, to_adu, write_ptbxl_tree

from physioclr_core.data.ptbxl import load_ptbxl
from physioclr_core.errors import LibraryError
from physioclr_core.infer.model import EcgModel
from physioclr_core.library.build import build_library, choose_records, demo_patients, nearest_distance_percentile
from physioclr_core.library.reference import ReferenceLibrary, unit
from physioclr_core.statements import statement_codes

FOLDS = tuple(range(1, 10))


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ptbxl_tree(tmp_path_factory.mktemp("ptbxl"), tiny_selection(10))


@pytest.fixture(scope="module")
def built(tree: Path, model: EcgModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "library"
    build_library(tree, out, model, n_records=1000, n_per_label=2, excluded_patients=set(), seed=0)
    return out


# --- which records ---------------------------------------------------------------------------------------------------


def drawn_labels(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random((3000, 30)) < np.geomspace(0.002, 0.5, 30)
    labels[rng.integers(0, 3000, 30), np.arange(30)] = True
    return labels, rng.integers(0, 2500, 3000)


@pytest.mark.parametrize("seed", range(5))
def test_all_labels_are_covered_with_one_record_a_patient(seed: int) -> None:
    labels, patient = drawn_labels(seed)
    rows = choose_records(labels, patient, n_records=400, n_per_label=10, seed=seed)
    assert len(rows) >= 400
    assert len(np.unique(patient[rows])) == len(rows)
    assert (np.diff(rows) > 0).all()
    n_there = labels.sum(axis=0)
    assert (labels[rows].sum(axis=0) >= np.minimum(n_there, 8)).all()  # a rare label's patients may be taken already


def test_the_rest_keeps_the_mix() -> None:
    labels, patient = drawn_labels(0)
    rows = choose_records(labels, patient, n_records=1500, n_per_label=1, seed=0)
    np.testing.assert_allclose(labels[rows].mean(axis=0), labels.mean(axis=0), atol=0.04)


def test_the_choice_is_reproducible() -> None:
    labels, patient = drawn_labels(0)
    a, b, c = (choose_records(labels, patient, 300, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert a.tolist() != c.tolist()


def test_more_records_than_patients_are_not_to_be_had() -> None:
    labels = np.ones((6, 1), np.bool_)
    assert len(choose_records(labels, np.array([1, 1, 2, 2, 3, 3]), 100, 100, 0)) == 3


# --- a library of real records ---------------------------------------------------------------------------------------


def test_builds_a_library_that_opens_and_finds_its_own_records(built: Path, tree: Path, model: EcgModel) -> None:
    library, data = ReferenceLibrary(built), load_ptbxl(tree, FOLDS)
    assert len(library) == len(data)
    for entry, row in zip(library.entries, range(len(data)), strict=True):
        assert (entry.ecg_id, entry.patient_id, entry.fold) == (
            data.ecg_id[row],
            data.patient_id[row],
            data.fold[row],
        )
        assert set(entry.statements) == {c for c, y in zip(data.codes, data.labels[row], strict=True) if y}
        np.testing.assert_array_equal(to_adu(library.signal_mv(entry.entry)), data.signal_adu[row])
    found = library.search(library.embeddings[3], model.manifest.fingerprint, 3)
    assert found.matches[0].entry.entry == 3


def test_ages_and_sexes_are_those_of_the_database(built: Path) -> None:
    shipped = {entry.ecg_id: entry for entry in tiny_selection(10)}
    for entry in ReferenceLibrary(built).entries:
        expected = shipped[entry.ecg_id]
        assert (entry.age_years, entry.over_89, entry.sex) == (expected.age_years, expected.over_89, expected.sex)
        assert entry.other_ecg_ids == ()


def test_the_same_input_gives_the_same_files(built: Path, tree: Path, model: EcgModel, tmp_path: Path) -> None:
    again = tmp_path / "again"
    build_library(tree, again, model, n_records=1000, n_per_label=2, excluded_patients=set(), seed=0)
    for path in built.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_one_record_a_patient_and_the_others_are_named(tree: Path, model: EcgModel, tmp_path: Path) -> None:
    chosen = tiny_selection(10)
    common = [entry for entry in chosen if set(entry.statements) <= {"NORM", "SR"} and entry.fold == 9][:3]
    assert len(common) == 3
    patient_of = dict.fromkeys([entry.ecg_id for entry in common], 77_777)
    root = write_ptbxl_tree(tmp_path / "ptbxl", chosen, patient_of)
    build_library(root, tmp_path / "library", model, 1000, 2, excluded_patients=set(), seed=0)
    kept = [entry for entry in ReferenceLibrary(tmp_path / "library").entries if entry.patient_id == 77_777]
    assert len(kept) == 1
    assert {kept[0].ecg_id, *kept[0].other_ecg_ids} == {entry.ecg_id for entry in common}


def test_patients_of_the_demo_ecgs_are_left_out(tree: Path, model: EcgModel, tmp_path: Path) -> None:
    data = load_ptbxl(tree, FOLDS)
    common = data.labels.sum(axis=0) > 3
    excluded = {int(p) for p, y in zip(data.patient_id, data.labels, strict=True) if not (y & ~common).any()}
    assert excluded
    build_library(tree, tmp_path / "library", model, 1000, 2, excluded_patients=set(list(excluded)[:4]), seed=0)
    patients = {entry.patient_id for entry in ReferenceLibrary(tmp_path / "library").entries}
    assert not patients & set(list(excluded)[:4])
    assert len(patients) == len(data) - 4


def test_a_statement_without_a_record_is_an_error_and_nothing_is_written(model: EcgModel, tmp_path: Path) -> None:
    chosen = [entry for entry in tiny_selection(10) if "3AVB" not in entry.statements]
    root = write_ptbxl_tree(tmp_path / "ptbxl", chosen)
    with pytest.raises(LibraryError, match="no record for 3AVB"):
        build_library(root, tmp_path / "library", model, 1000, 2, excluded_patients=set(), seed=0)
    assert not (tmp_path / "library").exists()


def test_the_limit_is_a_percentile_of_nearest_distances() -> None:
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(600, 8)))
    nearest = [min(1.0 - float(a @ b) for j, b in enumerate(rows) if j != i) for i, a in enumerate(rows)]
    assert nearest_distance_percentile(rows, 99.0) == pytest.approx(np.percentile(nearest, 99.0), abs=1e-6)


def test_the_records_table_is_plain(built: Path) -> None:
    with (built / "records.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    codes = {code for row in rows for code in row["statements"].split()}
    assert codes == set(statement_codes())
    sizes = [int(row["n_bytes"]) for row in rows]
    assert sum(sizes) == (built / "waveforms.bin").stat().st_size
    assert json.loads((built / "library.json").read_text())["n_records"] == len(rows)


def test_demo_patients_are_ptb_xls_only(tmp_path: Path) -> None:
    entries = [{"patient_id": "ptbxl:15"}, {"patient_id": None}, {}, {"patient_id": "other:7"}]
    (tmp_path / "index.json").write_text(json.dumps(entries))
    assert demo_patients(tmp_path) == {15}


def test_waveforms_of_a_shipped_and_a_built_library_agree(built: Path) -> None:
    shipped = {entry.ecg_id: entry.entry for entry in tiny_selection(10)}
    library = ReferenceLibrary(built)
    for entry in library.entries[::10]:
        np.testing.assert_array_equal(library.signal_mv(entry.entry), real_signal_mv(shipped[entry.ecg_id]))
