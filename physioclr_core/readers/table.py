"""Tables of numbers (CSV, TSV, NPY) as ECGs: read only when rate, unit and leads are stated in them or given.

Nothing is guessed: what a head or a time column states is used and named in the report, what is open is asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from physioclr_core.errors import MissingFactsError, RecordError
from physioclr_core.leads import standard_name
from physioclr_core.readers.assemble import LeadSource, build_report, name_leads
from physioclr_core.readers.table_facts import TableChannel, TableProposal, propose
from physioclr_core.readers.table_npy import read_npy_table
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.readers.table_text import read_text_table
from physioclr_core.readers.wfdb_leads import check_dimensions
from physioclr_core.record import Acquisition, EcgRecord, FloatArray, GainSource, Patient, Provenance
from physioclr_core.units import mv_per_unit

_NPY_MAGIC = b"\x93NUMPY"
# A first look: some seconds of twelve leads, read within the blink of an eye.
_LOOK_BYTES = 2**18
_LOOK_SAMPLES = 20_000
_MAX_LEADS = 1000
_ABSURD_MV = 1e6


def propose_table(path: Path, options: TableOptions | None = None) -> TableProposal:
    """Look at the beginning of a table.

    Parameters
    ----------
    path : Path
    options : TableOptions, optional
        What is given already.

    Returns
    -------
    TableProposal
        What the table states with certainty, the first samples, and what is missing.

    Raises
    ------
    RecordError
        If it is no table of numbers.
    """
    return _look(path, options or TableOptions(), is_first_look=True)


def read_table(path: Path, options: TableOptions | None = None) -> EcgRecord:
    """Read a table as an ECG.

    Parameters
    ----------
    path : Path
    options : TableOptions, optional
        What the table does not state itself.

    Raises
    ------
    MissingFactsError
        If rate, unit or leads are neither stated nor given; it says which flags give them.
    RecordError
        If it cannot be read.
    """
    options = options or TableOptions()
    proposal = _look(path, options, is_first_look=False)
    if not proposal.is_complete or proposal.fs_hz is None:
        raise MissingFactsError(path, f"is a table that does not state {_and(proposal.missing)}")
    kept = [channel for channel in proposal.channels if not channel.left_out]
    check_dimensions(path, len(kept), proposal.n_samples, proposal.fs_hz)
    warnings = list(proposal.warnings)
    signal_mv = np.empty((len(kept), proposal.n_samples), np.float32)
    for row, channel in enumerate(kept):
        signal_mv[row] = channel_mv(proposal, channel, warnings)
    if not np.isfinite(signal_mv).any():
        raise RecordError(path, "has no valid sample in any column")
    lead_names = name_leads((channel.lead or "" for channel in kept), warnings)
    warnings.insert(0, _origin(proposal, kept, options))
    source: GainSource = "given" if options.unit else "stated"
    sources = [
        LeadSource(
            channel.heading or f"{proposal.orientation[:-1]} {channel.number}",
            channel.unit or "",
            1.0,
            source,
            0.0,
            proposal.fs_hz,
        )
        for channel in kept
    ]
    ignored = [
        f"{channel.heading or f'{proposal.orientation[:-1]} {channel.number}'}: {channel.left_out}"
        for channel in proposal.channels
        if channel.left_out
    ]
    return EcgRecord(
        name=path.stem,
        signal_mv=signal_mv,
        fs_hz=proposal.fs_hz,
        lead_names=lead_names,
        patient=Patient(),
        acquisition=Acquisition(),
        provenance=Provenance(path=path, format=proposal.kind, files=(path,)),
        report=build_report(signal_mv, proposal.fs_hz, lead_names, sources, ignored, warnings),
    )


def channel_mv(proposal: TableProposal, channel: TableChannel, warnings: list[str], unit: str = "") -> FloatArray:
    """Return the samples of a channel in mV; what is no number of an ECG is NaN, and said.

    Parameters
    ----------
    proposal : TableProposal
    channel : TableChannel
    warnings : list of str
        Gets a sentence where values are absurd.
    unit : str
        Where the channel has none yet.
    """
    factor = mv_per_unit(channel.unit or unit) or 1.0
    with np.errstate(all="ignore"):
        values_mv = proposal.values[channel.number - 1] * factor
        is_absurd = ~(np.abs(values_mv) < _ABSURD_MV) & ~np.isnan(values_mv)
    if is_absurd.any():
        values_mv[is_absurd] = np.nan
        called = channel.heading or f"column {channel.number}"
        warnings.append(f"{int(is_absurd.sum())} samples of {called} have absurd values and were made gaps.")
    signal_mv: FloatArray = values_mv.astype(np.float32)
    return signal_mv


def _look(path: Path, options: TableOptions, *, is_first_look: bool) -> TableProposal:
    if path.suffix.lower() == ".npz":
        raise RecordError(path, "is an archive of arrays, which is not read; save the leads as one .npy")
    with path.open("rb") as file:
        is_npy = file.read(len(_NPY_MAGIC)) == _NPY_MAGIC
    if is_npy or path.suffix.lower() == ".npy":
        table = read_npy_table(path, _LOOK_SAMPLES if is_first_look else None)
        kind = "NPY"
    else:
        table = read_text_table(path, options, _LOOK_BYTES if is_first_look else None)
        if is_first_look and not table.is_whole and (table.row_heads or len(table.values) < 2 * len(table.heads)):
            # Rows as long as a recording: a first look at some of them would not see how many there are.
            table = read_text_table(path, options)
        kind = "CSV"
    proposal = propose(path, kind, table, options)
    if len(proposal.channels) > _MAX_LEADS:
        n_channels = len(proposal.channels)
        raise RecordError(path, f"has {n_channels} {proposal.orientation}, more than any ECG has leads")
    return proposal


def _origin(proposal: TableProposal, kept: list[TableChannel], options: TableOptions) -> str:
    """Say where rate, unit and leads come from, because a table has no format that fixes them."""
    rate = f"{proposal.fs_hz:g} Hz {'as given' if proposal.fs_from == 'given' else f'from {proposal.fs_from}'}"
    units = ", ".join(dict.fromkeys(channel.unit or "" for channel in kept))
    unit = f"{units} {'as given' if options.unit else 'from the headings'}"
    leads = "leads as given" if options.leads else "leads from the headings"
    own = [channel.lead for channel in kept if channel.lead and standard_name(channel.lead) is None]
    named = f" ({', '.join(own[:3])}: no standard name)" if own else ""
    return f"A table has no format of its own: {rate}, {unit}, {leads}{named}."


def _and(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; nor {parts[-1]}"
