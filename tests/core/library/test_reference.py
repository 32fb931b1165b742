from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_records import real_signal_mv, shipped_library, unpacked_fold

from physioclr_core.errors import LibraryError
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import default_model_dir
from physioclr_core.library.build import demo_patients
from physioclr_core.library.reference import ReferenceLibrary, SearchResult, is_same_signal, unit
from physioclr_core.paths import assets_dir
from physioclr_core.readers import read_record
from physioclr_core.signal.resample import resample
from physioclr_core.statements import statement_codes


@pytest.fixture(scope="module")
def library() -> ReferenceLibrary:
    return shipped_library()


def search(library: ReferenceLibrary, embedding: np.ndarray, k: int = 10, **kwargs: Any) -> SearchResult:
    return library.search(embedding, library.fingerprint, k, **kwargs)


# --- what ships ------------------------------------------------------------------------------------------------------


def test_the_shipped_library_covers_all_statements_with_one_record_a_patient(library: ReferenceLibrary) -> None:
    assert len(library) >= 2000
    assert {entry.fold for entry in library.entries} <= set(range(1, 10))
    assert {code for entry in library.entries for code in entry.statements} == set(statement_codes())
    patients = [entry.patient_id for entry in library.entries]
    assert len(set(patients)) == len(patients)
    assert [entry.entry for entry in library.entries] == list(range(len(library)))


def test_the_shipped_library_holds_no_patient_of_a_demo_ecg(library: ReferenceLibrary) -> None:
    demo = demo_patients(assets_dir() / "demo")
    assert len(demo) >= 8
    assert not demo & {entry.patient_id for entry in library.entries}


def test_the_shipped_library_belongs_to_the_shipped_model(library: ReferenceLibrary) -> None:
    manifest = load_manifest(default_model_dir())
    assert library.fingerprint == manifest.fingerprint
    assert library.embeddings.shape == (len(library), manifest.embedding_size)


def test_the_shipped_library_is_small_enough_to_ship(library: ReferenceLibrary) -> None:
    assert sum(path.stat().st_size for path in library.folder.iterdir()) <= 25_000_000
    assert sorted(path.name for path in library.folder.iterdir()) == [
        "embeddings.npy",
        "library.json",
        "records.csv",
        "waveforms.bin",
    ]
    assert "CC BY 4.0" in library.attribution


def test_shipped_ages_over_89_are_withheld(library: ReferenceLibrary) -> None:
    ages = [entry.age_years for entry in library.entries if entry.age_years is not None]
    assert 0 <= min(ages) <= max(ages) <= 89
    assert all(entry.age_years is None for entry in library.entries if entry.over_89)


def test_shipped_waveforms_are_those_of_ptb_xl(library: ReferenceLibrary, test_data: Callable[..., Path]) -> None:
    fold = unpacked_fold(test_data("ptbxl100"), 3)
    of_fold = [entry for entry in library.entries if entry.fold == 3]
    assert len(of_fold) > 100
    for entry in of_fold[::9]:
        np.testing.assert_array_equal(library.signal_mv(entry.entry), fold[entry.ecg_id])


# --- searching -------------------------------------------------------------------------------------------------------


def test_search_equals_a_brute_force_search(library: ReferenceLibrary) -> None:
    embeddings = np.load(library.folder / "embeddings.npy", allow_pickle=False).astype(np.float64)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    for entry in rng.integers(0, len(library), 20):
        query = embeddings[entry] * 7.0 + rng.normal(0, 0.02, embeddings.shape[1])
        distance = 1.0 - embeddings @ query / np.linalg.norm(query)
        expected = np.argsort(distance)[:10]
        found = search(library, query.astype(np.float32))
        np.testing.assert_allclose([m.distance for m in found.matches], distance[expected], atol=1e-5)
        assert [m.entry.entry for m in found.matches] == expected.tolist()


@pytest.mark.parametrize("k", [1, 10, 100, 1_000_000])
def test_search_returns_as_many_as_asked_for_nearest_first(library: ReferenceLibrary, k: int) -> None:
    found = search(library, library.embeddings[5], k)
    distances = [match.distance for match in found.matches]
    assert len(distances) == min(k, len(library))
    assert distances == sorted(distances)
    assert distances[0] == pytest.approx(0.0, abs=1e-6)
    assert min(distances) >= 0.0


