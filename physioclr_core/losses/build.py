"""An objective from its configuration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from physioclr_core.data.segments import Segments
from physioclr_core.losses.cmsc import Cmsc
from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.losses.ecg_fm import EcgFm
from physioclr_core.losses.masked_reconstruction import MaskedReconstruction
from physioclr_core.losses.objective import Objective
from physioclr_core.losses.physioclr.objective import PhysioClr
from physioclr_core.losses.simclr import SimClr
from physioclr_core.losses.three_kg import ThreeKg
from physioclr_core.losses.wav2vec2 import Wav2Vec2
from physioclr_core.models.encoder import Encoder

_OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "simclr": SimClr,
    "cmsc": Cmsc,
    "3kg": ThreeKg,
    "masked-reconstruction": MaskedReconstruction,
    "wav2vec2": Wav2Vec2,
    "ecg-fm": EcgFm,
    "physioclr": PhysioClr,
}


def build_objective(
    config: ObjectiveConfig, encoder: Encoder, augment: Callable[[Segments, np.random.Generator], Segments]
) -> Objective:
    """Return an objective around an encoder; its own heads have fresh weights from torch's random generator.

    Parameters
    ----------
    config : ObjectiveConfig
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments.
    """
    return _OBJECTIVES[config.kind](encoder, augment, **config.model_dump(exclude={"kind"}))
