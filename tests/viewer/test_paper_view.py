"""The paper as it is painted: millimetres are checked in the pixels of a rendered picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from wfdb_files import write_signals

from ecgviewer.plot.paper_view import PaperView
from ecgviewer.state.paper import PaperState
from ecgviewer.state.screen import ScreenScale
from ecgviewer.state.theme import load_theme
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord, ImportReport
from physioclr_core.recordings.opening import open_long

LIGHT = load_theme("light")
PX_PER_MM = 96 / 25.4


def _pixels(view: PaperView) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), dtype=np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return flat[:, : image.width()] & 0xFFFFFF


def _is_colour(pixels: np.ndarray, colour: str) -> np.ndarray:
    return pixels == (QColor(colour).rgb() & 0xFFFFFF)


def _heavy_lines(view: PaperView) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the 5 mm lines across and down, in pixels."""
    is_line = _is_colour(_pixels(view), LIGHT.grid_5mm)
    across = np.flatnonzero(is_line.mean(axis=0) > 0.6)
    down = np.flatnonzero(is_line.mean(axis=1) > 0.6)
    return across, down


@pytest.mark.parametrize("size_px", [(900, 400), (1240, 720), (700, 900), (1600, 600)])
@pytest.mark.parametrize("magnification", [1.0, 1.5, 3.0])
def test_a_millimetre_is_as_high_as_wide_in_any_window(
    make_view: Callable, record: EcgRecord, size_px: tuple[int, int], magnification: float
) -> None:
    _, view = make_view(record, PaperState(magnification=magnification), size_px=size_px)
    for lines in _heavy_lines(view):
        assert lines.size >= 5
        steps = np.diff(lines)
        expected_px = 5 * PX_PER_MM * magnification
        assert abs(steps - expected_px).max() <= 1
        assert (lines[-1] - lines[0]) / (lines.size - 1) == pytest.approx(
            expected_px, abs=1.0 / (lines.size - 1) + 1e-6
        )


