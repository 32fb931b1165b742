"""Random crops of records, refused in one sentence where records are too short."""

from __future__ import annotations

import numpy as np

from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError


def random_crop(records: Segments, crop_s: float, rng: np.random.Generator) -> Segments:
    """Return a part of ``crop_s`` seconds of each record, its start uniform over what fits.

    Parameters
    ----------
    records : Segments
    crop_s : float
    rng : Generator

    Raises
    ------
    UserFacingError
        If the records are shorter, or the part holds no sample.
    """
    n_samples = round(crop_s * records.fs_hz)
    if not 0 < n_samples <= records.signal_mv.shape[-1]:
        held_s = records.signal_mv.shape[-1] / records.fs_hz
        raise UserFacingError(f"A crop of {crop_s:g} s does not fit into records of {held_s:g} s: change crop_s.")
    return records.random_cut(n_samples, rng)
