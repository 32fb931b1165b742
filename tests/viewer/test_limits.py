"""What the panel says of the model's limits: as values, and with a really exported model in worker and window."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exported_model import changed_model, without_limits
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from real_records import real_signal_mv, record_of
from test_command_line import _run
from viewer_doubles import DirectLoader, findings, predictions

from ecgviewer.dialogs.text_dialog import TextDialog
from ecgviewer.jobs.protocol import Analyse, Finding, Predictions, decode
from ecgviewer.jobs.worker_client import WorkerClient, worker_command
from ecgviewer.jobs.worker_main import Worker
from ecgviewer.main_window import MainWindow
from ecgviewer.services.session import ReviewSession
from ecgviewer.settings import Settings
from ecgviewer.state.findings import ASIDE, IN_SET, finding_rows
from ecgviewer.state.limits import limits_text, notice_text
from ecgviewer.state.paper import Paper
from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.style import apply_theme
from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord

IN = {"SR", "CRBBB", "INJAS", "TRIGU"}
dialog_test = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def with_set(**changes: object) -> Predictions:
    """Return an answer with a prediction set of ``IN`` and a distance within its limit."""
    marked = [replace(finding, is_in_set=finding.code in IN) for finding in findings()]
    values = {"findings": marked, "set_level": 0.9, "abstention": "", "distance": 1.1, "distance_limit": 1.8}
    return predictions(**{**values, **changes})


def texts(rows: list) -> list[str]:
    return [row.text for row in rows]


class TestInWords:
    def test_members_are_marked_and_those_that_are_no_candidates_are_a_fold_away(self) -> None:
        rows = finding_rows(with_set())
        assert {row.text for row in rows if row.kind == "finding" and row.is_marked} == {"SR", "CRBBB"}
        assert texts(rows)[-2:] == ["also in the prediction set (2)", "below threshold (1)"]
        opened = finding_rows(with_set(), frozenset({IN_SET}))
        assert {row.text for row in opened if row.kind == "finding" and row.is_marked} == IN
        spoken = next(row.accessible_text for row in opened if row.text == "SR")
        assert spoken == "SR, Sinus rhythm, 0.94, candidate, threshold 0.66, in the prediction set"

    def test_the_promise_is_a_mean_over_like_ecgs(self) -> None:
        assert limits_text(with_set()) == (
            "\u2022 4 of 7 in the prediction set. For ECGs like those learnt from, sets hold 90 % of what applies."
        )
        assert limits_text(with_set(set_right=0.526)).endswith(
            "sets hold 90 % of what applies; 53 % of a set this size does."
        )
        assert notice_text(with_set()) == ""

    @pytest.mark.parametrize(
        ("abstention", "words"),
        [
            ("empty", "The model abstains: none of its 7 statements is likely enough."),
            ("too large", "The model abstains: 4 of its 7 statements remain possible, too many to suggest any."),
            (
                "unlike",
                "This ECG is unlike those the model learnt from, so it abstains: read what is over threshold with "
                "caution.",
            ),
        ],
    )
    def test_a_model_that_abstains_says_why_names_what_it_sets_aside_and_hides_nothing_urgent(
        self, abstention: str, words: str
    ) -> None:
        said = with_set(abstention=abstention)
        assert notice_text(said) == words
        rows = finding_rows(said)
        assert [row.text for row in rows if row.kind == "finding"] == ["3AVB"]
        assert not any(row.is_marked for row in rows)
        assert texts(rows)[2:] == [
            "over threshold all the same: SR, CRBBB, ABQRS",
            "below threshold (2)",
            "too few examples (1)",
        ]
        assert {"SR", "CRBBB", "ABQRS"} <= set(texts(finding_rows(said, frozenset({ASIDE}))))
        assert "90 %" not in limits_text(said)

    def test_the_distance_is_said_where_it_matters(self) -> None:
        said = with_set(abstention="unlike", distance=2.651)
        assert limits_text(said) == "Distance to the ECGs the model learnt from: 2.65, its limit: 1.80."

    def test_unknown_is_said_to_be_unknown_and_nothing_is_marked(self) -> None:
        assert limits_text(predictions()) == (
            "Unknown for this model: prediction set and likeness to the ECGs it learnt from."
        )
        assert notice_text(predictions()) == ""
        assert not any(row.is_marked for row in finding_rows(predictions()))
        assert limits_text(with_set(distance=None, distance_limit=None)).endswith(
            "Unknown for this model: likeness to the ECGs it learnt from."
        )

    def test_of_an_ecg_that_was_not_assessed_nothing_is_said(self) -> None:
        assert limits_text(predictions(reason="lead V2 is missing", findings=[])) == ""

    def test_a_label_that_is_none_of_the_71_has_a_heading_and_no_gap_where_its_description_would_be(self) -> None:
        rows = finding_rows(with_set(findings=[Finding("myocarditis", "", "Other", 0.8, 0.4, 30, False, True)]))
        assert texts(rows) == ["Other", "myocarditis"]
        assert rows[1].accessible_text == "myocarditis, 0.80, candidate, threshold 0.40, in the prediction set"


# --- a real model in a real worker, in a real window -----------------------------------------------------------------


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Iterator[Callable[..., MainWindow]]:
    """Return a function that shows a record in the main window, analysed by a worker on a bundle."""
    clients = []

    def make(record: EcgRecord, model: Path | None) -> MainWindow:
        apply_theme(qapp, load_theme("light"))
        client = WorkerClient(worker_command(model))
        clients.append(client)
        session = ReviewSession(DirectLoader(), client)
        window = MainWindow(session, Paper(), Settings(is_kept=False), "light")
        qtbot.addWidget(window)
        window.resize(1600, 1000)
        window.show()
        client.start()
        session.show_record(record)
        session.start_analysis()
        qtbot.waitUntil(lambda: session.analysis.is_complete, timeout=90_000)
        assert session.analysis.failure is None
        return window

    yield make
    for client in clients:
        client.shutdown()


def expected(model: Path, record: EcgRecord) -> set[str]:
    """Return the codes of a record's prediction set as the core gives it."""
    bundle = EcgModel(model, allow_gpu=False)
    assessment = bundle.assess(record)
    assert assessment.is_in_set is not None
    return {code for code, is_in in zip(bundle.manifest.codes, assessment.is_in_set, strict=True) if is_in}


