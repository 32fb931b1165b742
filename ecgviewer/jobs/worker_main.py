"""The analysis worker: predictions, neighbours and heart rate in a process of its own. No Qt.

Reads one message a line on stdin and answers on stdout (``protocol``). It ends when stdin closes, so it cannot outlive
the window.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ecgviewer.jobs.inbox import Inbox
from ecgviewer.jobs.protocol import (
    Analyse,
    Explain,
    Failed,
    Finding,
    HeartRate,
    LibraryRecord,
    Likeness,
    Message,
    Neighbour,
    OpenLibraryRecord,
    Predictions,
    Ready,
    Similar,
    encode,
)
from physioclr_core.errors import LibraryError, UserFacingError
from physioclr_core.infer.manifest import ModelManifest
from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.infer.windows import NotAssessedError, Windows, windows_of
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.library.query import similar_to
from physioclr_core.library.reference import Match, ReferenceLibrary
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance
from physioclr_core.statements import GROUPS, statements

if TYPE_CHECKING:
    from ecgviewer.jobs.explaining import Explainer
    from physioclr_core.library.physiology import LibraryPhysiology

# Labels that are none of the 71 statements.
OTHER_GROUP = "Other"
_THUMBNAIL_LEAD = STANDARD_LEADS.index("II")


class Worker:
    """Answers messages with one model and one library.

    Parameters
    ----------
    output : BinaryIO
        Where answers go, one line each.
    model : Path, optional
        Folder of a model bundle; the shipped one by default.

    Raises
    ------
    UserFacingError
        If model or library cannot be loaded.
    """

    def __init__(self, output: BinaryIO, model: Path | None = None) -> None:
        self._output = output
        self._model = EcgModel(model, n_threads=1)
        self._library = ReferenceLibrary()
        self._panel = _panel_of(self._model.manifest)
        self._explainer: Explainer | None = None
        self._library_physiology: LibraryPhysiology | None = None

    def announce(self) -> None:
        """Say that the worker is ready, and on what."""
        device, manifest = self._model.device, self._model.manifest
        card = self._model.folder / "model_card.md"
        self._send(
            Ready(
                device=device.name,
                device_reason=device.reason,
                model=manifest.short_id,
                fingerprint=manifest.fingerprint,
                n_library=len(self._library),
                attribution=self._library.attribution,
                model_card=str(card) if card.is_file() else "",
            )
        )

    def answer(self, message: Message, is_cancelled: Callable[[int], bool] = lambda job: False) -> None:
        """Answer one message; every failure becomes an answer too. ``is_cancelled`` is asked about its job."""
        try:
            if isinstance(message, Analyse):
                self._analyse(message)
            elif isinstance(message, OpenLibraryRecord):
                self._open_library_record(message)
            elif isinstance(message, Explain):
                self._explain(message, is_cancelled)
        except BrokenPipeError:
            raise  # the window is gone
        except UserFacingError as error:
            self._send(Failed(message=str(error), job=getattr(message, "job", None)))
        except Exception as error:  # noqa: BLE001 (a fault in one job must not end the worker)
            self._send(
                Failed(
                    message=f"The analysis failed ({type(error).__name__}: {error}).", job=getattr(message, "job", None)
                )
            )

    def _analyse(self, request: Analyse) -> None:
        record = _record_of(request)
        try:
            windows = windows_of(record, self._model.manifest.input)
        except NotAssessedError as reason:
            self._send(Predictions(request.job, str(reason), [], 0, None))
            self._send(_heart_rate(request.job, record))
            self._send(self._no_similar(request.job, str(reason)))
        else:
            assessment = self._model.assess_windows([windows])[0]
            self._send(self._predictions(request.job, assessment))
            self._send(_heart_rate(request.job, record))
            try:
                self._send(self._similar(request, record, assessment, windows))
            except LibraryError as error:  # the other answers stand
                self._send(self._no_similar(request.job, str(error)))

    def _explain(self, request: Explain, is_cancelled: Callable[[int], bool]) -> None:
        from ecgviewer.jobs.explaining import Explainer  # nobody asks before the first predictions are there

        if self._explainer is None:
            self._explainer = Explainer(self._model)
        self._explainer.answer(request, _record_of(request), self._send, lambda: is_cancelled(request.job))

    def _predictions(self, job: int, assessment: Assessment) -> Predictions:
        is_in_set, sets, known = assessment.is_in_set, self._model.sets, self._model.known
        findings = [
            replace(
                finding,
                probability=float(assessment.probability[index]),
                is_in_set=None if is_in_set is None else bool(is_in_set[index]),
            )
            for index, finding in self._panel
        ]
        window = assessment.most_abnormal_window_s
        size = sum(map(bool, is_in_set)) if is_in_set is not None else 0
        return Predictions(
            job=job,
            reason=None,
            findings=findings,
            n_windows=assessment.n_windows,
            most_abnormal_window_s=list(window) if window else None,
            set_level=sets.level if sets is not None else None,
            set_right=sets.share_right(size) if sets is not None else None,
            abstention=assessment.abstention,
            distance=assessment.distance,
            distance_limit=known.threshold if known is not None else None,
        )

    def _similar(self, request: Analyse, record: EcgRecord, assessment: Assessment, windows: Windows) -> Similar:
        found = similar_to(
            assessment,
            windows,
            self._model,
            self._library,
            request.k,
            record=request.record,
            patient_id=request.patient_id,
        )
        thumbnails = Path(request.signal).with_suffix(".thumbnails.npy")
        rows = [self._library.signal_mv(match.entry.entry)[_THUMBNAIL_LEAD] * 1000.0 for match in found.matches]
        np.save(thumbnails, np.round(rows).astype(np.int16), allow_pickle=False)
        return Similar(
            job=request.job,
            reason=None,
            neighbours=self._neighbours(record, found.matches),
            left_out=list(found.left_out),
            is_close=found.is_close,
            limit_distance=found.limit_distance,
            thumbnails=str(thumbnails),
            thumbnail_fs_hz=self._library.fs_hz,
        )

    def _neighbours(self, record: EcgRecord, matches: tuple[Match, ...]) -> list[Neighbour]:
        """Return the matches with what they and the record measure alike."""
        from physioclr_core.library.physiology import LibraryPhysiology  # slow to import; the other answers are there
        from physioclr_core.physiology.features.spec import BLOCKS

        if self._library_physiology is None:
            self._library_physiology = LibraryPhysiology(self._library)
        compared = self._library_physiology.compared(record, [match.entry.entry for match in matches])
        likenesses = [
            Likeness(
                {block: round(pair.blocks[block], 3) if block in pair.blocks else None for block in BLOCKS},
                list(pair.alike),
                list(pair.unlike),
            )
            for pair in compared
        ]
        return [
            replace(_neighbour(match), likeness=likeness) for match, likeness in zip(matches, likenesses, strict=True)
        ]

    def _no_similar(self, job: int, reason: str) -> Similar:
        return Similar(job, reason, [], [], False, self._library.limit_distance, None, 0.0)

    def _open_library_record(self, request: OpenLibraryRecord) -> None:
        np.save(request.signal, self._library.signal_mv(request.entry), allow_pickle=False)
        entry = self._library.entries[request.entry]
        self._send(
            LibraryRecord(
                job=request.job,
                signal=request.signal,
                fs_hz=self._library.fs_hz,
                lead_names=list(STANDARD_LEADS),
                neighbour=_neighbour(Match(entry, 0.0)),
            )
        )

    def _send(self, message: Message) -> None:
        self._output.write(encode(message))
        self._output.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the worker until stdin closes; return the exit code. ``--model FOLDER`` names another model."""
    parser = argparse.ArgumentParser(prog="ecgviewer --worker")
    parser.add_argument("--model", type=Path, default=None)
    model = parser.parse_args([] if argv is None else argv).model
    output = _claim_stdout()
    # Resampling, search and heart rate need libraries that take a second to import: alongside the model's loading.
    threading.Thread(target=_import_slow_libraries, daemon=True).start()
    try:
        return _serve(output, model)
    except BrokenPipeError:
        return 0  # the window is gone


