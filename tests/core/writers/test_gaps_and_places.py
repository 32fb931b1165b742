"""Gaps stay gaps or are refused; files appear whole, never over their source, and never half."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pytest
from reader_conformance import read_and_check
from real_records import real_signal_mv, record_of, to_adu, write_wfdb

from physioclr_core.readers import read_record
from physioclr_core.record import Acquisition, EcgRecord
from physioclr_core.writers import ExportCancelledError, ExportError, export_record, output_format
from physioclr_core.writers.target import all_or_none

GAP = slice(310, 555)


def with_gap(rows: slice = slice(None)) -> EcgRecord:
    """Return a real ECG of 100 Hz with a gap from 3.1 to 5.55 s."""
    signal_mv = real_signal_mv(3).copy()
    signal_mv[rows, GAP] = np.nan
    return record_of(signal_mv, name="gap")


@pytest.mark.parametrize("key", ["wfdb", "dicom", "csv", "edf"])
def test_a_gap_of_all_leads_comes_back_where_it_was(tmp_path: Path, key: str) -> None:
    record = with_gap()
    written = export_record(record, tmp_path / "out", output_format(key))
    again = read_and_check(written.files[-1])
    assert again.n_samples == record.n_samples
    np.testing.assert_array_equal(np.isnan(again.signal_mv), np.isnan(record.signal_mv))
    np.testing.assert_allclose(again.signal_mv, record.signal_mv, atol=0.0005)


@pytest.mark.parametrize("key", ["wfdb", "dicom", "csv"])
def test_a_gap_of_one_lead_comes_back(tmp_path: Path, key: str) -> None:
    again = read_and_check(export_record(with_gap(slice(6, 7)), tmp_path / "out", output_format(key)).files[-1])
    assert np.isnan(again.lead_mv("V1")[GAP]).all()
    assert np.isnan(again.signal_mv).sum() == GAP.stop - GAP.start


def test_edf_with_gaps_says_so_and_holds_no_filled_gap(tmp_path: Path) -> None:
    path = export_record(with_gap(), tmp_path / "out", output_format("edf")).files[0]
    assert path.read_bytes()[192:197] == b"EDF+D"
    # edfio joins what was recorded; nothing but that is in the file.
    assert len(edfio.read_edf(path).signals[0].data) == 1000 - (GAP.stop - GAP.start)


def test_edf_refuses_a_gap_of_one_lead_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="at 3.1 s a gap is not one of all leads"):
        export_record(with_gap(slice(6, 7)), tmp_path / "out", output_format("edf"))
    assert list(tmp_path.iterdir()) == []


def test_edf_starts_with_the_first_sample(tmp_path: Path) -> None:
    signal_mv = real_signal_mv(3).copy()
    signal_mv[:, :200] = np.nan
    record = replace(record_of(signal_mv), acquisition=Acquisition(start=datetime(2024, 3, 2, 10, 14, 0)))
    written = export_record(record, tmp_path / "out", output_format("edf"))
    again = read_record(written.files[0])
    assert again.acquisition.start == datetime(2024, 3, 2, 10, 14, 2)
    assert any("gap of 2 s at the beginning" in note for note in written.notes)


def test_edf_says_which_samples_it_filled_up(tmp_path: Path) -> None:
    record = record_of(real_signal_mv(3)[:, :997])
    written = export_record(record, tmp_path / "out", output_format("edf"))
    again = read_record(written.files[0])
    n_filled = again.n_samples - 997
    assert 0 <= n_filled < 10
    assert (n_filled == 0) == (not any("repeat the last one" in note for note in written.notes))
    assert (n_filled == 0) or any("Filled up" in comment for comment in again.acquisition.comments)


def test_the_source_is_never_overwritten_even_by_force(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "r", to_adu(real_signal_mv(1)))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for out in (header, tmp_path / "r", tmp_path / "r.dat"):
        with pytest.raises(ExportError, match="file of the record itself"):
            export_record(read_record(header), out, output_format("wfdb"), force=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_link_to_the_source_is_the_source(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "r", to_adu(real_signal_mv(1)))
    (tmp_path / "copy.dat").symlink_to(tmp_path / "r.dat")
    with pytest.raises(ExportError, match="file of the record itself"):
        export_record(read_record(header), tmp_path / "copy", output_format("wfdb"), force=True)


def test_existing_files_are_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    record = record_of(real_signal_mv(1))
    with pytest.raises(ExportError, match="exists and was left as it is"):
        export_record(record, tmp_path / "out", output_format("csv"))
    assert (tmp_path / "out.csv").read_text() == "mine"
    export_record(record, tmp_path / "out", output_format("csv"), force=True)
    assert (tmp_path / "out.csv").read_text().startswith("time_s,I [mV],")


@pytest.mark.parametrize("key", ["wfdb", "edf", "dicom", "csv"])
@pytest.mark.parametrize("error", [ExportCancelledError, KeyboardInterrupt])
def test_stopping_leaves_nothing_half_written(tmp_path: Path, key: str, error: type[BaseException]) -> None:
    record = record_of(np.tile(real_signal_mv(1), (1, 400)))

    def stop(share: float) -> None:
        assert 0 < share <= 1
        raise error

    with pytest.raises(error):
        export_record(record, tmp_path / "out", output_format(key), on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    shares: list[float] = []
    record = record_of(np.tile(real_signal_mv(1), (1, 800)))
    export_record(record, tmp_path / "out", output_format("wfdb"), on_progress=shares.append)
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_two_files_of_a_record_appear_together_or_not_at_all(tmp_path: Path) -> None:
    targets = (tmp_path / "a.dat", tmp_path / "a.hea")

    def fail_half_way() -> None:
        with all_or_none(targets) as (first, _):
            first.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
    with all_or_none(targets) as (first, second):
        first.write(b"1")
        second.write(b"2")
        assert not targets[0].exists()
    assert [path.read_bytes() for path in targets] == [b"1", b"2"]
    assert len(list(tmp_path.iterdir())) == 2


def test_wfdb_names_that_no_program_opens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="letters, digits, - and _ only"):
        export_record(record_of(real_signal_mv(1)), tmp_path / "an ECG", output_format("wfdb"))
