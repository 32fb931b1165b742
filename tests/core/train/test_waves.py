from __future__ import annotations

import torch

from physioclr_core.train.waves import boundary_weight


def test_the_loss_counts_more_near_boundaries_of_the_wave_itself() -> None:
    target = torch.zeros(1, 1, 6, 60)
    target[0, 0, 1, 20:40] = 1.0  # QRS from 20 to 39
    weight = boundary_weight(target, extra=3.0, reach=5)
    assert weight.shape == target.shape
    qrs = weight[0, 0, 1]
    assert (qrs[15:26] == 4.0).all()
    assert (qrs[35:46] == 4.0).all()
    assert (qrs[26:35] == 1.0).all()
    assert (qrs[:15] == 1.0).all()
    assert (weight[0, 0, [0, 2, 3, 4, 5]] == 1.0).all()


def test_a_soft_boundary_counts_by_its_steepness() -> None:
    target = torch.zeros(1, 1, 6, 60)
    target[0, 0, 0, 20:] = 0.5
    assert boundary_weight(target, extra=2.0, reach=3)[0, 0, 0].max() == 2.0
