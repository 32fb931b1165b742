"""Rotation of the vectorcardiogram (3KG: Gopal et al., ML4H 2021): hearts lie differently in chests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Leads I, II, V1-V6 from Frank's X, Y, Z (Dower et al., Am Heart J 100, 1980); columns X, Y, Z.
_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
_INDEPENDENT = (0, 1, 6, 7, 8, 9, 10, 11)


def rotated(
    signal_mv: FloatArray,
    has_lead: npt.NDArray[np.bool_],
    largest_degrees: float,
    largest_scale: float,
    keep_rest: bool,
    rng: np.random.Generator,
) -> FloatArray:
    """Rotate and stretch each segment's vectorcardiogram.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (batch, 12, n_samples)
        Leads in the standard order.
    has_lead : ndarray of bool, shape (batch, 12)
        Segments without all of I, II and V1-V6 stay as they are.
    largest_degrees : float
        The angle about each axis is uniform within plus and minus this.
    largest_scale : float
        Each axis is stretched by a factor between 1 and this, or its inverse.
    keep_rest : bool
        Add back what the three dimensions do not explain.
    rng : Generator

    Raises
    ------
    ValueError
        If there are not twelve leads.
    """
    if signal_mv.shape[1] != 12:
        raise ValueError("the vectorcardiogram needs the twelve leads in the standard order")
    angles = np.deg2rad(rng.uniform(-largest_degrees, largest_degrees, (len(signal_mv), 3)))
    scales = np.exp(rng.uniform(-1.0, 1.0, (len(signal_mv), 3)) * np.log(largest_scale))
    turn = rotation_matrices(angles) * scales[:, None, :]
    to_vcg = np.linalg.pinv(_DOWER)
    mix = _DOWER @ turn @ to_vcg
    if keep_rest:
        mix += np.eye(8) - _DOWER @ to_vcg
    full = _all_leads() @ mix
    leads = np.matmul(full.astype(np.float32), signal_mv[:, _INDEPENDENT])
    is_whole = has_lead[:, _INDEPENDENT].all(axis=1, keepdims=True)
    changed: FloatArray = np.where(np.expand_dims(is_whole, 2), leads, signal_mv)
    return changed


def rotation_matrices(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return rotations about x, then y, then z by ``angles`` (batch, 3) in radians, shape (batch, 3, 3)."""
    (cos_x, cos_y, cos_z), (sin_x, sin_y, sin_z) = np.cos(angles).T, np.sin(angles).T
    zero, one = np.zeros(len(angles)), np.ones(len(angles))
    about_x = np.array([[one, zero, zero], [zero, cos_x, -sin_x], [zero, sin_x, cos_x]])
    about_y = np.array([[cos_y, zero, sin_y], [zero, one, zero], [-sin_y, zero, cos_y]])
    about_z = np.array([[cos_z, -sin_z, zero], [sin_z, cos_z, zero], [zero, zero, one]])
    about_x, about_y, about_z = (np.moveaxis(part, 2, 0) for part in (about_x, about_y, about_z))
    turned: npt.NDArray[np.float64] = about_z @ about_y @ about_x
    return turned


def _all_leads() -> npt.NDArray[np.float64]:
    """Return the twelve leads from I, II, V1-V6, shape (12, 8)."""
    leads = np.zeros((12, 8))
    leads[0, 0] = leads[1, 1] = 1.0
    leads[2] = leads[1] - leads[0]
    leads[3] = -(leads[0] + leads[1]) / 2.0
    leads[4] = leads[0] - leads[1] / 2.0
    leads[5] = leads[1] - leads[0] / 2.0
    leads[6:, 2:] = np.eye(6)
    return leads
