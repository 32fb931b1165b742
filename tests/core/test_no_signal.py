"""A lead that is off is told from one that is alive: low, quiet, coarse, or of a heart that stands still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from real_records import FS_HZ, entries_with, real_signal_mv, shipped_library, to_adu, unpacked_fold, write_wfdb

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.no_signal import no_signal_spans, without_lost
from physioclr_core.readers import read_record

FloatArray = npt.NDArray[np.float32]
V6 = STANDARD_LEADS.index("V6")


def spans_s(signal_mv: FloatArray, fs_hz: float = FS_HZ) -> dict[str, list[tuple[float, float]]]:
    """Return where each of twelve leads has no signal, leads that always have one left out."""
    found = no_signal_spans(signal_mv, fs_hz)
    return {
        name: [(start / fs_hz, end / fs_hz) for start, end in spans]
        for name, spans in zip(STANDARD_LEADS, found, strict=True)
        if spans
    }


def coarse(signal_mv: FloatArray, step_mv: float) -> FloatArray:
    """Return a signal as a recorder with large steps stores it."""
    return (np.round(signal_mv / step_mv) * step_mv).astype(np.float32)


def standstill(signal_mv: FloatArray, noise_mv: float) -> FloatArray:
    """Return an ECG that fades within its second second; then only noise is left."""
    rng = np.random.default_rng(0)
    level_mv = np.median(signal_mv, axis=1, keepdims=True)
    share = np.interp(np.arange(signal_mv.shape[1]), (100, 200), (1.0, 0.0))
    noise = rng.normal(0, noise_mv, signal_mv.shape)
    return (level_mv + share * (signal_mv - level_mv) + noise).astype(np.float32)


def test_no_lead_of_the_library_is_called_off() -> None:
    library = shipped_library()
    for entry in library.entries:
        assert spans_s(library.signal_mv(entry.entry)) == {}, entry.ecg_id


@pytest.mark.parametrize("factor", [1.0, 0.5, 0.25])
def test_low_voltage_is_a_signal(factor: float) -> None:
    for entry in entries_with("LVOLT"):
        assert spans_s(real_signal_mv(entry.entry) * np.float32(factor)) == {}


@pytest.mark.parametrize("step_mv", [0.005, 0.01, 0.02, 0.04, 0.08])
def test_slow_hearts_in_coarse_steps_are_alive_between_beats(step_mv: float) -> None:
    for entry in [*entries_with("SBRAD")[:60], *entries_with("3AVB"), *entries_with("LVOLT")]:
        assert spans_s(coarse(real_signal_mv(entry.entry), step_mv)) == {}, entry.ecg_id


def test_a_clean_pause_of_atrial_fibrillation_is_no_lead_off(test_data: Callable[..., Path]) -> None:
    record = read_record(test_data("ludb", "data", "51.hea"))
    pause = slice(round(6.95 * 500), round(7.95 * 500))
    assert np.ptp(record.signal_mv[V6, pause]) < 0.01  # as still as a lead that is off
    assert all(lead.no_signal_s == () for lead in record.report.leads)


@pytest.mark.parametrize("noise_mv", [0.003, 0.01])
def test_a_standstill_with_any_noise_is_no_lead_off(noise_mv: float) -> None:
    assert spans_s(standstill(real_signal_mv(3), noise_mv)) == {}


def test_a_standstill_in_coarse_steps_is_no_lead_off_until_it_lasts() -> None:
    signal_mv = coarse(standstill(real_signal_mv(3), 0.0), 0.02)
    assert np.ptp(signal_mv[:, 210:], axis=1).max() == 0
    assert spans_s(signal_mv) == {}
    longer = np.concatenate([signal_mv, np.repeat(signal_mv[:, -1:], 300, axis=1)], axis=1)
    assert set(spans_s(longer)) == set(STANDARD_LEADS)


def test_the_end_of_a_file_filled_with_one_value_has_no_signal() -> None:
    signal_mv = real_signal_mv(3).copy()
    signal_mv[:, 700:] = 0
    found = spans_s(signal_mv)
    assert set(found) == set(STANDARD_LEADS)
    assert found["V6"] == [(7.0, 10.0)]


@pytest.mark.parametrize(("level_mv", "noise_mv"), [(0.0, 0.0), (-20.02, 0.0), (0.3, 0.002)])
def test_a_lead_that_is_still_while_others_beat_is_off_at_any_level(level_mv: float, noise_mv: float) -> None:
    signal_mv = real_signal_mv(3).copy()
    rng = np.random.default_rng(0)
    signal_mv[V6, 300:450] = level_mv + rng.uniform(-noise_mv, noise_mv, 150)
    ((start_s, end_s),) = spans_s(signal_mv)["V6"]
    assert (start_s, end_s) == pytest.approx((3.0, 4.5), abs=0.03)
    assert list(spans_s(signal_mv)) == ["V6"]


def test_gaps_are_no_part_of_what_is_found() -> None:
    signal_mv = real_signal_mv(3).copy()
    signal_mv[V6, 200:800] = 0
    signal_mv[V6, 400:500] = np.nan
    signal_mv[0, 100:400] = np.nan
    (first, second) = spans_s(signal_mv)["V6"]
    assert (first[1], second[0]) == (4.0, 5.0)
    blanked = without_lost(signal_mv, no_signal_spans(signal_mv, FS_HZ))
    assert np.isnan(blanked[V6, 200:800]).all()
    assert np.isfinite(blanked[V6, 810:]).all()
    assert np.isfinite(signal_mv[V6, 200:400]).all()  # a copy


@pytest.mark.parametrize(
    ("fold", "ecg_id", "expected"),
    [
        (1, 20045, {"V6": [(0.58, 10.0)]}),
        (8, 19299, {"V3": [(8.5, 10.0)], "V6": [(2.77, 10.0)]}),
        (2, 12722, {"V4": [(6.23, 10.0)], "V5": [(0.0, 10.0)], "V6": [(0.08, 1.5), (1.62, 10.0)]}),
    ],
)
def test_leads_that_were_off_in_a_clinic_are_found(
    test_data: Callable[..., Path],
    tmp_path: Path,
    fold: int,
    ecg_id: int,
    expected: dict[str, list[tuple[float, float]]],
) -> None:
    signal_mv = unpacked_fold(test_data("ptbxl100"), fold)[ecg_id]
    assert spans_s(signal_mv) == expected
    record = read_record(write_wfdb(tmp_path / "off", to_adu(signal_mv)))
    assert {lead.name: list(lead.no_signal_s) for lead in record.report.leads if lead.no_signal_s} == expected


def test_the_import_says_which_lead_is_without_signal_and_when(test_data: Callable[..., Path], tmp_path: Path) -> None:
    signal_mv = unpacked_fold(test_data("ptbxl100"), 1)[20045]
    record = read_record(write_wfdb(tmp_path / "off", to_adu(signal_mv)))
    assert "Without signal: V6 (0.58 to 10 s)." in record.report.warnings
    signal_mv = unpacked_fold(test_data("ptbxl100"), 2)[12722]
    record = read_record(write_wfdb(tmp_path / "more", to_adu(signal_mv)))
    assert record.report.warnings[:2] == (
        "Flat: V5.",
        "Without signal: V4 (6.23 to 10 s), V6 (9.8 s in all).",
    )
