"""Reading DICOM and SCP-ECG beside the libraries' own reading of the samples alone. Never fails on wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from ecgdatakit.parsing.parsers.scp_ecg import SCPECGParser
from report import BenchmarkReport

from physioclr_core.readers import read_record

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::UserWarning")]

N_TIMES = 30


def median_ms(read: Callable[[], object]) -> float:
    """Return the median time of one call, the imports of the first one excluded."""
    read()
    times = []
    for _ in range(N_TIMES):
        begin = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


@pytest.mark.parametrize(
    "name", ["pydicom_waveform_ecg.dcm", "ecgtoolkit_Example.dcm", "ecg2dcm_guangxi_teaching_sinus_rhythm.dcm"]
)
def test_reading_one_dicom_file(name: str, test_data: Callable[..., Path], report: BenchmarkReport) -> None:
    path = test_data("clinical-formats", "dicom-ecg", name)

    def theirs() -> None:
        data_set = pydicom.dcmread(path)
        for number in range(len(data_set.WaveformSequence)):
            data_set.waveform_array(number)

    report.add(
        f"read {name}",
        median_ms(lambda: read_record(path)),
        "ms",
        target="<= 30 ms",
        baseline=median_ms(theirs),
        baseline_name="pydicom, samples alone",
    )


def test_reading_one_scp_file(test_data: Callable[..., Path], report: BenchmarkReport) -> None:
    path = test_data("clinical-formats", "scp-ecg", "ecgtoolkit_Example.scp")
    report.add(
        "read ecgtoolkit_Example.scp",
        median_ms(lambda: read_record(path)),
        "ms",
        baseline=median_ms(lambda: SCPECGParser().parse(path)),
        baseline_name="ecgdatakit",
    )
