"""Which records are alike by their physiology: cosine of what was measured, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from physioclr_core.losses.gather import gather
from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.physiology.features.schema import BLOCK_COLUMNS
from physioclr_core.physiology.features.similarity import MIN_SHARED_FEATURES
from physioclr_core.physiology.features.spec import BLOCKS


@dataclass(frozen=True, slots=True)
class RecordPairs:
    """What is known of every pair of a process's records (rows) and all processes' records (columns).

    Attributes
    ----------
    similarity : Tensor, shape (n, n_all)
        0 where not known.
    is_known : Tensor of bool, shape (n, n_all)
        Whether the two can be compared.
    is_same_record, is_same_patient : Tensor of bool, shape (n, n_all)
        A record's pair with itself is both.
    start : int
        Column of this process's first record.
    """

    similarity: Tensor
    is_known: Tensor
    is_same_record: Tensor
    is_same_patient: Tensor
    start: int


def record_pairs(views: dict[str, Tensor], config: PhysioClrConfig) -> RecordPairs:
    """Compare the records of a batch by what was measured of them.

    Parameters
    ----------
    views : dict of str to Tensor
        ``patient`` (n,) and, unless there are no pairs, ``is_measured`` (n,) with ``components`` (n, 50), ``scores``
        and ``is_known`` (n, 150) or ``official`` (n, 150).
    config : PhysioClrConfig
    """
    patient = views["patient"]
    all_patient, start = gather(patient)
    n, n_all = len(patient), len(all_patient)
    row = torch.arange(n, device=patient.device)
    is_same_record = row[:, None] + start == torch.arange(n_all, device=patient.device)[None]
    is_same_patient = patient[:, None] == all_patient[None]
    if config.pairs == "none":
        unknown = torch.zeros_like(is_same_record)
        return RecordPairs(unknown.float(), unknown, is_same_record, is_same_patient, start)
    if config.pairs == "blocks":
        similarity, is_known = block_similarity(
            views["scores"], views["is_known"], gather(views["scores"])[0], gather(views["is_known"])[0]
        )
    else:
        of_records = views[config.features].float()
        similarity, is_known = cosine(of_records, gather(of_records)[0])
    if config.unknown_pairs == "ignored":
        measured = views["is_measured"]
        is_known = is_known & (measured[:, None] > 0) & (gather(measured)[0][None] > 0)
    return RecordPairs(similarity * is_known, is_known, is_same_record, is_same_patient, start)


def cosine(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosine of every pair of rows, and where it is defined: neither row is zero."""
    length = a.norm(dim=1)[:, None] * b.norm(dim=1)[None]
    is_defined = length > 0.0
    return (a @ b.T) / length.clamp(min=1e-12) * is_defined, is_defined


def block_similarity(a: Tensor, a_known: Tensor, b: Tensor, b_known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean cosine over the blocks that are known of both, and where there is one.

    The same as ``physiology.features.similarity.block_similarity`` in numpy.

    Parameters
    ----------
    a, b : Tensor, shapes (n, 150) and (m, 150)
        Robust z-scores, zero where unknown.
    a_known, b_known : Tensor, shapes (n, 150) and (m, 150)
        1 where known, else 0.
    """
    total = torch.zeros(len(a), len(b), device=a.device)
    n_blocks = torch.zeros_like(total)
    for block in BLOCKS:
        columns = BLOCK_COLUMNS[block]
        x, y, x_known, y_known = a[:, columns], b[:, columns], a_known[:, columns], b_known[:, columns]
        length = ((x.square() @ y_known.T) * (x_known @ y.square().T)).sqrt()
        is_known = (x_known @ y_known.T > MIN_SHARED_FEATURES - 0.5) & (length > 0.0)
        total += torch.where(is_known, (x @ y.T) / length.clamp(min=1e-12), 0.0)
        n_blocks += is_known
    return total / n_blocks.clamp(min=1.0), n_blocks > 0