def test_the_length_of_an_embedding_does_not_matter(library: ReferenceLibrary) -> None:
    a, b = (search(library, scale * library.embeddings[9]) for scale in (1.0, 250.0))
    assert [m.entry for m in a.matches] == [m.entry for m in b.matches]


def test_a_far_embedding_has_no_close_match(library: ReferenceLibrary) -> None:
    near, far = (search(library, sign * library.embeddings.mean(axis=0) + 0.0) for sign in (1.0, -1.0))
    assert far.matches[0].distance > library.limit_distance
    assert not far.is_close
    assert far.limit_distance == library.limit_distance
    assert near.is_close == (near.matches[0].distance <= library.limit_distance)
    assert search(library, library.embeddings[0]).is_close


def test_the_limit_is_the_99th_percentile_of_nearest_distances(library: ReferenceLibrary) -> None:
    similarity = library.embeddings @ library.embeddings.T
    np.fill_diagonal(similarity, -np.inf)
    assert library.limit_distance == pytest.approx(np.percentile(1.0 - similarity.max(axis=1), 99.0), abs=1e-5)


def test_embeddings_of_another_model_are_refused(library: ReferenceLibrary) -> None:
    with pytest.raises(LibraryError, match="rebuild it for this model"):
        library.search(library.embeddings[0], "0" * 64, 5)


# --- leaving out what is the query itself ----------------------------------------------------------------------------


def variants(signal: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    rough = np.round(signal / 0.005) * 0.005
    gapped = signal.copy()
    gapped[:, 300:420] = np.nan
    return {
        "as it is": signal,
        "at 500 Hz and back": resample(resample(signal, 100, 500), 500, 100),
        "in other units": 1.7 * signal,
        "with noise": signal + rng.normal(0, 0.02, signal.shape).astype(np.float32),
        "with an offset": signal + 3.0,
        "in 5 uV steps": rough,
        "its first half": signal[:, :500],
        "with a gap": gapped,
    }


@pytest.mark.parametrize("variant", variants(np.zeros((12, 1000), np.float32)))
def test_the_same_signal_is_left_out_and_said(library: ReferenceLibrary, variant: str) -> None:
    for entry in (0, 700, 1500):
        signal = variants(real_signal_mv(entry))[variant].astype(np.float32)
        found = search(library, library.embeddings[entry], signal_mv=signal)
        assert found.left_out == (f"PTB-XL {library.entries[entry].ecg_id:05d}: the same signal",)
        assert entry not in [match.entry.entry for match in found.matches]
        assert len(found.matches) == 10


def test_the_same_signal_is_kept_where_that_is_asked_for(library: ReferenceLibrary) -> None:
    found = search(library, library.embeddings[4], signal_mv=real_signal_mv(4), exclude_same=False)
    assert found.left_out == ()
    assert found.matches[0].entry.entry == 4


def test_the_same_signal_at_500_hz_is_recognised(test_data: Callable[..., Path]) -> None:
    twins = unpacked_fold(test_data("ptbxl100"), 3)
    headers = [h for h in sorted(test_data("ptb-xl-500hz").glob("*_hr.hea")) if int(h.name[:5]) in twins]
    assert headers
    for header in headers:
        at_100_hz = resample(read_record(header).signal_mv, 500, 100)
        for ecg_id, twin in twins.items():
            if ecg_id % 50 == 0 or ecg_id == int(header.name[:5]):
                assert is_same_signal(at_100_hz, twin) == (ecg_id == int(header.name[:5]))


def test_no_two_shipped_records_pass_for_the_same_signal(library: ReferenceLibrary) -> None:
    signals = [real_signal_mv(entry) for entry in range(0, len(library), 23)]
    for index, signal in enumerate(signals):
        assert not any(is_same_signal(signal, other) for other in signals[:index])


def test_signals_without_anything_to_compare_are_not_the_same() -> None:
    signal = real_signal_mv(0)
    flat, empty = np.zeros((12, 1000), np.float32), np.full((12, 1000), np.nan, np.float32)
    for other in (flat, empty, signal[:, :30]):
        assert not is_same_signal(signal, other)
        assert not is_same_signal(other, other)


@pytest.mark.parametrize(
    ("record", "patient_id"),
    [("anything", "ptbxl:{patient}"), ("{ecg_id:05d}_hr", None), ("{ecg_id:05d}_lr", None), ("HR{ecg_id:05d}", None)],
)
def test_the_same_patient_is_left_out_and_said(library: ReferenceLibrary, record: str, patient_id: str | None) -> None:
    entry = library.entries[12]
    found = search(
        library,
        library.embeddings[12],
        record=record.format(ecg_id=entry.ecg_id),
        patient_id=patient_id and patient_id.format(patient=entry.patient_id),
    )
    assert found.left_out == (f"PTB-XL {entry.ecg_id:05d}: the same patient",)
    assert 12 not in [match.entry.entry for match in found.matches]


def test_another_record_of_the_same_patient_is_recognised_by_its_name(library: ReferenceLibrary) -> None:
    entry = next(entry for entry in library.entries if entry.other_ecg_ids)
    found = search(library, library.embeddings[entry.entry], record=f"{entry.other_ecg_ids[0]:05d}_lr")
    assert found.left_out == (f"PTB-XL {entry.ecg_id:05d}: the same patient",)


@pytest.mark.parametrize(
    ("record", "patient_id"),
    [
        ("", None),
        ("something else", None),
        ("99999_lr", None),
        # A stated patient goes before the name, and other sources' numbers are other people.
        ("{ecg_id:05d}_lr", "georgia:{patient}"),
        ("{ecg_id:05d}_lr", "{patient}"),
        ("x", "ptbxl:"),
        ("x", "ptbxl:not a number"),
        ("x", "ptbxl:-1"),
        ("x", "ptbxl:" + "9" * 500),
    ],
)
def test_nobody_is_left_out_by_accident(library: ReferenceLibrary, record: str, patient_id: str | None) -> None:
    entry = library.entries[12]
    found = search(
        library,
        library.embeddings[12],
        record=record.format(ecg_id=entry.ecg_id),
        patient_id=patient_id and patient_id.format(patient=entry.patient_id),
    )
    assert found.left_out == ()
    assert found.matches[0].entry.entry == 12


# --- a folder that cannot be trusted ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(assets_dir() / "library", tmp_path / "library"))


def refusal(folder: Path) -> str:
    with pytest.raises(LibraryError) as caught:
        ReferenceLibrary(folder)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["embeddings.npy", "records.csv", "waveforms.bin"])
