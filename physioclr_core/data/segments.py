"""A batch of ECG segments with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from physioclr_core.infer.preprocess import CLIP, SCALE_MV

FloatArray = npt.NDArray[np.float32]

# Among a segment's side arrays: what other networks have said of its record.
TEACHER_LOGITS = "teacher_logits"


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of equal length; row i of every array is the same segment.

    Attributes
    ----------
    signal_mv : ndarray of float32, shape (batch, n_leads, n_samples)
        Finite; zero where ``mask`` is False, in leads that are not present, and where a lead that is present has a gap
        of its own. The rest of such a lead has mean zero over the whole segment, so that the gap is at its level.
    mask : ndarray of bool, shape (batch, n_samples)
        Where at least one lead has signal, rather than padding or a gap of all leads.
    has_lead : ndarray of bool, shape (batch, n_leads)
        Whether a lead has signal anywhere in the segment that was asked of the data set.
    fs_hz : float
    row : ndarray of int64, shape (batch,)
        Row of the record in its data set.
    patient : ndarray of int64, shape (batch,)
        Number of the patient in the data set; equal numbers are one person.
    labels : ndarray of float32, shape (batch, n_labels)
        No column where there is no task.
    side : dict of str to ndarray
        Further arrays with one row a segment, such as physiological features.
    tracks : dict of str to ndarray, shape (batch, n_samples)
        Further arrays with one value a sample, such as where waves peak; cut with the signal.
    """

    signal_mv: FloatArray
    mask: npt.NDArray[np.bool_]
    has_lead: npt.NDArray[np.bool_]
    fs_hz: float
    row: npt.NDArray[np.int64]
    patient: npt.NDArray[np.int64]
    labels: FloatArray
    side: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    tracks: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.signal_mv)

    def cut(self, start: npt.NDArray[np.int64], n_samples: int) -> Segments:
        """Return the part of ``n_samples`` samples that begins at each segment's own ``start``.

        Raises
        ------
        ValueError
            If a part would end beyond the segment.
        """
        if len(start) and (start.min() < 0 or start.max() + n_samples > self.signal_mv.shape[-1]):
            raise ValueError(f"parts of {n_samples} samples do not fit into {self.signal_mv.shape[-1]}")
        index = start[:, None] + np.arange(n_samples)
        signal_mv = np.take_along_axis(self.signal_mv, index[:, None, :], axis=2)
        tracks = {name: np.take_along_axis(track, index, axis=1) for name, track in self.tracks.items()}
        return replace(self, signal_mv=signal_mv, mask=np.take_along_axis(self.mask, index, axis=1), tracks=tracks)

    def random_cut(self, n_samples: int, rng: np.random.Generator) -> Segments:
        """Return a part of ``n_samples`` samples of each segment, its start uniform over what fits.

        It ends with the segment's signal at the latest, where that is long enough: no part is padding alone.
        """
        n_all = self.signal_mv.shape[-1]
        if n_samples > n_all:
            raise ValueError(f"parts of {n_samples} samples do not fit into {n_all}")
        end = n_all - np.argmax(self.mask[:, ::-1], axis=1)
        last_start = np.maximum(end - n_samples, 0)
        return self.cut(rng.integers(0, last_start + 1), n_samples)


def network_input(signal_mv: FloatArray, mask: npt.NDArray[np.bool_]) -> FloatArray:
    """Return what networks take: each lead's mean over its signal removed, in units of 0.25 mV, clipped at 5 mV.

    Equal to ``infer.preprocess.model_input`` of the signal alone; zero where ``mask`` is False. A gap of a single
    lead counts as signal at its level.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (batch, n_leads, n_samples)
    mask : ndarray of bool, shape (batch, n_samples)
    """
    weight = mask[:, None, :].astype(np.float32)
    n_valid = np.maximum(weight.sum(axis=-1, keepdims=True), 1.0)
    x: FloatArray = (signal_mv - (signal_mv * weight).sum(axis=-1, keepdims=True) / n_valid) * weight
    x *= np.float32(1.0 / SCALE_MV)
    np.clip(x, -CLIP, CLIP, out=x)
    return x
