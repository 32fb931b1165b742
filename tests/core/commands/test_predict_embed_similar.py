"""``physioclr predict``, ``embed`` and ``similar`` as a user runs them: in a process of their own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_records import real_signal_mv, record_of, shipped_library, to_adu, write_wfdb

from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.infer.windows import windows_of
from physioclr_core.library.query import similar_to
from physioclr_core.readers import read_record
from physioclr_core.statements import statement_codes


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "physioclr_core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=cwd)


def rows_of(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    with path.open(newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    return header, {row[0]: row[1:] for row in rows}


def probabilities_of(path: Path) -> dict[str, list[str]]:
    """Return each record's cells of the statements, without those of the model's limits that follow."""
    header, rows = rows_of(path)
    assert header[1 : 1 + len(statement_codes())] == [*statement_codes()]
    return {name: cells[: len(statement_codes())] for name, cells in rows.items()}


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the single line of stderr."""
    (line,) = done.stderr.splitlines()
    assert line.startswith("physioclr: ")
    assert done.stdout == ""
    return line


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five records: two good ones, one cut off, one of four seconds, one of two leads."""
    folder = tmp_path_factory.mktemp("records")
    write_wfdb(folder / "a_good", to_adu(real_signal_mv(0)))
    write_wfdb(folder / "b_cut", to_adu(real_signal_mv(1)))
    data = folder / "b_cut.dat"
    data.write_bytes(data.read_bytes()[:7000])
    write_wfdb(folder / "c_short", to_adu(real_signal_mv(2)[:, :400]))
    write_wfdb(folder / "d_two_leads", to_adu(real_signal_mv(3)[:2]), lead_names=("II", "V5"))
    write_wfdb(folder / "e_good", to_adu(real_signal_mv(4)))
    return folder


@pytest.fixture
def damaged_model(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(default_model_dir(), tmp_path / "damaged_model"))
    network = folder / "model.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"\x00")
    return folder


# --- predict ---------------------------------------------------------------------------------------------------------


def test_predict_gives_the_71_probabilities_in_the_order_of_ptb_xl(
    records: Path, tmp_path: Path, model: EcgModel
) -> None:
    out = tmp_path / "out.csv"
    done = run("predict", records / "a_good.hea", records / "e_good", "--csv", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = probabilities_of(out)
    assert list(rows) == ["a_good", "e_good"]
    for name, cells in rows.items():
        expected = dict(zip(model.manifest.codes, model.assess(read_record(records / name)).probability, strict=True))
        # Relative: rounded to decimals, the tiny probabilities of rare statements would tie.
        np.testing.assert_allclose([float(c) for c in cells], [expected[code] for code in statement_codes()], rtol=1e-4)


def test_predict_goes_on_after_records_that_fail_and_says_which(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run("predict", records, "--csv", out)
    assert done.returncode == 1
    assert done.stdout == ""
    failed, short, two_leads = done.stderr.splitlines()
    assert failed.startswith("physioclr: b_cut: ")
    assert short == "physioclr: c_short: not assessed: 4 s recorded, the model needs at least 5 s"
    assert two_leads.startswith("physioclr: d_two_leads: not assessed: leads I, III, aVR")
    header, rows = rows_of(out)
    assert list(rows) == ["a_good", "b_cut", "c_short", "d_two_leads", "e_good"]
    for name, cells in rows.items():
        assert len(cells) == len(header) - 1
        assert all((cell != "") == name.endswith("good") for cell in cells)


def test_predict_of_a_record_that_the_model_does_not_allow_is_an_empty_row(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run("predict", records / "c_short.hea", "--csv", out)
    assert done.returncode == 0
    assert "not assessed" in one_sentence(done)
    header, rows = rows_of(out)
    assert rows == {"c_short": [""] * (len(header) - 1)}


def test_predict_takes_a_list_of_records(records: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"# two\n{records / 'e_good.hea'}\n\n{records / 'a_good.dat'}\n")
    done = run("predict", tmp_path / "list.txt", "--csv", tmp_path / "out.csv", "--cpu")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(rows_of(tmp_path / "out.csv")[1]) == ["e_good", "a_good"]


def test_records_of_the_same_name_are_told_apart(records: Path, tmp_path: Path) -> None:
    for place in ("x", "y"):
        shutil.copytree(records, tmp_path / place, ignore=shutil.ignore_patterns("[b-e]*"))
    done = run("predict", "x/a_good.hea", "y/a_good.hea", "--csv", "out.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert list(rows_of(tmp_path / "out.csv")[1]) == ["x/a_good", "y/a_good"]
    assert run("predict", tmp_path / "x", tmp_path / "y", "--csv", tmp_path / "out.csv").returncode == 0
    assert len(rows_of(tmp_path / "out.csv")[1]) == 2


def test_predict_gives_a_model_of_other_labels_in_their_own_order(records: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(default_model_dir(), tmp_path / "model"))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["labels"][0]["code"] = "OTHER"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = run("predict", records, "--csv", tmp_path / "out.csv", "--model", folder)
    assert done.returncode == 1  # one of the records cannot be read
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file))[:72] == ["record", *(label["code"] for label in manifest["labels"])]


# --- embed -----------------------------------------------------------------------------------------------------------


def test_embed_gives_records_embeddings_and_the_fingerprint_of_their_space(
    records: Path, tmp_path: Path, model: EcgModel
) -> None:
    out = tmp_path / "out.npz"
    done = run("embed", records, "--out", out)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3
    with np.load(out, allow_pickle=False) as values:
        assert sorted(values.files) == ["embedding", "fingerprint", "record"]
        assert values["record"].tolist() == ["a_good", "b_cut", "c_short", "d_two_leads", "e_good"]
        assert str(values["fingerprint"]) == model.manifest.fingerprint
        embedding = values["embedding"]
    assert embedding.shape == (5, model.manifest.embedding_size)
    assert embedding.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(embedding).all(axis=1), [False, True, True, True, False])
    expected = model.assess(read_record(records / "e_good")).embedding
    np.testing.assert_allclose(embedding[4], expected, atol=1e-4)


# --- nothing half-written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "option"), [("predict", "--csv"), ("embed", "--out")])
@pytest.mark.parametrize("record", ["b_cut.hea", "nothing.hea", "nothing"])
def test_a_single_record_that_cannot_be_read_is_one_sentence_and_leaves_an_older_file_alone(
    records: Path, tmp_path: Path, command: str, option: str, record: str
) -> None:
    out = tmp_path / "out"
    out.write_text("yesterday's")
    done = run(command, records / record, option, out)
    assert done.returncode == 2
    assert record.removesuffix(".hea") in one_sentence(done)
    assert out.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("command", "option"), [("predict", "--csv"), ("embed", "--out")])
def test_a_model_that_was_changed_is_refused(
    records: Path, tmp_path: Path, damaged_model: Path, command: str, option: str
) -> None:
    done = run(command, records, option, tmp_path / "out", "--model", damaged_model)
    assert done.returncode == 2
    assert "hash" in one_sentence(done)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged_model"]


@pytest.mark.parametrize("out", ["missing/out.csv", "."])
def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(records: Path, tmp_path: Path, out: str) -> None:
    done = run("predict", records, "--csv", tmp_path / out)
    assert done.returncode == 2
    one_sentence(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_an_interrupted_batch_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    header = write_wfdb(tmp_path / "one" / "r", to_adu(real_signal_mv(0))).read_text()
    for index in range(1500):
        (tmp_path / "many" / f"r{index}.hea").write_text(
            header.replace("r.dat", "../one/r.dat").replace("r 12", f"r{index} 12", 1)
        )
    command = [sys.executable, "-m", "physioclr_core.cli", "predict", tmp_path / "many", "--csv", tmp_path / "out.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) == 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many", "one"]


# --- similar ---------------------------------------------------------------------------------------------------------


def similar(*arguments: str | Path) -> dict[str, Any]:
    done = run("similar", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert sorted(result) == sorted(
        "record fingerprint n_library not_assessed is_close limit_distance left_out similar attribution".split()
    )
    return result


def test_similar_finds_what_the_library_finds(records: Path, model: EcgModel) -> None:
    result = similar(records / "e_good.hea", "-k", "4")
    record = read_record(records / "e_good")
    windows = windows_of(record, model.manifest.input)
    expected = similar_to(model.assess(record), windows, model, shipped_library(), 4, record="e_good")
    assert [row["record"] for row in result["similar"]] == [match.entry.record for match in expected.matches]
    keys = ["age_years", "distance", "over_89", "physiology", "record", "sex", "statements"]
    assert sorted(result["similar"][0]) == keys
    assert result["left_out"] == [f"{shipped_library().entries[4].record}: the same signal"]
    assert (result["record"], result["not_assessed"]) == ("e_good", None)
    assert result["n_library"] == len(shipped_library())


def test_similar_keeps_the_same_signal_where_that_is_asked_for(records: Path) -> None:
    result = similar(records / "e_good.hea", "--include-same")
    assert len(result["similar"]) == 10
    assert result["similar"][0]["record"] == shipped_library().entries[4].record
    assert result["similar"][0]["distance"] < 0.002
    assert result["left_out"] == []


def test_similar_says_why_there_is_nothing(records: Path) -> None:
    result = similar(records / "c_short.hea")
    assert result["not_assessed"] == "4 s recorded, the model needs at least 5 s"
    assert (result["similar"], result["is_close"]) == ([], None)


def test_similar_in_words(records: Path) -> None:
    done = run("similar", records / "e_good.hea", "-k", "3")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "research use only" in lines[0]
    assert sum("PTB-XL" in line and "left out" not in line for line in lines) == 3
    assert lines[-1].strip().startswith("left out: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["{records}/b_cut.hea"],
        ["{records}/nothing.hea"],
        ["{records}"],
        ["{records}/e_good.hea", "-k", "0"],
        ["{records}/e_good.hea", "--library", "{records}"],
        ["{records}/e_good.hea", "--model", "{damaged_model}"],
    ],
    ids=["cut off", "missing", "a folder", "k of 0", "no library", "changed model"],
)
def test_similar_refuses_in_one_sentence(records: Path, damaged_model: Path, arguments: list[str]) -> None:
    done = run("similar", *[text.format(records=records, damaged_model=damaged_model) for text in arguments])
    assert done.returncode == 2
    one_sentence(done)


def test_a_record_in_process_is_what_the_command_reads(records: Path) -> None:
    np.testing.assert_array_equal(
        read_record(records / "a_good").signal_mv, record_of(real_signal_mv(0)).signal_mv.astype(np.float32)
    )
