"""A loaded model bundle: calibrated predictions and embeddings of ECG records."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import ModelError
from physioclr_core.infer.known_ecgs import OutOfDistribution, load_known_ecgs
from physioclr_core.infer.manifest import ModelManifest, in_8_bits, load_manifest
from physioclr_core.infer.prediction_set import Abstention, BoolArray, PredictionSets, prediction_sets_of
from physioclr_core.infer.session import Device, open_session
from physioclr_core.infer.windows import Windows, windows_of
from physioclr_core.paths import assets_dir
from physioclr_core.record import EcgRecord

FloatArray = npt.NDArray[np.float32]

# Statements that do not make a window abnormal.
_NORMAL_CODES = ("NORM", "SR")
_MAX_BATCH = 64


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the model makes of one record.

    Attributes
    ----------
    probability : ndarray of float32, shape (n_labels,)
        Calibrated; in the order of the manifest's labels. Of the mean logit over the windows.
    embedding : ndarray of float32, shape (embedding_size,)
        Mean over the windows.
    n_windows : int
    most_abnormal_window_s : tuple of float or None
        (start, end) of the window with the largest expected number of abnormal statements, where there are several.
    is_in_set : ndarray of bool, shape (n_labels,), or None
        Which statements the prediction set holds; None where the bundle has no prediction sets.
    abstention : str or None
        Why the model abstains, empty where it does not; None where that is unknown.
    distance : float or None
        To the ECGs that the model learnt from, about 1 for ECGs like them; None where the bundle has no such measure.
    is_out_of_distribution : bool or None
        Whether ``distance`` is over the bundle's limit; None where that is unknown.
    """

    probability: FloatArray
    embedding: FloatArray
    n_windows: int
    most_abnormal_window_s: tuple[float, float] | None
    is_in_set: BoolArray | None = None
    abstention: Abstention | None = None
    distance: float | None = None
    is_out_of_distribution: bool | None = None


