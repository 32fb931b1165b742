from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from real_records import entries_with, real_signal_mv, to_adu, write_wfdb

from physioclr_core.cli import main
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import analyse_record
from physioclr_core.readers import read_record


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return write_wfdb(tmp_path / "a", to_adu(real_signal_mv(5)))


def measured(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["measure", str(path), *options]) == 0
    return capsys.readouterr().out


def test_json_holds_every_measurement_with_unit_beats_leads_band_and_uncertainty(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(measured(record, capsys, "--json"))
    assert found["record"] == "a"
    assert found["resolution_ms"] == 5.0
    items = {item["name"]: item for item in found["measurements"]}
    expected = analyse_record(read_record(record)).measurements
    assert [item.name for item in expected] == list(items)
    for name in ("hr_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qrs_axis_deg", "sokolow_lyon_mv"):
        item = items[name]
        assert item["value"] == pytest.approx(expected[name].value)
        assert all(item[key] for key in ("unit", "beat_set", "lead_set", "band", "n_beats"))
        assert item["uncertainty"] > 0
    assert list(found["leads"]) == list(STANDARD_LEADS)
    assert {"st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv", "r_mv", "s_mv", "t_mv", "p_mv"} <= set(
        found["leads"]["II"]
    )


def test_text_says_values_units_and_sampling(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = measured(record, capsys)
    assert "marks in time +-5 ms" in text.splitlines()[0]
    assert "QTc Fridericia (default)" in text
    assert "Amplitudes and ST levels in mV" in text


def test_what_is_not_measurable_has_a_reason_in_both_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = next(e for e in entries_with("AFIB", [9]) if not {"SR", "AFLT"} & set(e.statements))
    path = write_wfdb(tmp_path / "af", to_adu(real_signal_mv(entry.entry)))
    items = {item["name"]: item for item in json.loads(measured(path, capsys, "--json"))["measurements"]}
    assert items["pr_ms"]["value"] is None
    assert items["pr_ms"]["reason"]
    line = next(line for line in measured(path, capsys).splitlines() if line.startswith("PR interval"))
    assert " - " in line


def test_a_flat_record_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_wfdb(tmp_path / "flat", np.zeros((12, 1000), np.int16))
    assert "all leads are flat" in measured(path, capsys)


def test_a_record_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(tmp_path / "none.hea")]) == 2
    assert "none.hea" in capsys.readouterr().err


def test_signal_quality_and_swapped_electrodes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signal = real_signal_mv(entries_with("NORM", [9])[0].entry).copy()
    swapped = signal.copy()
    swapped[0] = -signal[0]
    swapped[[1, 2]] = signal[[2, 1]]
    swapped[[3, 4]] = signal[[4, 3]]
    swapped[11] = 0.0
    path = write_wfdb(tmp_path / "swapped", to_adu(swapped))
    found = json.loads(measured(path, capsys, "--json"))
    assert found["signal_quality"]["II"]["usable"]
    assert found["signal_quality"]["II"]["sqi"] > 0.3
    assert not found["signal_quality"]["V6"]["usable"]
    assert found["signal_quality"]["V6"]["reason"]
    text = measured(path, capsys)
    assert "Signal of V6: " in text
    assert "LA and RA may be swapped" in text
    assert [suspicion["swap"] for suspicion in found["electrode_suspicions"]] == ["LA/RA"]
