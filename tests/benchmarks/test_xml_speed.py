"""Reading one XML file of each format beside a library's reading of the same file. Never fails on wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from constructed_xml import cardiosoft_xml, eli_xml, real_adu
from ecgdatakit import FileParser
from real_records import long_signal_mv
from report import BenchmarkReport

from physioclr_core.readers import read_record

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::UserWarning")]

N_TIMES = 30
FILES = [
    ("ge-muse-xml", "ecg2dcm_guangxi_teaching_sinus_rhythm.xml"),
    ("hl7-aecg", "ecgtoolkit_Example_aECG.xml"),
    ("philips-sierra-xml", "1_03__129DYPRG.XML"),
    ("philips-sierra-xml", "1_04_01__2020-5-18_15-48-11.xml"),
]


def median_ms(read: Callable[[], object]) -> float:
    """Return the median time of one call, the imports of the first one excluded."""
    read()
    times = []
    for _ in range(N_TIMES):
        begin = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_reading_one_file(folder: str, name: str, test_data: Callable[..., Path], report: BenchmarkReport) -> None:
    path = test_data("clinical-formats", folder, name)
    report.add(
        f"read {name}",
        median_ms(lambda: read_record(path)),
        "ms",
        target="<= 100 ms",
        baseline=median_ms(lambda: FileParser.parse(path)),
        baseline_name="ecgdatakit",
    )


@pytest.mark.parametrize("kind", ["ELI", "CardioSoft"])
def test_reading_one_constructed_file(kind: str, tmp_path: Path, report: BenchmarkReport) -> None:
    path = tmp_path / "ecg.xml"
    # As many samples as 10 s at 500 Hz have.
    adu = (long_signal_mv(5000) * (400 if kind == "ELI" else 200)).round().astype(real_adu(1).dtype)
    path.write_text(eli_xml(adu) if kind == "ELI" else cardiosoft_xml(adu), encoding="utf-8")
    report.add(f"read {kind} XML, constructed", median_ms(lambda: read_record(path)), "ms", target="<= 100 ms")
