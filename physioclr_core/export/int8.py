"""A network's convolutions in 8 bits: a quarter of the size, for machines that compute in integers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.files import sha256_of
from physioclr_core.infer.session import open_session

FloatArray = npt.NDArray[np.float32]

INT8_NAME = "model.int8.onnx"
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Int8Figures:
    """What 8 bits cost, on the first windows of the records that selected.

    Attributes
    ----------
    file, sha256 : str
    n_bytes : int
    n_records : int
    macro_auroc, macro_auroc_fp32 : float
        Of these windows alone; NaN where no label has positive and negative records.
    probability_difference_99 : float
        99th percentile of the absolute difference of uncalibrated probabilities.
    probability_difference_max : float
    """

    file: str
    sha256: str
    n_bytes: int
    n_records: int
    macro_auroc: float
    macro_auroc_fp32: float
    probability_difference_99: float
    probability_difference_max: float


class _Windows:
    """Windows for the quantiser, batch by batch, in the form that it asks for."""

    def __init__(self, x: FloatArray, mask: FloatArray) -> None:
        self._batches: Iterator[dict[str, FloatArray]] = (
            {"ecg": x[i : i + _AT_ONCE], "mask": mask[i : i + _AT_ONCE]} for i in range(0, len(x), _AT_ONCE)
        )

    def get_next(self) -> dict[str, FloatArray] | None:
        """Return the next batch, None after the last."""
        return next(self._batches, None)


def write_int8(fp32: Path, out: Path, x: FloatArray, mask: FloatArray) -> None:
    """Write a network with its convolutions in 8 bits: weights by channel, activations by their range on real ECGs.

    Everything else, the head among it, stays in single precision.

    Parameters
    ----------
    fp32 : Path
        The ONNX file.
    out : Path
    x : ndarray of float32, shape (n_windows, n_leads, n_samples)
        Prepared windows of training records, from which the activations' ranges are taken.
    mask : ndarray of float32, shape (n_windows, n_samples)
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # advice on how the quantiser is to be called
    try:
        quantize_static(
            str(fp32),
            str(out),
            _Windows(x, mask),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    finally:
        log.setLevel(level)


def compare_int8(
    fp32: Path, int8: Path, x: FloatArray, mask: FloatArray, labels: npt.NDArray[np.floating]
) -> Int8Figures:
    """Compare both networks on windows of records that neither was made from.

    Parameters
    ----------
    fp32, int8 : Path
    x, mask : ndarray of float32
        As for ``write_int8``.
    labels : ndarray, shape (n_windows, n_labels)
        NaN is unknown.
    """
    of_fp32, of_int8 = (_logits(path, x, mask) for path in (fp32, int8))
    difference = np.abs(1.0 / (1.0 + np.exp(-of_fp32)) - 1.0 / (1.0 + np.exp(-of_int8)))
    return Int8Figures(
        file=int8.name,
        sha256=sha256_of(int8),
        n_bytes=int8.stat().st_size,
        n_records=len(x),
        macro_auroc=round(macro_auroc(labels, of_int8), 5),
        macro_auroc_fp32=round(macro_auroc(labels, of_fp32), 5),
        probability_difference_99=round(float(np.percentile(difference, 99.0)), 5),
        probability_difference_max=round(float(difference.max()), 5),
    )


def _logits(path: Path, x: FloatArray, mask: FloatArray) -> FloatArray:
    session, _ = open_session(path, n_threads=1, allow_gpu=False)
    parts: list[Any] = [
        session.run(["logits"], {"ecg": x[i : i + _AT_ONCE], "mask": mask[i : i + _AT_ONCE]})[0]
        for i in range(0, len(x), _AT_ONCE)
    ]
    return np.concatenate(parts)