def _serve(output: BinaryIO, model: Path | None) -> int:
    try:
        worker = Worker(output, model)
    except UserFacingError as error:
        output.write(encode(Failed(message=str(error))))
        output.flush()
        return 1
    worker.announce()
    inbox = Inbox()
    for message in inbox:
        if isinstance(message, ValueError):
            output.write(encode(Failed(message=str(message))))
            output.flush()
        else:
            worker.answer(message, inbox.is_cancelled)
    return 0


def _claim_stdout() -> BinaryIO:
    """Keep stdout for the protocol: whatever else prints there goes to stderr."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def _import_slow_libraries() -> None:
    import faiss  # noqa: F401
    import scipy.fft  # noqa: F401
    import scipy.signal  # noqa: F401

    from physioclr_core.physiology.networks import shipped_network

    shipped_network("beats")


def _panel_of(manifest: ModelManifest) -> list[tuple[int, Finding]]:
    """Return the model's labels in the order of the panel, each with its place in the output.

    A label that is none of the 71 statements has its name only.
    """
    order = {group: index for index, group in enumerate(GROUPS)}
    known = {s.code: s for s in statements()}
    panel = []
    for index, label in enumerate(manifest.labels):
        statement = known.get(label.code)
        finding = Finding(
            code=label.code,
            description=statement.description if statement is not None else "",
            group=statement.group if statement is not None else OTHER_GROUP,
            probability=0.0,
            threshold=label.threshold,
            n_positive=label.n_positive,
            is_urgent=statement is not None and statement.is_urgent,
        )
        panel.append((index, finding))
    place = {code: index for index, code in enumerate(known)}
    return sorted(panel, key=lambda p: (order.get(p[1].group, len(order)), place.get(p[1].code, p[0])))


def _record_of(request: Analyse | Explain) -> EcgRecord:
    return EcgRecord(
        name=request.record,
        signal_mv=np.load(request.signal, allow_pickle=False),
        fs_hz=request.fs_hz,
        lead_names=tuple(request.lead_names),
        patient=Patient(patient_id=getattr(request, "patient_id", None)),
        acquisition=Acquisition(),
        provenance=Provenance(path=Path(request.signal), format="npy"),
    )


def _heart_rate(job: int, record: EcgRecord) -> HeartRate:
    from physioclr_core.physiology.heart_rate import mean_heart_rate

    rows = [index for index, name in enumerate(record.lead_names) if name in STANDARD_LEADS]
    signal = record.signal_mv[rows] if rows else record.signal_mv
    result = mean_heart_rate(signal, record.fs_hz)
    return HeartRate(job, result.bpm, result.reason)


def _neighbour(match: Match) -> Neighbour:
    entry = match.entry
    return Neighbour(
        entry=entry.entry,
        record=entry.record,
        distance=match.distance,
        statements=list(entry.statements),
        age_years=entry.age_years,
        over_89=entry.over_89,
        sex=entry.sex,
    )