@pytest.mark.parametrize("gain_mm_mv", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("speed_mm_s", [25.0, 50.0])
def test_the_calibration_pulse_is_a_millivolt_high_and_200_ms_wide(
    make_view: Callable, record: EcgRecord, gain_mm_mv: float, speed_mm_s: float
) -> None:
    _, view = make_view(record, PaperState(speed_mm_s, gain_mm_mv), size_px=(900, 1100))
    geometry, page = view.geometry_px, view.page
    is_ink = _is_colour(_pixels(view), LIGHT.trace)[:, : int(geometry.gutter_px) - 2]
    for row in page.rows:
        base_px = geometry.y_px(row.baseline_mm)
        top_px = base_px - gain_mm_mv * PX_PER_MM
        band = is_ink[max(0, int(top_px) - 3) : int(base_px) + 3]
        rows_px = np.flatnonzero(band.any(axis=1))
        assert rows_px[-1] - rows_px[0] == pytest.approx(gain_mm_mv * PX_PER_MM, abs=1)
        sides_px = np.flatnonzero(band.mean(axis=0) > 0.5)
        assert sides_px[-1] - sides_px[0] == pytest.approx(0.2 * speed_mm_s * PX_PER_MM, abs=1)


def test_a_step_of_one_millivolt_is_drawn_ten_millimetres_high(make_view: Callable, record: EcgRecord) -> None:
    signal_mv = np.zeros((12, 5000), dtype=np.float32)
    signal_mv[1, 2500:3000] = 1.0
    _, view = make_view(replace(record, signal_mv=signal_mv))
    geometry, page = view.geometry_px, view.page
    is_ink = _is_colour(_pixels(view), LIGHT.trace)
    left_px, right_px = int(geometry.x_px(4.5)), int(geometry.x_px(6.5))
    base_px = geometry.y_px(page.rows[3].baseline_mm)
    band = is_ink[int(base_px - 60) : int(base_px + 10), left_px:right_px]
    rows_px = np.flatnonzero(band.any(axis=1))
    assert rows_px[-1] - rows_px[0] == pytest.approx(10 * PX_PER_MM, abs=1)
    flanks_px = np.flatnonzero(band.mean(axis=0) > 0.4)
    assert flanks_px[-1] - flanks_px[0] == pytest.approx(25 * PX_PER_MM, abs=1.5)


@pytest.mark.parametrize("jumps_s", [(600.3,), (61.7, 61.7, 1203.11, -1300.7), (-7.0, 400.0, 0.2, 0.2)])
@pytest.mark.parametrize("magnification", [1.0, 1.37])
def test_after_a_jump_the_grid_stands_where_it_stands_when_drawn_anew(
    make_view: Callable, record: EcgRecord, jumps_s: tuple[float, ...], magnification: float
) -> None:
    long = replace(record, signal_mv=np.tile(record.signal_mv, (1, 200)))
    paper, view = make_view(long, PaperState(magnification=magnification), size_px=(1300, 400))
    for jump_s in jumps_s:
        paper.pan_by(shift_s=jump_s)
        QApplication.processEvents()
        view.grab()
    jumped = _heavy_lines(view)[0]
    _, fresh = make_view(long, paper.state, size_px=(1300, 400))
    drawn = _heavy_lines(fresh)[0]
    assert drawn.size > 40
    # Half a pixel of rounding each way.
    np.testing.assert_allclose(jumped, drawn, atol=1)
    assert np.mean(jumped == drawn) > 0.9


def test_window_size_changes_only_how_much_is_seen(make_view: Callable, record: EcgRecord) -> None:
    _, view = make_view(record, size_px=(1300, 720))
    before = _pixels(view)
    view.resize(1000, 500)
    QApplication.processEvents()
    after = _pixels(view)
    np.testing.assert_array_equal(after, before[:500, :1000])


def test_labels_stand_in_the_conventional_order(make_view: Callable, record: EcgRecord) -> None:
    _, view = make_view(record, size_px=(1300, 720))
    labels = view.labels()
    rows: dict[int, list[tuple[float, str]]] = {}
    page, geometry = view.page, view.geometry_px
    for text, where in labels:
        row = min(
            range(len(page.rows)),
            key=lambda i: abs(geometry.y_px(page.rows[i].baseline_mm) - where.y() - 11 * PX_PER_MM),
        )
        rows.setdefault(row, []).append((where.x(), text))
    names = [[text for _, text in sorted(rows[row])] for row in sorted(rows)]
    assert names == [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"], ["II"]]
    columns = [sorted(x for x, _ in rows[row]) for row in range(3)]
    assert columns[0] == columns[1] == columns[2]


def test_a_missing_lead_says_so(make_view: Callable, record: EcgRecord) -> None:
    keep = [i for i, name in enumerate(record.lead_names) if name != "V3"]
    names = tuple(record.lead_names[i] for i in keep)
    _, view = make_view(replace(record, signal_mv=record.signal_mv[keep], lead_names=names), size_px=(1300, 720))
    assert "V3 not recorded" in [text for text, _ in view.labels()]


def test_a_lead_shorter_than_its_name_is_still_named(make_view: Callable, record: EcgRecord) -> None:
    short = replace(record, signal_mv=record.signal_mv[1:2, :13], lead_names=("II",))
    _, view = make_view(short, size_px=(1300, 720))
    assert [text for text, _ in view.labels()] == ["II"]


def test_a_gap_is_left_open(make_view: Callable, record: EcgRecord) -> None:
    signal_mv = np.array(record.signal_mv)
    signal_mv[1, 2000:3000] = np.nan
    _, view = make_view(replace(record, signal_mv=signal_mv), size_px=(1300, 720))
    geometry, page = view.geometry_px, view.page
    y_px = int(geometry.y_px(page.rows[3].baseline_mm))
    inside = slice(int(geometry.x_px(4.0)) + 3, int(geometry.x_px(6.0)) - 3)
    is_ink = _is_colour(_pixels(view), LIGHT.trace)
    assert not is_ink[y_px - 40 : y_px + 40, inside].any()


def test_a_derived_lead_is_marked_beside_its_name(make_view: Callable, record: EcgRecord) -> None:
    """Ink in the place beside the names of III and aVF, and nowhere else, is all that changes."""
    derived = replace(record, report=replace(record.report, derived_leads=("III", "aVF")))
    _, plain = make_view(record, size_px=(1300, 720))
    _, marked = make_view(derived, size_px=(1300, 720))
    rows, columns = np.nonzero(_pixels(plain) != _pixels(marked))
    assert rows.size
    places = [where for text, where in marked.labels() if text in ("III", "aVF")]
    for y_px, x_px in zip(rows.tolist(), columns.tolist(), strict=True):
        assert any(8 < x_px - at.x() < 100 and -14 < y_px - at.y() < 6 for at in places)


def test_a_lead_that_was_off_is_tinted_and_named_and_has_no_line(make_view: Callable, record: EcgRecord) -> None:
    signal_mv = np.array(record.signal_mv)
    signal_mv[1] = 0.0
    signal_mv[11, 200:] = -20.02
    off = replace(record, signal_mv=signal_mv, report=ImportReport())
    for theme in ("light", "dark"):
        _, view = make_view(off, size_px=(1300, 720), theme=theme)
        geometry, page = view.geometry_px, view.page
        assert [cell.label for cell in page.rows[3].cells] == ["V1"]  # not the strip of a dead lead
        pixels = _pixels(view)
        is_ink = _is_colour(pixels, load_theme(theme).trace)
        is_word = _is_colour(pixels, load_theme(theme).text_quiet)
        for row_idx, start_s, end_s in ((1, 0.0, 2.5), (2, 7.5, 10.0)):
            y_px = int(geometry.y_px(page.rows[row_idx].baseline_mm))
            inside = slice(int(geometry.x_px(start_s)) + 4, int(geometry.x_px(end_s)) - 4)
            band = slice(y_px - 8, y_px + 8)
            assert not is_ink[band, inside].any()
            assert is_word[band, inside].any()
        # The lead beside it is drawn.
        y_px = int(geometry.y_px(page.rows[1].baseline_mm))
        assert is_ink[y_px - 40 : y_px + 40, int(geometry.x_px(2.6)) : int(geometry.x_px(4.9))].any()


def test_a_gap_on_disk_is_marked_in_the_first_painting_after_a_jump(
    make_view: Callable, tmp_path: Path, record: EcgRecord
) -> None:
    adu = np.tile(np.round(np.array(record.signal_mv[:2]) * 1000).astype(np.int64), (1, 20))
    adu[:, 50_000:60_000] = 0
    recording = open_long(write_signals(tmp_path, "r", adu, 16, leads=["MLII", "V1"], fs="500"), 0)
    assert recording is not None
    paper, view = make_view(recording, size_px=(1300, 720))
    paper.pan_to(start_s=105.0)
    pixels = _pixels(view)
    is_ink = _is_colour(pixels, LIGHT.trace)
    y_px = int(view.geometry_px.y_px(view.page.rows[0].baseline_mm))
    assert not is_ink[y_px - 8 : y_px + 8, 100:].any()
    assert _is_colour(pixels, LIGHT.text_quiet)[y_px - 8 : y_px + 8, 100:].any()


def test_a_large_offset_is_drawn_on_the_baseline(make_view: Callable, record: EcgRecord) -> None:
    _, plain = make_view(record)
    _, shifted = make_view(replace(record, signal_mv=record.signal_mv + np.float32(64.0)))
    difference = _is_colour(_pixels(plain), LIGHT.trace) ^ _is_colour(_pixels(shifted), LIGHT.trace)
    assert difference.mean() < 0.002


def test_panning_moves_the_picture_by_whole_pixels_and_nothing_else(
    make_view: Callable, long_record: EcgRecord
) -> None:
    paper, view = make_view(long_record, PaperState(layout="12x1"))
    paper.pan_to(start_s=20.0)
    QApplication.processEvents()
    before = _pixels(view)
    shift_px = 50
    paper.pan_by(shift_s=shift_px / view.geometry_px.px_per_s)
    QApplication.processEvents()
    after = _pixels(view)
    # The labels stay at the left end; right of them every pixel has only moved.
    left_px = int(view.geometry_px.gutter_px) + 60
    moved = (before[:, left_px + shift_px :] != after[:, left_px:-shift_px]).mean()
    assert moved < 0.002


def test_one_millimetre_lines_vanish_where_they_would_run_together(make_view: Callable, record: EcgRecord) -> None:
    _, view = make_view(record, scale=ScreenScale(2.0, False))
    fine = QColor(LIGHT.grid_1mm)
    assert not _is_colour(_pixels(view), fine.name()).any()
    assert _is_colour(_pixels(view), LIGHT.grid_5mm).any()


@pytest.mark.parametrize("theme", ["light", "dark", "high_contrast"])
def test_every_theme_draws_its_trace(make_view: Callable, record: EcgRecord, theme: str) -> None:
    _, view = make_view(record, theme=theme)
    pixels = _pixels(view)
    assert _is_colour(pixels, load_theme(theme).trace).any()
    assert _is_colour(pixels, load_theme(theme).paper).any()


@pytest.mark.parametrize("seconds", [1, 3, 10, 1800])
@pytest.mark.parametrize("fs_hz", [125.0, 360.0, 1000.0])
def test_records_of_any_length_and_rate_are_drawn(
    make_view: Callable, record: EcgRecord, seconds: int, fs_hz: float
) -> None:
    n = int(seconds * fs_hz)
    leads = 2 if seconds > 100 else 12
    signal_mv = np.resize(record.signal_mv[:leads], (leads, n)).astype(np.float32)
    paper, view = make_view(replace(record, signal_mv=signal_mv, fs_hz=fs_hz, lead_names=record.lead_names[:leads]))
    assert _is_colour(_pixels(view), LIGHT.trace).any()
    paper.pan_to(start_s=1e9)
    QApplication.processEvents()
    if seconds > 100:
        assert paper.state.start_s == pytest.approx(seconds - paper.extent.visible_s)


def _wheel(view: PaperView, notches: float, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    centre = QPointF(view.viewport().rect().center())
    event = QWheelEvent(
        centre,
        QPointF(view.viewport().mapToGlobal(centre.toPoint())),
        QPoint(),
        QPoint(0, int(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)


def test_the_wheel_pans_in_time(make_view: Callable, long_record: EcgRecord) -> None:
    paper, view = make_view(long_record)
    _wheel(view, -2)
    assert paper.state.start_s == pytest.approx(2 * 15 / 25)
    _wheel(view, 5)
    assert paper.state.start_s == 0


def test_the_wheel_scrolls_a_page_that_is_only_too_high(make_view: Callable, record: EcgRecord) -> None:
    paper, view = make_view(record, PaperState(layout="12x1"), size_px=(1300, 400))
    assert paper.extent.last_start_s == 0
    _wheel(view, -1)
    assert paper.state.top_mm == pytest.approx(15)


def test_the_wheel_steps_speed_and_gain_through_standard_values(make_view: Callable, record: EcgRecord) -> None:
    paper, view = make_view(record)
    _wheel(view, 1, Qt.KeyboardModifier.ControlModifier)
    assert paper.state.speed_mm_s == 50
    _wheel(view, 1, Qt.KeyboardModifier.ShiftModifier)
    _wheel(view, 1, Qt.KeyboardModifier.ShiftModifier)
    assert paper.state.gain_mm_mv == 20
    _wheel(view, -3, Qt.KeyboardModifier.ShiftModifier)
    assert paper.state.gain_mm_mv == 5
    for _ in range(3):
        _wheel(view, -0.4, Qt.KeyboardModifier.ControlModifier)
    assert paper.state.speed_mm_s == 25


def test_keys_pan(make_view: Callable, long_record: EcgRecord) -> None:
    paper, view = make_view(long_record)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert paper.state.start_s == pytest.approx(0.2)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert paper.state.start_s == 0
    QTest.keyClick(view, Qt.Key.Key_PageDown)
    assert paper.state.start_s == 10.0
    QTest.keyClick(view, Qt.Key.Key_End)
    assert paper.state.start_s == paper.extent.last_start_s
    QTest.keyClick(view, Qt.Key.Key_PageUp)
    assert paper.state.start_s == pytest.approx(paper.extent.last_start_s - 10.0)
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert paper.state.start_s == 0


def test_dragging_moves_the_paper_with_the_hand(make_view: Callable, long_record: EcgRecord) -> None:
    paper, view = make_view(long_record, PaperState(layout="12x1"), size_px=(1200, 500))
    start = QPoint(800, 300)
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(view.viewport(), start - QPoint(189, 40))
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=start - QPoint(189, 40))
    assert paper.state.start_s == pytest.approx(2.0, abs=0.02)
    assert paper.state.top_mm == pytest.approx(40 / PX_PER_MM, abs=0.2)


def test_the_record_is_never_changed(make_view: Callable, record: EcgRecord) -> None:
    copy = np.array(record.signal_mv)
    paper, view = make_view(record)
    paper.set_gain(20.0)
    paper.set_layout("12x1")
    QApplication.processEvents()
    np.testing.assert_array_equal(record.signal_mv, copy)
    assert not record.signal_mv.flags.writeable
    assert set(STANDARD_LEADS) == set(view.record.lead_names)
