"""The analysis worker: predictions, neighbours and heart rate in a process of its own. No Qt.

Reads one message a line on stdin and answers on stdout (``protocol``). It ends when stdin closes, so it cannot outlive
the window.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecgviewer.jobs.protocol import (
    Analyse,
    Failed,
    Finding,
    HeartRate,
    LibraryRecord,
    Message,
    Neighbour,
    OpenLibraryRecord,
    Predictions,
    Ready,
    Similar,
    decode,
    encode,
)
from physioclr_core.errors import LibraryError, UserFacingError
from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.infer.windows import NotAssessedError, Windows, windows_of
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.library.query import similar_to
from physioclr_core.library.reference import Match, ReferenceLibrary
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance
from physioclr_core.statements import GROUPS, statements

_THUMBNAIL_LEAD = STANDARD_LEADS.index("II")


class Worker:
    """Answers messages with one model and one library.

    Parameters
    ----------
    output : BinaryIO
        Where answers go, one line each.

    Raises
    ------
    UserFacingError
        If model or library cannot be loaded.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._model = EcgModel(n_threads=1)
        self._library = ReferenceLibrary()
        self._is_urgent = {s.code: s.is_urgent for s in statements()}
        order = {group: index for index, group in enumerate(GROUPS)}
        self._panel_order = sorted(statements(), key=lambda s: order[s.group])

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

    def answer(self, message: Message) -> None:
        """Answer one message; every failure becomes an answer too."""
        try:
            if isinstance(message, Analyse):
                self._analyse(message)
            elif isinstance(message, OpenLibraryRecord):
                self._open_library_record(message)
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
            self._send(self._no_similar(request.job, str(reason)))
        else:
            assessment = self._model.assess_windows([windows])[0]
            self._send(self._predictions(request.job, assessment))
            try:
                self._send(self._similar(request, assessment, windows))
            except LibraryError as error:  # the predictions stand, and the heart rate is still to come
                self._send(self._no_similar(request.job, str(error)))
        self._send(_heart_rate(request.job, record))

    def _predictions(self, job: int, assessment: Assessment) -> Predictions:
        pairs = zip(self._model.manifest.labels, assessment.probability, strict=True)
        labels = {label.code: (label, p) for label, p in pairs}
        findings = []
        for statement in self._panel_order:
            label, probability = labels[statement.code]
            findings.append(
                Finding(
                    code=statement.code,
                    description=statement.description,
                    group=statement.group,
                    probability=float(probability),
                    threshold=label.threshold,
                    n_positive=label.n_positive,
                    is_urgent=statement.is_urgent,
                )
            )
        window = assessment.most_abnormal_window_s
        return Predictions(job, None, findings, assessment.n_windows, list(window) if window else None)

    def _similar(self, request: Analyse, assessment: Assessment, windows: Windows) -> Similar:
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
            neighbours=[_neighbour(match) for match in found.matches],
            left_out=list(found.left_out),
            is_close=found.is_close,
            limit_distance=found.limit_distance,
            thumbnails=str(thumbnails),
            thumbnail_fs_hz=self._library.fs_hz,
        )

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


def main() -> int:
    """Run the worker until stdin closes; return the exit code."""
    output = _claim_stdout()
    # Resampling, search and heart rate need libraries that take a second to import: alongside the model's loading.
    threading.Thread(target=_import_slow_libraries, daemon=True).start()
    try:
        return _serve(output)
    except BrokenPipeError:
        return 0  # the window is gone


def _serve(output: BinaryIO) -> int:
    try:
        worker = Worker(output)
    except UserFacingError as error:
        output.write(encode(Failed(message=str(error))))
        output.flush()
        return 1
    worker.announce()
    for line in sys.stdin.buffer:
        try:
            message = decode(line)
        except ValueError as error:
            output.write(encode(Failed(message=str(error))))
            output.flush()
            continue
        worker.answer(message)
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


def _record_of(request: Analyse) -> EcgRecord:
    return EcgRecord(
        name=request.record,
        signal_mv=np.load(request.signal, allow_pickle=False),
        fs_hz=request.fs_hz,
        lead_names=tuple(request.lead_names),
        patient=Patient(patient_id=request.patient_id),
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
