"""Rotations of the vectorcardiogram beside their definition written out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from real_records import real_signal_mv
from scipy.spatial.transform import Rotation

from physioclr_core.augment.vcg_rotation import rotated, rotation_matrices

# Dower et al., 1980: each lead of X, Y and Z.
DOWER = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
EIGHT = [0, 1, 6, 7, 8, 9, 10, 11]


def batch(n_records: int = 6, n_samples: int = 200) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    signal = np.stack([_from_eight(real_signal_mv(entry)[EIGHT, :n_samples]) for entry in range(n_records)])
    return signal.astype(np.float32), np.ones((n_records, 12), bool)


def _from_eight(eight: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    i, ii = eight[:2]
    return np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, *eight[2:]])


def test_rotations_are_orthogonal_with_determinant_one_and_about_fixed_axes_x_y_z() -> None:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (100, 3))
    matrices = rotation_matrices(angles)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (100, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0, atol=1e-12)
    np.testing.assert_allclose(matrices, Rotation.from_euler("xyz", angles).as_matrix(), atol=1e-12)


def test_no_rotation_is_the_identity_with_the_rest_kept_and_the_projection_without() -> None:
    signal, has_lead = batch()
    kept = rotated(signal, has_lead, 0.0, 1.0, True, np.random.default_rng(0))
    np.testing.assert_allclose(kept, signal, atol=1e-5)
    projected = rotated(signal, has_lead, 0.0, 1.0, False, np.random.default_rng(0))
    dower = np.array(list(DOWER.values()))
    for one, before in zip(projected, signal, strict=True):
        vcg = np.linalg.lstsq(dower, before[EIGHT].astype(np.float64), rcond=None)[0]
        np.testing.assert_allclose(one, _from_eight(dower @ vcg), atol=1e-5)


@pytest.mark.parametrize("keep_rest", [True, False])
def test_every_sample_equals_the_slow_loop(keep_rest: bool) -> None:
    signal, has_lead = batch(3, 40)
    fast = rotated(signal, has_lead, 45.0, 1.5, keep_rest, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    angles = np.deg2rad(rng.uniform(-45.0, 45.0, (3, 3)))
    scales = 1.5 ** rng.uniform(-1.0, 1.0, (3, 3))
    dower = np.array(list(DOWER.values()))
    for record in range(3):
        turn = Rotation.from_euler("xyz", angles[record]).as_matrix()
        for at in range(40):
            eight = signal[record, EIGHT, at].astype(np.float64)
            vcg = np.linalg.lstsq(dower, eight, rcond=None)[0]
            rest = eight - dower @ vcg
            after = dower @ (turn @ (scales[record] * vcg)) + (rest if keep_rest else 0.0)
            np.testing.assert_allclose(fast[record, :, at], _from_eight(after), atol=1e-5)


def test_what_the_vectorcardiogram_does_not_explain_is_kept_as_it_was() -> None:
    signal, has_lead = batch()
    after = rotated(signal, has_lead, 45.0, 1.5, True, np.random.default_rng(0))
    dower = np.array(list(DOWER.values()))
    outside = np.eye(8) - dower @ np.linalg.pinv(dower)
    np.testing.assert_allclose(outside @ after[:, EIGHT], outside @ signal[:, EIGHT], atol=1e-5)
    assert np.abs(after - signal).max() > 0.1


def test_segments_without_all_of_the_eight_leads_stay_as_they_are() -> None:
    signal, has_lead = batch(9)
    for record, lead in enumerate(EIGHT):
        has_lead[record, lead] = False
    has_lead[8, 2:6] = False  # these follow from I and II
    after = rotated(signal, has_lead, 45.0, 1.5, True, np.random.default_rng(0))
    np.testing.assert_array_equal(after[:8], signal[:8])
    assert np.abs(after[8] - signal[8]).max() > 0.05


def test_it_asks_for_twelve_leads() -> None:
    with pytest.raises(ValueError, match="twelve leads"):
        rotated(np.zeros((1, 8, 5), np.float32), np.ones((1, 8), bool), 45.0, 1.5, True, np.random.default_rng(0))
