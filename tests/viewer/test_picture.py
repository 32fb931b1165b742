"""Pictures that leave the program: true in size, marked as what they are, without the patient where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QFileDialog

from ecgviewer.main_window import MainWindow
from ecgviewer.state.header import deidentified_band_text, deidentified_parts, line_text, neutral_lead_names
from ecgviewer.state.screen import ScreenScale
from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.picture import FOOTER_PX, picture_of, save_picture, workspace_picture
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord, ImportReport, Patient

LIGHT = load_theme("light")


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), dtype=np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return flat[:, : image.width()] & 0xFFFFFF


def is_colour(image: QImage, colour: str) -> np.ndarray:
    return pixels(image) == (QColor(colour).rgb() & 0xFFFFFF)


@pytest.fixture
def somebody(record: EcgRecord) -> EcgRecord:
    """Return a real ECG of somebody whose name is known."""
    return replace(
        record,
        name="Doe_1234",
        patient=Patient("1234", "Doe^Jane", 63.7, False, "female"),
        lead_names=(*record.lead_names[:11], "Jane's V6"),
        acquisition=replace(record.acquisition, start=datetime(2024, 3, 2, 10, 14), filters="as Dr Roe likes it"),
        report=ImportReport(warnings=("Doe_1234.dat: something is odd.",)),
    )


@pytest.mark.parametrize("px_per_mm", [3.937, 3.78, 5.2])
@pytest.mark.parametrize("is_known", [True, False])
def test_five_millimetres_of_paper_are_five_millimetres_in_print(
    make_window: Callable, record: EcgRecord, tmp_path: Path, px_per_mm: float, is_known: bool
) -> None:
    window = make_window((1400, 900))
    window.session.show_record(record)
    window.workspace.set_screen_scale(ScreenScale(px_per_mm, is_known))
    path = tmp_path / "ecg.png"
    assert save_picture(workspace_picture(window.workspace, LIGHT), path)
    image = QImage(str(path))
    lines = np.flatnonzero(is_colour(image, LIGHT.grid_5mm).mean(axis=0) > 0.5)
    step_px = (lines[-1] - lines[0]) / (lines.size - 1)
    assert lines.size > 20
    for dots_per_metre in (image.dotsPerMeterX(), image.dotsPerMeterY()):
        assert 1000 * step_px / dots_per_metre == pytest.approx(5.0, rel=0.003)


def test_a_picture_says_what_it_is_below_the_papers(make_window: Callable, record: EcgRecord) -> None:
    window = make_window()
    window.session.show_record(record)
    for name in ("light", "dark"):
        theme = load_theme(name)
        window.set_theme(name)
        plain = picture_of(window.workspace, 3.78)
        image = workspace_picture(window.workspace, theme)
        assert (image.width(), image.height()) == (plain.width(), plain.height() + FOOTER_PX)
        assert np.array_equal(pixels(image)[: plain.height()], pixels(plain))
        half = image.width() // 2
        footer_notice = is_colour(image, theme.notice)[plain.height() :]
        footer_quiet = is_colour(image, theme.text_quiet)[plain.height() :]
        assert footer_notice[:, :half].any()
        assert footer_quiet[:, half:].any()


def test_a_picture_without_patient_data_has_none_and_the_window_keeps_it(
    make_window: Callable, somebody: EcgRecord
) -> None:
    window = make_window()
    window.session.show_record(somebody)
    window.workspace.main_pane.error_bar.say("Doe_5678.dat: cannot be read.")
    before = pixels(picture_of(window.workspace, 3.78))
    image = workspace_picture(window.workspace, LIGHT, is_deidentified=True)
    assert "Doe^Jane" in window.workspace.main_pane.header.text()
    assert window.workspace.main_pane.error_bar.isVisible()
    assert np.array_equal(pixels(picture_of(window.workspace, 3.78)), before)
    # The same picture as of an ECG of nobody, whose import had nothing to say.
    nobody = replace(
        somebody,
        name="x",
        patient=Patient("5", "No^One", 63.2, False, "female"),
        lead_names=(*somebody.lead_names[:11], "patch"),
        acquisition=replace(somebody.acquisition, start=None, filters="other words"),
        report=ImportReport(warnings=("y",)),
    )
    window.session.show_record(nobody)
    assert np.array_equal(pixels(workspace_picture(window.workspace, LIGHT, is_deidentified=True)), pixels(image))


def test_the_line_without_patient_data_keeps_sex_and_age_and_no_high_age(somebody: EcgRecord) -> None:
    assert line_text(deidentified_parts(somebody, 71.6)) == "patient data left out  F  63 y  HR 72  500 Hz"
    old = replace(somebody, patient=replace(somebody.patient, age_years=94.0))
    assert line_text(deidentified_parts(old, None)) == "patient data left out  F  >89 y  HR --  500 Hz"
    assert deidentified_band_text(somebody) == "left out"
    plain = replace(somebody, acquisition=replace(somebody.acquisition, filters="0.16-150 Hz, notch 60 Hz"))
    assert deidentified_band_text(plain) == "0.16-150 Hz, notch 60 Hz"
    assert neutral_lead_names(("II", "Jane", "MLII")) == ("II", "Lead 2", "MLII")


def test_the_menu_saves_either_picture_under_a_name_that_fits(
    make_window: Callable, somebody: EcgRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window: MainWindow = make_window()
    window.session.show_record(replace(somebody, lead_names=STANDARD_LEADS))
    asked: list[str] = []

    def answer(parent: object, title: str, suggestion: str, patterns: str) -> tuple[str, str]:
        asked.append(suggestion)
        return str(tmp_path / suggestion), patterns

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    window.menus.actions["save picture"].trigger()
    window.menus.actions["save de-identified picture"].trigger()
    assert asked == ["Doe_1234.png", "ecg.png"]
    named, unnamed = (pixels(QImage(str(tmp_path / name))) for name in asked)
    assert not np.array_equal(named[:48], unnamed[:48])
    assert np.array_equal(named[120:], unnamed[120:])


def test_a_picture_is_saved_whole_or_not_at_all(make_window: Callable, record: EcgRecord, tmp_path: Path) -> None:
    window = make_window()
    window.session.show_record(record)
    image = workspace_picture(window.workspace, LIGHT)
    path = tmp_path / "ecg.png"
    assert save_picture(image, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["ecg.png"]
    assert not save_picture(image, tmp_path / "missing" / "ecg.png")