def test_refuses_a_damaged_or_missing_file(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert re.search(rf"{re.escape(name)}.*hash", refusal(folder))
    (folder / name).unlink()
    assert re.search(rf"{re.escape(name)}.*missing", refusal(folder))


def test_refuses_a_folder_that_is_no_library(tmp_path: Path) -> None:
    assert "library.json" in refusal(tmp_path)


@pytest.mark.parametrize("key", ["schema", "sha256", "fingerprint", "limit_distance", "n_samples", "attribution"])
def test_refuses_a_manifest_with_something_missing(folder: Path, key: str) -> None:
    manifest = json.loads((folder / "library.json").read_text())
    del manifest[key]
    (folder / "library.json").write_text(json.dumps(manifest))
    assert key in refusal(folder)


@pytest.mark.parametrize("name", ["embeddings.npy", "records.csv", "waveforms.bin"])
def test_refuses_a_manifest_that_leaves_a_file_unchecked(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "library.json").read_text())
    del manifest["sha256"][name]
    (folder / "library.json").write_text(json.dumps(manifest))
    refusal(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema": 2}'])
def test_refuses_what_is_no_manifest(folder: Path, text: str) -> None:
    (folder / "library.json").write_text(text)
    refusal(folder)


def test_a_waveform_damaged_after_opening_is_an_error_that_names_the_entry(folder: Path) -> None:
    library = ReferenceLibrary(folder)
    with (folder / "waveforms.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(LibraryError, match="entry 7 cannot be read"):
        library.signal_mv(7)


def test_unit_rows_have_length_one_and_zero_stays_zero() -> None:
    rows = unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float16))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], atol=1e-6)
    assert rows.dtype == np.float32
