"""Probes of frozen encoders on real ECGs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, shipped_library, to_adu, write_wfdb
from small_training import finetuning, quiet

from physioclr_core import cli
from physioclr_core.data.prepare import prepare
from physioclr_core.data.sources.cinc import cinc_source
from physioclr_core.errors import UserFacingError
from physioclr_core.train.evaluation import evaluate_run, open_evaluation
from physioclr_core.train.finetune import finetune
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.probes import PIECE_S, DealtRecords, leave_one_out, probe_run
from physioclr_core.train.records import open_training_data


def challenge_set(folder: Path, prefix: str, entries: range) -> Path:
    """Prepare real records as a challenge folder: sinus rhythm and atrial fibrillation by their statements."""
    source = folder / "source"
    for number in entries:
        entry = shipped_library().entries[number]
        header = write_wfdb(source / f"{prefix}{number:05d}", to_adu(real_signal_mv(number)))
        code = "164889003" if "AFIB" in entry.statements else "426783006"
        with header.open("a", encoding="utf-8") as file:
            file.write(f"#Dx: {code}\n")
    prepare(cinc_source(source), folder / "prepared", 100.0)
    return folder / "prepared"


def test_a_pretraining_is_probed_for_labels_neighbours_and_order(
    prepared: Path, pretrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = probe_run(pretrained, "ptbxl-superclass", n_resamples=20)
    names = [figure.name for figure in figures]
    assert names[:2] == ["ptbxl-superclass, linear", "ptbxl-superclass, nearest neighbours"]
    assert names[2:4] == ["af, in order", "af, pieces dealt anew"]
    for figure in figures:
        assert figure.auroc.value is not None
        assert figure.n_positive > 0
    assert cli.main(["evaluate", str(pretrained), "--probes", "--task", "ptbxl-superclass", "--resamples", "20"]) == 0
    written = json.loads((pretrained / "report" / "probes.json").read_text())
    assert [probe["name"] for probe in written["probes"]] == names
    assert "| af, in order |" in capsys.readouterr().out


def test_dealt_records_hold_the_same_samples_in_another_order_every_time_the_same(prepared: Path) -> None:
    data = open_training_data(FinetuneConfig.model_validate(finetuning(prepared)).data, "ptbxl-all")
    dealt = DealtRecords.of(data.select)
    rows = np.arange(4)
    before, after = data.select.segments(rows), dealt.segments(rows)
    np.testing.assert_array_equal(after.signal_mv, dealt.segments(rows).signal_mv)
    assert not np.array_equal(before.signal_mv, after.signal_mv)
    piece = round(PIECE_S * before.fs_hz)
    for place in range(4):
        pieces, dealt_pieces = (s.signal_mv[place, 0].reshape(-1, piece) for s in (before, after))
        assert {p.tobytes() for p in pieces} == {p.tobytes() for p in dealt_pieces}
        # All leads are dealt alike.
        order = [next(i for i, p in enumerate(pieces) if np.array_equal(p, q)) for q in dealt_pieces]
        second = before.signal_mv[place, 6].reshape(-1, piece)[order].ravel()
        np.testing.assert_array_equal(after.signal_mv[place, 6], second)


def test_each_data_set_is_held_out_with_its_hits_and_exact_interval(pretrained: Path, tmp_path: Path) -> None:
    atrial = [entry.entry for entry in shipped_library().entries if "AFIB" in entry.statements][:12]
    first = challenge_set(tmp_path / "a", "E", range(0, 60))
    second = challenge_set(tmp_path / "b", "JS", range(min(atrial), max(atrial) + 1, 1))
    figures = leave_one_out(pretrained, {"georgia": first, "chapman": second}, "af", n_resamples=20)
    assert [figure.name for figure in figures] == ["af, georgia held out", "af, chapman held out"]
    for figure in figures:
        assert figure.n_found is not None
        assert figure.found_low is not None
        assert figure.found_high is not None
        assert 0 <= figure.n_found <= figure.n_positive
        assert figure.found_low <= figure.n_found / figure.n_positive <= figure.found_high


def test_records_that_a_run_has_learnt_from_are_left_out_under_any_name(prepared: Path, tmp_path: Path) -> None:
    config = FinetuneConfig.model_validate(finetuning(prepared, mode="linear-probe", task="cinc26"))
    finetune(config, tmp_path / "run", quiet, allow_gpu=False)
    data = open_training_data(config.data, "cinc26")
    learnt = data.train.segments(np.arange(3)).signal_mv
    source = tmp_path / "other" / "source"
    for number, signal_mv in enumerate(learnt):
        header = write_wfdb(source / f"E{number:05d}", to_adu(signal_mv))
        with header.open("a", encoding="utf-8") as file:
            file.write("#Dx: 426783006\n")
    used = {entry.ecg_id for entry in shipped_library().entries}
    record_ids = {*data.train.record_ids, *data.select.record_ids}
    new = [e for e in shipped_library().entries if f"ptbxl:{e.ecg_id}" not in record_ids][:30]
    assert len(used) > len(record_ids)
    for entry in new:
        header = write_wfdb(source / f"E{1000 + entry.entry:05d}", to_adu(real_signal_mv(entry.entry)))
        code = "164889003" if "AFIB" in entry.statements else "426783006"
        with header.open("a", encoding="utf-8") as file:
            file.write(f"#Dx: {code}\n")
    prepare(cinc_source(source), tmp_path / "other" / "prepared", 100.0)
    evaluation = open_evaluation(tmp_path / "run", (tmp_path / "other" / "prepared",), None, allow_gpu=False)
    assert evaluation.n_records == 30
    report = evaluate_run(evaluation, tmp_path / "report", 20)
    assert report.notes[0].startswith("3 of 33 records were left out")
    assert report.thresholds == "thresholds of the records that selected"
    sinus = next(label for label in report.labels if label.label.startswith("426783006"))
    assert sinus.n_found is not None
    with pytest.raises(UserFacingError, match="is no pretrain|no finetune|not finished|folder of a run"):
        open_evaluation(tmp_path / "nothing", (), None)
