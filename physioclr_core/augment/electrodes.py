"""The twelve leads as differences of nine electrodes, so that disturbances keep Einthoven's and Goldberger's laws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS

N_ELECTRODES = 9  # RA, LA, LL, V1-V6; the right leg is the reference


def lead_matrix() -> npt.NDArray[np.float32]:
    """Return the matrix from electrode potentials to leads, shape (12, 9).

    I = LA - RA, II = LL - RA, III = LL - LA, aVR = RA - (LA + LL) / 2 and so on, Vn = Vn - (RA + LA + LL) / 3.
    """
    right_arm, left_arm, left_leg = np.eye(N_ELECTRODES)[:3]
    central = (right_arm + left_arm + left_leg) / 3.0
    limb = [
        left_arm - right_arm,
        left_leg - right_arm,
        left_leg - left_arm,
        right_arm - (left_arm + left_leg) / 2.0,
        left_arm - (right_arm + left_leg) / 2.0,
        left_leg - (right_arm + left_arm) / 2.0,
    ]
    chest = [np.eye(N_ELECTRODES)[3 + index] - central for index in range(len(STANDARD_LEADS) - len(limb))]
    return np.stack([*limb, *chest]).astype(np.float32)
