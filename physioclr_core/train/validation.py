"""The loss of an objective on records that it does not learn from."""

from __future__ import annotations

import numpy as np
import torch

from physioclr_core.losses.gather import alone
from physioclr_core.losses.objective import Objective
from physioclr_core.train.distributed import World
from physioclr_core.train.records import TrainingRecords

_MAX_BATCHES = 8


@torch.no_grad()
def held_out_loss(objective: Objective, records: TrainingRecords, batch_size: int, world: World) -> float:
    """Return the mean loss over some batches of held-out records, with the same views every time.

    Every process of a run computes the whole of it, so that none waits for another within.

    Parameters
    ----------
    objective : Objective
        In evaluation mode.
    records : TrainingRecords
    batch_size : int
        Contrastive losses depend on it; where there are fewer records, all of them are one batch.
    world : World
    """
    size = min(batch_size, len(records))
    order = np.random.default_rng(0).permutation(len(records))
    losses = []
    for number in range(min(_MAX_BATCHES, len(records) // size)):
        views = objective.views(
            records.segments(np.sort(order[number * size : (number + 1) * size])), np.random.default_rng(number)
        )
        torch.manual_seed(number)
        tensors = {name: torch.from_numpy(view).to(world.device) for name, view in views.items()}
        with alone():
            losses.append(float(objective(tensors).loss))
    return float(np.mean(losses))
