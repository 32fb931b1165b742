"""Contrast of patients over two views: what CLOCS introduced, and 3KG and ECG-FM took over."""

from __future__ import annotations

import torch
from torch import Tensor

from physioclr_core.losses.gather import gather
from physioclr_core.losses.info_nce import InfoNceResult, info_nce


def patient_contrast(
    first: Tensor,
    second: Tensor,
    has_first: Tensor,
    has_second: Tensor,
    patient: Tensor,
    temperature: float,
    within_views: bool = False,
    positives_in_denominator: bool = True,
) -> InfoNceResult:
    """Return the loss of finding each view's patient among the other views of all records (Kiyasseh et al., ICML 2021).

    Every row of a view is an anchor whose candidates are the rows of the other view alone, in both directions, over
    all processes: those of its patient are positives, all others negatives, and all of them are in the denominator.
    Kiyasseh et al. average pairs of one record and pairs of two records of a patient apart and weigh the two alike;
    here an anchor's positives weigh alike, and anchors do.

    Parameters
    ----------
    first, second : Tensor, shape (n, n_features)
        Views of the same records.
    has_first, has_second : Tensor of bool, shape (n,)
        Where the view holds signal; one that does not is neither anchor nor candidate.
    patient : Tensor of int, shape (n,)
    temperature : float
    within_views : bool
        Let the other rows of an anchor's own view be candidates too, as 3KG does.
    positives_in_denominator : bool
        See ``info_nce``.
    """
    n = len(first)
    all_first, start = gather(first)
    all_second, _ = gather(second)
    all_patient, _ = gather(patient)
    # Booleans are nothing that all back ends send.
    all_has = torch.cat([gather(has_first.to(torch.uint8))[0], gather(has_second.to(torch.uint8))[0]]).bool()
    n_all = len(all_first)
    place = torch.arange(2 * n_all, device=first.device)
    is_second = place >= n_all
    rows = torch.arange(start, start + n, device=first.device)
    mine = torch.cat([rows, rows + n_all])
    owner = all_patient.repeat(2)
    is_other = mine[:, None] != place[None] if within_views else is_second[mine][:, None] != is_second[None]
    is_candidate = is_other & all_has[mine][:, None] & all_has[None]
    is_same_patient = owner[mine][:, None] == owner[None]
    return info_nce(
        torch.cat([first, second]),
        torch.cat([all_first, all_second]),
        is_candidate & is_same_patient,
        is_candidate & ~is_same_patient,
        temperature,
        positives_in_denominator=positives_in_denominator,
    )
