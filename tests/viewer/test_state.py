"""Paper, screen, layout, header and findings as values, without Qt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from viewer_doubles import findings, neighbours, predictions, similar

from ecgviewer.jobs.protocol import Finding
from ecgviewer.state.analysis import WorkerStatus, short_reason
from ecgviewer.state.findings import BELOW, UNJUDGED, finding_rows, judgement_text, probability_text
from ecgviewer.state.geometry import Geometry
from ecgviewer.state.header import (
    device_band_text,
    line_text,
    low_rate_remark,
    patient_parts,
    scale_parts,
    start_text,
    status_scale_text,
)
from ecgviewer.state.layout import lay_out, spans_between
from ecgviewer.state.paper import Extent, Paper, PaperState
from ecgviewer.state.screen import FALLBACK_DPI, ScreenFacts, ScreenScale, scale_of_screen
from ecgviewer.state.similar import left_out_text, notice_text, who_text
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord, Patient

KNOWN = ScreenScale(96 / 25.4, True)
UNKNOWN = ScreenScale(96 / 25.4, False)


class TestScreen:
    def test_a_plausible_screen_gives_its_own_scale(self) -> None:
        assert scale_of_screen(ScreenFacts(344, 193, 141.2, 141.0)) == ScreenScale(141.1 / 25.4, True)

    @pytest.mark.parametrize(
        "facts",
        [
            None,
            ScreenFacts(0, 0, 96, 96),
            ScreenFacts(16, 9, 3000, 3000),
            ScreenFacts(2560, 1440, 10, 10),
            ScreenFacts(344, 193, 141, 96),
            ScreenFacts(344, 193, 1000, 1000),
            ScreenFacts(344, 193, float("nan"), 96),
        ],
    )
    def test_an_implausible_screen_makes_no_claim(self, facts: ScreenFacts | None) -> None:
        assert scale_of_screen(facts) == ScreenScale(FALLBACK_DPI / 25.4, False)


class TestPaper:
    def test_steps_stay_among_the_standard_values(self) -> None:
        paper = Paper()
        for _ in range(5):
            paper.step_speed(1)
            paper.step_gain(1)
        assert (paper.state.speed_mm_s, paper.state.gain_mm_mv) == (50.0, 20.0)
        for _ in range(5):
            paper.step_speed(-1)
            paper.step_gain(-1)
        assert (paper.state.speed_mm_s, paper.state.gain_mm_mv) == (25.0, 5.0)

    @pytest.mark.parametrize("value", [12.5, 0.0, -25.0])
    def test_other_speeds_are_refused(self, value: float) -> None:
        with pytest.raises(ValueError, match="none of 25, 50"):
            Paper().set_speed(value)

    def test_the_view_never_leaves_the_paper(self) -> None:
        paper = Paper()
        paper.set_extent(Extent(duration_s=10, visible_s=4, height_mm=165, visible_mm=100))
        paper.pan_by(shift_s=100, shift_mm=1000)
        assert (paper.state.start_s, paper.state.top_mm) == (6.0, 65.0)
        paper.set_extent(Extent(duration_s=10, visible_s=12, height_mm=165, visible_mm=200))
        assert (paper.state.start_s, paper.state.top_mm) == (0.0, 0.0)

    def test_a_change_is_told_once_and_no_change_is_not_told(self) -> None:
        paper, told = Paper(), []
        paper.changed.connect(told.append)
        paper.set_gain(20.0)
        paper.set_gain(20.0)
        paper.pan_by(shift_s=-1)
        assert [state.gain_mm_mv for state in told] == [20.0]


class TestGeometry:
    @pytest.mark.parametrize("magnification", [1.0, 1.5, 4.0])
    @pytest.mark.parametrize("speed_mm_s", [25.0, 50.0])
    @pytest.mark.parametrize("gain_mm_mv", [5.0, 10.0, 20.0])
    def test_a_millimetre_is_the_same_on_both_axes(
        self, magnification: float, speed_mm_s: float, gain_mm_mv: float
    ) -> None:
        state = PaperState(speed_mm_s, gain_mm_mv, magnification=magnification)
        geometry = Geometry(3.78 * magnification, 1.0, state)
        assert geometry.px_per_s / speed_mm_s == pytest.approx(geometry.px_per_mv / gain_mm_mv)

    def test_the_place_of_the_pulse_is_a_whole_number_of_large_boxes(self) -> None:
        for speed_mm_s in (25.0, 50.0):
            assert Geometry(3.78, 1.0, PaperState(speed_mm_s)).gutter_mm % 5 == 0

    def test_time_and_position_are_inverse(self) -> None:
        geometry = Geometry(3.78, 2.0, PaperState(start_s=3.0))
        assert geometry.time_s(geometry.x_px(4.2)) == pytest.approx(4.2)
        assert geometry.left_px * 2 == round(geometry.left_px * 2)


class TestLayout:
    def test_three_by_four_has_the_conventional_order(self) -> None:
        page = lay_out(STANDARD_LEADS, 10.0, "3x4+1", 10.0)
        assert [[cell.label for cell in row.cells] for row in page.rows] == [
            ["I", "aVR", "V1", "V4"],
            ["II", "aVL", "V2", "V5"],
            ["III", "aVF", "V3", "V6"],
            ["II"],
        ]
        assert page.column_s == 2.5
        assert page.rows[-1].is_rhythm

    def test_leads_are_found_by_name_in_any_order(self) -> None:
        names = tuple(reversed(STANDARD_LEADS))
        page = lay_out(names, 10.0, "12x1", 10.0)
        assert [row.cells[0].label for row in page.rows] == list(STANDARD_LEADS)
        assert all(names[row.cells[0].lead_idx or 0] == row.cells[0].label for row in page.rows)

    def test_columns_are_consecutive_in_time(self) -> None:
        page = lay_out(STANDARD_LEADS, 10.0, "3x4+1", 10.0)
        spans = [span for span in spans_between(page, 0, 10, 10, 0) if span.row_idx == 0]
        assert [(s.cell.label, s.start_s, s.end_s) for s in spans] == [
            ("I", 0, 2.5),
            ("aVR", 2.5, 5),
            ("V1", 5, 7.5),
            ("V4", 7.5, 10),
        ]

    def test_a_longer_record_goes_on_with_the_next_page(self) -> None:
        page = lay_out(STANDARD_LEADS, 12.0, "3x4+1", 10.0)
        last = [span for span in spans_between(page, 0, 12, 12, 0) if span.row_idx == 0][-1]
        assert (last.cell.label, last.start_s, last.end_s, last.starts_page) == ("I", 10.0, 12.0, True)

    def test_an_anchor_starts_a_first_column_anywhere(self) -> None:
        page = lay_out(STANDARD_LEADS, 60.0, "3x4+1", 10.0)
        spans = [span for span in spans_between(page, 13, 23, 60, 13) if span.row_idx == 2]
        assert [(s.cell.label, s.start_s) for s in spans] == [("III", 13), ("aVF", 15.5), ("V3", 18), ("V6", 20.5)]
        before = [span for span in spans_between(page, 10.5, 13, 60, 13) if span.row_idx == 2]
        assert before[0].cell.label == "V6"

    def test_a_missing_lead_leaves_a_labelled_empty_place(self) -> None:
        names = tuple(name for name in STANDARD_LEADS if name != "V3")
        cell = lay_out(names, 10.0, "3x4+1", 10.0).rows[2].cells[2]
        assert (cell.lead_idx, cell.note) == (None, "V3 not recorded")

    @pytest.mark.parametrize("layout", ["3x4+1", "12x1"])
    def test_few_leads_get_a_row_each(self, layout: str) -> None:
        page = lay_out(("MLII", "V5"), 1800.0, layout, 10.0)  # type: ignore[arg-type]
        assert [row.cells[0].label for row in page.rows] == ["MLII", "V5"]
        assert all(row.cell_s is None for row in page.rows)

    @pytest.mark.parametrize("layout", ["3x4+1", "12x1"])
    def test_other_leads_stand_below_under_their_own_name(self, layout: str) -> None:
        page = lay_out((*STANDARD_LEADS, "vx", "vy"), 10.0, layout, 10.0)  # type: ignore[arg-type]
        assert [row.cells[0].label for row in page.rows[-2:]] == ["vx", "vy"]
        assert page.rows[-1].cells[0].lead_idx == 13

    def test_every_lead_of_a_short_record_is_seen(self) -> None:
        page = lay_out(STANDARD_LEADS, 5.0, "3x4+1", 10.0)
        assert page.column_s == 1.25
        assert "1.25 s each" in page.note
        assert lay_out(STANDARD_LEADS, 1.0, "3x4+1", 10.0).column_s is None

    def test_the_rhythm_strip_is_of_the_first_lead_that_has_a_signal(self) -> None:
        def strip(**lost: float) -> str:
            shares = [lost.get(name, 0.0) for name in STANDARD_LEADS]
            return lay_out(STANDARD_LEADS, 10.0, "3x4+1", 10.0, (), shares).rows[-1].cells[0].label

        assert strip() == "II"
        assert strip(II=0.3) == "II"
        assert strip(II=1.0) == "V1"
        assert strip(II=0.9, V1=1.0) == "V5"
        assert strip(**dict.fromkeys(STANDARD_LEADS, 1.0)) == "II"
        assert strip(**dict.fromkeys(STANDARD_LEADS, 1.0) | {"V4": 0.8}) == "V4"

    def test_a_tall_trace_is_not_cut_off_at_the_top(self) -> None:
        plain = lay_out(STANDARD_LEADS, 10.0, "3x4+1", 10.0)
        tall = lay_out(STANDARD_LEADS, 10.0, "3x4+1", 10.0, [(4.0, 0.5)] * 12)
        assert tall.rows[0].baseline_mm >= 40
        assert (tall.rows[0].baseline_mm - plain.rows[0].baseline_mm) % 5 == 0


class TestHeader:
    def test_unknown_facts_are_said_to_be_unknown(self, record: EcgRecord) -> None:
        nobody = replace(record, patient=Patient(), acquisition=replace(record.acquisition, start=None))
        text = line_text(patient_parts(nobody, None))
        assert text.startswith("patient --  sex --  age --  date --  HR --  ")

    def test_an_age_over_89_is_said_as_such(self, record: EcgRecord) -> None:
        old = replace(record, patient=Patient("ptbxl:1", "Doe^J", None, True, "female"))
        assert line_text(patient_parts(old, 71.6)).startswith("Doe^J ptbxl:1  F  >89 y  ")
        assert "HR 72" in line_text(patient_parts(old, 71.6))

    def test_millimetres_are_claimed_at_true_size_only(self) -> None:
        assert line_text(scale_parts(PaperState(), KNOWN)).startswith("25 mm/s  10 mm/mV  display filter off")
        magnified = line_text(scale_parts(PaperState(magnification=2.0), KNOWN))
        assert magnified.startswith("large box 0.2 s, 0.5 mV  magnified x2")
        assert "mm" not in magnified
        assert status_scale_text(PaperState(magnification=2.0), KNOWN) == "magnified x2"

    @pytest.mark.parametrize(
        ("stated", "said"),
        [
            ("0.16-150 Hz, notch 60 Hz", "device band 0.16-150 Hz, notch 60 Hz"),
            (None, "device band unknown"),
            ("HP 0.05 Hz LP 150 Hz\nN 50 Hz and what else", "device band HP 0.05 Hz LP 150 Hz N 50 Hz and what e…"),
        ],
    )
    def test_the_band_of_the_device_is_said_in_the_files_words(
        self, record: EcgRecord, stated: str | None, said: str
    ) -> None:
        filtered = replace(record, acquisition=replace(record.acquisition, filters=stated))
        text = line_text(scale_parts(PaperState(), KNOWN, "", device_band_text(filtered)))
        assert f"  display filter off  {said}  baseline at lead median" in text
        assert "no filter" not in text

    @pytest.mark.parametrize(("fs_hz", "is_said"), [(100.0, True), (250.0, True), (500.0, False), (1000.0, False)])
    def test_below_500_hz_pacing_spikes_cannot_be_assessed(
        self, record: EcgRecord, fs_hz: float, is_said: bool
    ) -> None:
        remark = low_rate_remark(replace(record, fs_hz=fs_hz))
        assert ("pacing spikes cannot be assessed" in remark) == is_said
        assert (f"nothing above {fs_hz / 2:g} Hz" in remark) == is_said

    def test_an_unknown_screen_gets_no_millimetre(self) -> None:
        text = line_text(scale_parts(PaperState(50.0, 20.0), UNKNOWN))
        assert text.startswith("large box 0.1 s, 0.25 mV (screen size unknown)")
        assert "mm" not in text
        assert status_scale_text(PaperState(), UNKNOWN) == "screen size unknown"
        assert status_scale_text(PaperState(), KNOWN) == "1 mm = 3.78 px"


class TestFindings:
    def test_urgent_candidates_come_first_then_groups_then_folds(self) -> None:
        rows = finding_rows(predictions())
        assert [row.text for row in rows] == [
            "Urgent candidates",
            "3AVB",
            "Rhythm",
            "SR",
            "Conduction",
            "CRBBB",
            "Form",
            "ABQRS",
            "below threshold (2)",
            "too few examples (1)",
        ]

    def test_an_urgent_finding_below_threshold_is_not_at_the_top(self) -> None:
        rows = finding_rows(predictions(), frozenset({BELOW}))
        texts = [row.text for row in rows]
        assert texts.index("INJAS") > texts.index("below threshold (2)")
        assert not next(row for row in rows if row.text == "INJAS").is_candidate

    def test_without_a_threshold_nothing_is_judged(self) -> None:
        rows = finding_rows(predictions(), frozenset({UNJUDGED}))
        finding = rows[-1].finding
        assert finding is not None
        assert judgement_text(finding) == "too few examples (n=2)"
        assert not rows[-1].is_candidate

    def test_what_is_likely_but_has_no_threshold_stays_in_sight_and_is_no_candidate(self) -> None:
        trigeminy = Finding("TRIGU", "Trigeminy", "Rhythm", 0.97, None, 2, False)
        rows = finding_rows(predictions(findings=[*findings()[:5], trigeminy]))
        place = [row.text for row in rows].index("Likely, but no threshold")
        assert rows[place + 1].finding == trigeminy
        assert not rows[place + 1].is_candidate
        assert not rows[place + 1].is_urgent

    @pytest.mark.parametrize("abstention", ["", "unlike"])
    def test_what_is_urgent_and_likely_without_a_threshold_stands_before_what_can_wait_and_says_so(
        self, abstention: str
    ) -> None:
        flutter = Finding("AFLT", "Atrial flutter", "Rhythm", 0.93, None, 7, True)
        rows = finding_rows(predictions(findings=[*findings(), flutter], set_level=0.9, abstention=abstention))
        assert [row.text for row in rows][:4] == ["Urgent candidates", "3AVB", "Urgent, no threshold", "AFLT"]
        assert (rows[2].kind, rows[3].is_urgent, rows[3].is_candidate) == ("urgent heading", True, False)
        assert rows[3].accessible_text == "urgent, AFLT, Atrial flutter, 0.93, no threshold validated (n=7, too few)"
        assert "Likely, but no threshold" not in [row.text for row in rows]

    def test_what_is_urgent_and_unlikely_without_a_threshold_is_not_marked(self) -> None:
        flutter = Finding("AFLT", "Atrial flutter", "Rhythm", 0.2, None, 7, True)
        rows = finding_rows(predictions(findings=[*findings(), flutter]), frozenset({UNJUDGED}))
        assert "Urgent, no threshold" not in [row.text for row in rows]
        assert not next(row for row in rows if row.text == "AFLT").is_urgent

    def test_what_was_not_assessed_has_no_rows(self) -> None:
        rows = finding_rows(predictions(reason="lead V2 is missing", findings=[]))
        assert rows == []

    def test_several_windows_lead_to_the_most_abnormal(self) -> None:
        row = finding_rows(predictions(n_windows=5, most_abnormal_window_s=[10.0, 20.0]))[0]
        assert (row.kind, row.text, row.start_s) == ("link", "mean of 5 windows; most abnormal 10-20 s", 10.0)

    def test_rounding_never_makes_a_certainty(self) -> None:
        finding = findings()[0]
        assert probability_text(replace(finding, probability=0.9999)) == ">0.99"
        assert probability_text(replace(finding, probability=0.0001)) == "<0.01"
        assert probability_text(replace(finding, probability=0.267)) == "0.27"

    def test_nothing_over_threshold_is_said(self) -> None:
        low = [replace(finding, probability=0.01) for finding in findings()]
        assert "no candidate reaches its threshold" in [row.text for row in finding_rows(predictions(findings=low))]


class TestSimilar:
    def test_a_far_nearest_is_no_close_match(self) -> None:
        text = notice_text(similar(is_close=False))
        assert text.startswith("No close match: the nearest is at 0.020")
        assert notice_text(similar()) == ""

    def test_what_was_left_out_is_said(self) -> None:
        assert left_out_text(similar()) == "Left out: 2 ECGs of the same patient"

    def test_age_and_sex(self) -> None:
        assert who_text(neighbours()[3]) == "F 63 y"
        assert who_text(replace(neighbours()[3], over_89=True)) == "F >89 y"
        assert who_text(replace(neighbours()[3], age_years=None, sex=None)) == "--, age --"


def test_a_reason_is_shortened_at_a_clause() -> None:
    assert short_reason("no CUDA device was found; install a driver") == "no CUDA device was found"
    assert short_reason("") == ""
    assert len(short_reason("word " * 30)) <= 45


def test_the_status_bar_never_claims_a_model_that_is_not_there() -> None:
    assert "model" not in WorkerStatus("ready").device_text
    assert WorkerStatus("stopped", "it crashed").device_text == "no model running"


def test_the_layout_is_a_function_of_its_arguments(record: EcgRecord) -> None:
    pages = [lay_out(record.lead_names, record.duration_s, "3x4+1", 10.0) for _ in range(2)]
    assert pages[0] == pages[1]
    assert np.isfinite(pages[0].height_mm)


class TestStart:
    def test_a_start_has_the_precision_and_the_zone_that_the_file_states_and_no_other(self) -> None:
        moment = datetime(2023, 12, 1, 12, 5)
        assert start_text(None) == "--"
        assert start_text(moment.date()) == "2023-12-01"
        assert start_text(moment) == "2023-12-01 12:05"
        assert start_text(moment.replace(tzinfo=timezone(timedelta(hours=-6)))) == "2023-12-01 12:05 UTC-0600"