class EcgModel:
    """A model bundle with its session; ``sets`` and ``known`` are None where the bundle does not have them.

    Parameters
    ----------
    folder : Path, optional
        The bundle: manifest and network. The shipped model by default.
    n_threads : int
        Threads inside one run on the CPU.
    allow_gpu : bool
    precision : {"fp32", "int8"}
        The bundle's network in 8 bits has embeddings of its own: they do not mix with those of the other.

    Raises
    ------
    ModelError
        If the bundle is incomplete or not what its manifest says.
    """

    def __init__(
        self,
        folder: Path | None = None,
        n_threads: int = 1,
        allow_gpu: bool = True,
        precision: Literal["fp32", "int8"] = "fp32",
    ) -> None:
        folder = default_model_dir() if folder is None else folder
        self.folder = folder
        self.precision: Literal["fp32", "int8"] = precision
        self.manifest: ModelManifest = load_manifest(folder)
        if precision == "int8":
            self.manifest = in_8_bits(folder, self.manifest)
        self.sets: PredictionSets | None = prediction_sets_of(self.manifest)
        self.known: OutOfDistribution | None = load_known_ecgs(folder, self.manifest)
        self._n_threads = n_threads
        self._lock = threading.Lock()
        self._session: Any
        self.device: Device
        self._session, self.device = open_session(folder / self.manifest.onnx_file, n_threads, allow_gpu)
        self._check_outputs()
        self._temperature = np.array([label.temperature for label in self.manifest.labels], np.float32)
        self._is_abnormal = np.array([code not in _NORMAL_CODES for code in self.manifest.codes])

    def assess(self, record: EcgRecord) -> Assessment:
        """Return predictions and embedding of one record.

        Raises
        ------
        NotAssessedError
            If the manifest does not allow the record, with the reason.
        """
        return self.assess_windows([windows_of(record, self.manifest.input)])[0]

    def assess_windows(self, records: list[Windows]) -> list[Assessment]:
        """Return predictions and embeddings of records whose windows are cut already, in one run of the network."""
        if not records:
            return []
        x = np.concatenate([record.x for record in records])
        mask = np.concatenate([record.mask for record in records])
        # A day-long record must not need all its windows' feature maps at once.
        parts = [self._run(x[i : i + _MAX_BATCH], mask[i : i + _MAX_BATCH]) for i in range(0, len(x), _MAX_BATCH)]
        logits, embedding = (np.concatenate(part) for part in zip(*parts, strict=True))
        ends = np.cumsum([len(record.x) for record in records])
        return [
            self._assessment(record, logits[end - len(record.x) : end], embedding[end - len(record.x) : end])
            for record, end in zip(records, ends, strict=True)
        ]

    def logits(self, x: FloatArray, mask: FloatArray) -> FloatArray:
        """Return the logits of prepared windows, uncalibrated, in one run of the network.

        Parameters
        ----------
        x : ndarray of float32, shape (n_windows, n_leads, n_samples)
        mask : ndarray of float32, shape (n_windows, n_samples)

        Returns
        -------
        ndarray of float32, shape (n_windows, n_labels)
        """
        return self._run(x, mask)[0]

    def _check_outputs(self) -> None:
        size = {output.name: output.shape[-1] for output in self._session.get_outputs()}
        if size != {"logits": len(self.manifest.labels), "embedding": self.manifest.embedding_size}:
            raise ModelError(f"{self.folder}: the network's outputs are not those of its manifest.")

    def _run(self, x: FloatArray, mask: FloatArray) -> list[FloatArray]:
        """Run the network; a GPU that fails on the way (memory, driver) hands over to the CPU for good."""
        while True:
            session = self._session
            try:
                return list(session.run(["logits", "embedding"], {"ecg": x, "mask": mask}))
            except Exception as error:  # noqa: BLE001 (the runtime's own exception types are not public)
                self._hand_over(session, error)

    def _hand_over(self, failed: Any, error: Exception) -> None:
        """Put a CPU session in a failed GPU session's place, once for all threads that it failed.

        Raises
        ------
        ModelError
            If it was the CPU that failed.
        """
        with self._lock:
            if self._session is not failed:
                return  # another thread was first
            if self.device.name == "CPU":
                raise ModelError(f"{self.folder}: the network failed ({str(error)[:160]}).") from None
            path = self.folder / self.manifest.onnx_file
            self._session, _ = open_session(path, self._n_threads, allow_gpu=False)
            self.device = Device(
                "CPU", "the GPU failed during a run: free its memory or check its driver, then restart"
            )

    def _assessment(self, record: Windows, logits: FloatArray, embedding: FloatArray) -> Assessment:
        most_abnormal: tuple[float, float] | None = None
        if len(logits) > 1:
            expected = self._calibrated(logits)[:, self._is_abnormal].sum(axis=1)
            start = float(record.start_s[int(expected.argmax())])
            most_abnormal = (start, start + self.manifest.input.window_samples / self.manifest.input.fs_hz)
        probability, mean_embedding = self._calibrated(logits.mean(axis=0)), embedding.mean(axis=0)
        is_in_set = self.sets.members(probability) if self.sets is not None else None
        distance, is_unlike = self._distance(mean_embedding)
        return Assessment(
            probability=probability,
            embedding=mean_embedding,
            n_windows=len(logits),
            most_abnormal_window_s=most_abnormal,
            is_in_set=is_in_set,
            abstention=self._abstention(is_in_set, is_unlike),
            distance=distance,
            is_out_of_distribution=is_unlike,
        )

    def _distance(self, embedding: FloatArray) -> tuple[float | None, bool | None]:
        """Return the distance to known ECGs and whether it is over the limit; None where that is unknown."""
        if self.known is None:
            return None, None
        distance = float(self.known.score(embedding[None])[0])
        return (distance, distance > self.known.threshold) if np.isfinite(distance) else (None, None)

    def _abstention(self, is_in_set: BoolArray | None, is_unlike: bool | None) -> Abstention | None:
        # First of all: the promise of a set is for ECGs like the known ones.
        if is_unlike:
            return "unlike"
        if self.sets is None or is_in_set is None:
            return None if is_unlike is None else ""
        return self.sets.abstention(is_in_set)

    def _calibrated(self, logits: FloatArray) -> FloatArray:
        probability: FloatArray = 1.0 / (1.0 + np.exp(-logits / self._temperature))
        return probability


def default_model_dir() -> Path:
    """Return the folder of the shipped model bundle."""
    return assets_dir() / "model"
