"""Where the samples of a plain binary recording lie in its file, and how one becomes a millivolt.

EDF, BDF and ISHNE store uncompressed integers in blocks of one size. Their header readers describe that here without
reading a sample: by the same facts a record is read into memory as a whole and a day-long one a window at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.readers.assemble import LeadSource
from physioclr_core.record import Acquisition, DeviceReading, FloatArray, GainSource, Patient

Int32Array = npt.NDArray[np.int32]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredLead:
    """One lead of a block-wise file: a sample is (ADU - ``baseline_adu``) / ``gain`` in ``unit``.

    Attributes
    ----------
    source_name : str
        As in the file.
    unit : str
        As in the file.
    mv_per_unit : float
    gain : float
        ADU per unit; negative where the file inverts the lead.
    gain_source : str
    baseline_adu : float
    fs_hz : float
    offset_bytes : int
        Of the first sample from the start of its block.
    n_per_block : int
        Samples in each block.
    stride_bytes : int
        From one sample to the next within a block.
    """

    source_name: str
    unit: str
    mv_per_unit: float
    gain: float
    gain_source: GainSource
    baseline_adu: float
    fs_hz: float
    offset_bytes: int
    n_per_block: int
    stride_bytes: int

    @property
    def source(self) -> LeadSource:
        """What the import report says of the lead."""
        return LeadSource(self.source_name, self.unit, self.gain, self.gain_source, self.baseline_adu, self.fs_hz)

    def to_mv(self, samples_adu: npt.NDArray[np.integer]) -> FloatArray:
        """Return samples in mV, of the same shape."""
        scaled: Float64Array = np.subtract(samples_adu, self.baseline_adu, dtype=np.float64)
        scaled *= self.mv_per_unit / self.gain
        return scaled.astype(np.float32)


@dataclass(frozen=True, slots=True)
class StoredSamples:
    """The samples of a file: ``n_blocks`` blocks of ``block_bytes`` from ``data_offset`` on.

    Attributes
    ----------
    path : Path
    sample_bytes : int
        2 or 3; little-endian, signed.
    data_offset, block_bytes, n_blocks : int
        Checked against the file's size: every block is there in full.
    block_s : float
        Duration of a block.
    leads : tuple of StoredLead
        The ECG leads, in the file's order.
    invalid_adu : int or None
        The value that stands for no sample.
    """

    path: Path
    sample_bytes: int
    data_offset: int
    block_bytes: int
    n_blocks: int
    block_s: float
    leads: tuple[StoredLead, ...]
    invalid_adu: int | None = None

    @property
    def duration_s(self) -> float:
        """Length of what is stored, gaps between blocks not counted."""
        return self.n_blocks * self.block_s

    def lead_adu(self, blocks: bytes | memoryview, lead: StoredLead) -> npt.NDArray[np.integer]:
        """Return one lead of whole blocks.

        Parameters
        ----------
        blocks : buffer
            Bytes of one or more whole blocks.
        lead : StoredLead

        Returns
        -------
        ndarray of int16 or int32, shape (n_blocks * n_per_block,)
        """
        n_blocks = len(blocks) // self.block_bytes
        shape = (n_blocks, lead.n_per_block)
        strides = (self.block_bytes, lead.stride_bytes)
        if self.sample_bytes == 2:
            view: npt.NDArray[np.int16] = np.ndarray(shape, "<i2", blocks, lead.offset_bytes, strides)
            return np.ascontiguousarray(view).reshape(-1)
        return int24(np.ndarray((*shape, 3), np.uint8, blocks, lead.offset_bytes, (*strides, 1))).reshape(-1)

    def lead_mv(self, blocks: bytes | memoryview, lead: StoredLead) -> FloatArray:
        """Return one lead of whole blocks in mV, invalid samples NaN; see ``lead_adu``."""
        samples_adu = self.lead_adu(blocks, lead)
        signal_mv = lead.to_mv(samples_adu)
        if self.invalid_adu is not None:
            signal_mv[samples_adu == self.invalid_adu] = np.nan
        return signal_mv


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """What a header says: where the samples are, when each block began, and everything a record says beside them.

    Attributes
    ----------
    format : str
        As in ``Provenance.format``.
    samples : StoredSamples
    block_start_s : ndarray of float64, shape (n_blocks,), or None
        When each block begins, from the record's first sample on, ascending and never overlapping; None where each
        begins as the one before ends.
    """

    format: str
    samples: StoredSamples
    patient: Patient
    acquisition: Acquisition
    block_start_s: Float64Array | None = None
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    device_reading: DeviceReading = DeviceReading()


def int24(samples: npt.NDArray[np.uint8]) -> Int32Array:
    """Return 24-bit little-endian signed integers, given as bytes in the last axis, as int32 without it."""
    low = samples[..., 0].astype(np.int32)
    low |= samples[..., 1].astype(np.int32) << 8
    low |= samples[..., 2].view(np.int8).astype(np.int32) << 16
    return low
