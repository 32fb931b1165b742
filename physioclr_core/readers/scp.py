"""ECGs in SCP-ECG (EN 1064, ISO 11073-91064): sections 1 to 11 of versions 1 to 2, and of version 3 without Holter."""

from __future__ import annotations

from pathlib import Path

from physioclr_core.readers.assemble import LeadSource, build_report, name_leads
from physioclr_core.readers.scp_facts import read_device_reading, read_facts
from physioclr_core.readers.scp_sections import open_scp
from physioclr_core.readers.scp_signal import MV_PER_NV, read_signal
from physioclr_core.record import EcgRecord, MedianBeat, Provenance


def read_scp(path: Path) -> EcgRecord:
    """Read the ECG of an SCP-ECG file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    EcgRecord
        The rhythm's leads in mV; the reference beat is in ``device_reading.median``.

    Raises
    ------
    RecordError
        If the file is damaged, cut off, or compressed with loss.
    """
    file = open_scp(path)
    signal = read_signal(file)
    warnings: list[str] = []
    lead_names = name_leads(signal.names, warnings)
    facts = read_facts(file)
    median = None
    if signal.median_mv is not None:
        median = MedianBeat(signal.median_mv, signal.median_fs_hz, lead_names)
    reading = read_device_reading(file, facts, median)
    if 9 in file.bodies:
        file.ignored.append("section 9, which is the manufacturer's own")
    gain = 1 / (signal.step_nv * MV_PER_NV)
    sources = [LeadSource(name, "mV", gain, "stated", 0.0, signal.fs_hz) for name in signal.names]
    return EcgRecord(
        name=path.stem,
        signal_mv=signal.signal_mv,
        fs_hz=signal.fs_hz,
        lead_names=lead_names,
        patient=facts.patient,
        acquisition=facts.acquisition,
        provenance=Provenance(path=path, format="SCP-ECG", files=(path,)),
        report=build_report(
            signal.signal_mv, signal.fs_hz, lead_names, sources, file.ignored, [*file.warnings, *warnings]
        ),
        device_reading=reading,
    )
