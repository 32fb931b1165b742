"""Find the library's ECGs that are nearest to a record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.infer.windows import Windows
from physioclr_core.library.reference import ReferenceLibrary, SearchResult


def similar_to(
    assessment: Assessment,
    windows: Windows,
    model: EcgModel,
    library: ReferenceLibrary,
    k: int,
    record: str = "",
    patient_id: str | None = None,
    exclude_same: bool = True,
) -> SearchResult:
    """Return the nearest library entries of a record that the model has assessed.

    Parameters
    ----------
    assessment, windows
        Of the record, by ``model``.
    model : EcgModel
    library : ReferenceLibrary
    k : int
    record, patient_id : str
        Name of the record and its patient where known; used to leave out the same patient.
    exclude_same : bool

    Raises
    ------
    LibraryError
        If the library was made with another model.
    """
    return library.search(
        assessment.embedding,
        model.manifest.fingerprint,
        k,
        signal_mv=first_window(windows),
        record=record,
        patient_id=patient_id,
        exclude_same=exclude_same,
    )


def first_window(windows: Windows) -> npt.NDArray[np.float32]:
    """Return a record's first window without its padding, NaN in gaps, shape (n_leads, n_samples)."""
    is_valid = windows.mask[0] > 0
    return np.where(is_valid, windows.x[0], np.float32(np.nan))[:, : int(np.flatnonzero(is_valid)[-1]) + 1]