def smaller_sets(source: Path, folder: Path) -> Path:
    """Return the bundle with a threshold at which its sets are small enough to be shown."""
    return changed_model(source, folder, lambda values: values["metrics"]["conformal"].update(threshold=0.1))


@dialog_test
def test_the_window_marks_the_set_and_the_card_is_one_click_or_key_away(
    exported_model: Path, tmp_path: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    model, record = smaller_sets(exported_model, tmp_path / "model"), record_of(real_signal_mv(0))
    window = open_window(record, model)
    panel = window.panels.findings
    members = expected(model, record)
    assert 0 < len(members) < 36
    for fold in [i for i, row in enumerate(panel.rows()) if row.kind == "fold"][::-1]:
        panel.list.clicked.emit(panel.model.index(fold))
    assert {row.text for row in panel.rows() if row.kind == "finding" and row.is_marked} == members
    assert panel.footnote.startswith(f"\u2022 {len(members)} of 71 in the prediction set")
    assert panel.words == ""
    assert "rebuild" in window.panels.similar.words  # the library is another model's

    def card() -> str:
        dialog = window.findChild(TextDialog)
        assert dialog is not None
        assert dialog.isVisible()
        text = dialog.text.toPlainText()
        dialog.close()
        qtbot.waitUntil(lambda: window.findChild(TextDialog) is None)
        window.activateWindow()  # the offscreen platform does not do so by itself
        qtbot.waitUntil(window.isActiveWindow)
        return text

    QTest.mouseClick(panel.card_button, Qt.MouseButton.LeftButton)
    assert card().startswith("Model card: small 1")
    QTest.keyClick(window.workspace.main_pane.view, Qt.Key.Key_A)
    qtbot.waitUntil(panel.list.hasFocus)
    QTest.keyClick(panel.list, Qt.Key.Key_Tab)
    assert panel.card_button.hasFocus()
    QTest.keyClick(panel.card_button, Qt.Key.Key_Return)
    assert "no promise for a single ECG" in card()
    QTest.keyClick(window.workspace.main_pane.view, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert card().startswith("Model card")


def test_noise_for_an_ecg_is_unlike_and_an_ecg_opened_after_it_is_not(
    exported_model: Path, tmp_path: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    noise = record_of(np.random.default_rng(0).normal(0.0, 1.0, (12, 1000)))
    window = open_window(noise, smaller_sets(exported_model, tmp_path / "model"))
    panel, view = window.panels.findings, window.workspace.main_pane.view
    assert panel.words.startswith("This ECG is unlike those the model learnt from")
    distance, limit = (float(text) for text in re.findall(r"[0-9]+\.[0-9]{2}", panel.footnote))
    assert panel.footnote == f"Distance to the ECGs the model learnt from: {distance:.2f}, its limit: {limit:.2f}."
    assert distance > limit
    assert not any(row.is_marked for row in panel.rows())
    assert view.record is noise
    assert window.workspace.main_pane.error_bar.text == ""
    window.session.show_record(record_of(real_signal_mv(0)))
    assert (panel.words, panel.footnote) == ("", "")
    qtbot.waitUntil(lambda: window.session.analysis.is_complete, timeout=60_000)
    assert panel.words == ""
    assert "in the prediction set" in panel.footnote


def test_a_network_that_has_hardly_learnt_abstains_in_the_window(
    exported_model: Path, open_window: Callable[..., MainWindow]
) -> None:
    record = record_of(real_signal_mv(0))
    panel = open_window(record, exported_model).panels.findings
    n = len(expected(exported_model, record))
    assert panel.words == f"The model abstains: {n} of its 71 statements remain possible, too many to suggest any."
    assert panel.footnote == ""
    assert [row for row in panel.rows() if row.kind == "finding" and not row.finding.is_urgent] == []


def test_the_shipped_model_says_its_set_in_the_window(open_window: Callable[..., MainWindow]) -> None:
    panel = open_window(record_of(real_signal_mv(0)), None).panels.findings
    assert "in the prediction set. For ECGs like those learnt from, sets hold 90 % of what applies; " in panel.footnote
    assert panel.footnote.endswith(" % of a set this size does.")
    assert any(row.is_marked for row in panel.rows())
    assert panel.words == ""


def test_of_a_model_without_limits_the_window_says_what_is_unknown(
    tmp_path: Path, open_window: Callable[..., MainWindow]
) -> None:
    model = changed_model(default_model_dir(), tmp_path / "model", without_limits)
    panel = open_window(record_of(real_signal_mv(0)), model).panels.findings
    assert panel.footnote.startswith("Unknown for this model: prediction set and likeness")
    assert panel.words == ""


def test_a_model_of_other_labels_is_shown_with_them(tmp_path: Path) -> None:
    def rename(values: dict) -> None:
        values["labels"][3]["code"] = "myocarditis"

    output = io.BytesIO()
    worker = Worker(output, changed_model(default_model_dir(), tmp_path / "model", rename))
    np.save(tmp_path / "1.npy", real_signal_mv(0))
    worker.answer(Analyse(1, str(tmp_path / "1.npy"), 100.0, list(STANDARD_LEADS), "x"))
    said = decode(output.getvalue().splitlines()[0])
    assert isinstance(said, Predictions)
    assert len(said.findings) == 71
    last = said.findings[-1]
    assert (last.code, last.description, last.group, last.is_urgent) == ("myocarditis", "", "Other", False)
    probability = EcgModel(allow_gpu=False).assess(record_of(real_signal_mv(0))).probability[3]
    assert last.probability == pytest.approx(float(probability), abs=1e-4)


def test_the_program_opens_another_model_and_says_what_it_says(
    exported_model: Path, tmp_path: Path, demo_paths: list[Path]
) -> None:
    model = smaller_sets(exported_model, tmp_path / "model")
    done = _run(demo_paths[0], "--model", model, "--snapshot", tmp_path / "out.png")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["model"].startswith("small ")
    assert 0 < len(said["prediction_set"]) < 36
    assert said["abstention"] == ""
    assert 0.0 < said["distance"] < said["distance_limit"]


def test_a_folder_that_is_no_model_leaves_the_ecg_and_says_so(tmp_path: Path, demo_paths: list[Path]) -> None:
    done = _run(demo_paths[0], "--model", tmp_path, "--snapshot", tmp_path / "out.png")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert "not a model bundle" in said["not_assessed"]["predictions"]
    assert said["prediction_set"] is None
