"""Damaged and hostile XML of every format: a record or one clear error, in bounded time and memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from constructed_xml import write_cardiosoft, write_eli
from fuzz_files import check_refused_or_read, truncations, variants

from physioclr_core.errors import RecordError
from physioclr_core.record import EcgRecord

CASES = {
    "GE MUSE XML": ("ge-muse-xml", "ecg2dcm_guangxi_teaching_sinus_rhythm.xml"),
    "HL7 aECG": ("hl7-aecg", "ecgtoolkit_Example_aECG.xml"),
    "Philips Sierra XML": ("philips-sierra-xml", "1_03__129DYPRG.XML"),
    "Philips Sierra XML in UTF-16": ("philips-sierra-xml", "1_04_01__2020-5-18_15-48-11.xml"),
    "Mortara ELI XML, constructed": None,
    "GE CardioSoft XML, constructed": None,
}
N_FAST = 20
N_SLOW = 1000


@pytest.fixture(params=CASES)
def good(request: pytest.FixtureRequest, test_data: Callable[..., Path], tmp_path: Path) -> Path:
    """Return a file of each format, which is read without complaint."""
    return good_file(request.param, test_data, tmp_path)


@pytest.fixture(
    params=[pytest.param(case, marks=pytest.mark.slow if number else ()) for number, case in enumerate(CASES)]
)
def first_good(request: pytest.FixtureRequest, test_data: Callable[..., Path], tmp_path: Path) -> Path:
    """Return a file of the first format, and with --slow of each."""
    return good_file(request.param, test_data, tmp_path)


def good_file(case: str, test_data: Callable[..., Path], folder: Path) -> Path:
    name = CASES[case]
    if name is not None:
        return test_data("clinical-formats", *name)
    return (write_eli if "ELI" in case else write_cardiosoft)(folder / "good.xml")


def outcomes(folder: Path, contents: list[bytes]) -> Counter[str]:
    path = folder / "damaged.xml"
    found: Counter[str] = Counter()
    for content in contents:
        path.write_bytes(content)
        found[type(check_refused_or_read(path)).__name__] += 1
    return found


def test_every_file_that_is_cut_off_is_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    whole = content.rstrip(b"\r\n\0 ")
    assert outcomes(tmp_path, [content]) == {"EcgRecord": 1}
    assert outcomes(tmp_path, [part for part in truncations(content) if len(part) < len(whole)]).keys() == {
        "RecordError"
    }


def test_some_damaged_files_of_each_format(good: Path, tmp_path: Path) -> None:
    assert outcomes(tmp_path, list(variants(good.read_bytes(), N_FAST, seed=6))).total() == N_FAST


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_damaged_files_of_each_format(good: Path, tmp_path: Path) -> None:
    content, path = good.read_bytes(), tmp_path / "damaged.xml"
    found: Counter[str] = Counter()
    for copy in variants(content, N_SLOW, seed=1906):
        path.write_bytes(copy)
        found[type(check_refused_or_read(path)).__name__] += 1
    # Damage in free text changes no sample, damage elsewhere is found: both must occur for this to be a test.
    assert min(found["EcgRecord"], found["RecordError"]) > N_SLOW // 50


NUMBERS = ["2147483648", "-1", "0", "1e308", "1e-308", "nan", "999999999999999999999", "", "x"]


def with_absurd_numbers(good: Path, numbers: list[str]) -> Iterator[bytes]:
    """Yield copies in which all numbers that elements or attributes of one name state are replaced by one number.

    The numbers are taken in turn, one a name.
    """
    content = good.read_bytes()
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "latin-1"
    text = content.decode(encoding)
    elements = sorted(set(re.findall(r"<(\w+)(?: [^>]*)?>\s*-?[\d.]+\s*</", text)))
    attributes = sorted(set(re.findall(r'(\w+)="-?[\d.]+"', text)))
    patterns = [rf"(<{tag}(?: [^>]*)?>)\s*-?[\d.]+\s*(</)" for tag in elements]
    patterns += [rf'(\b{name}=")-?[\d.]+(")' for name in attributes]
    for place, pattern in enumerate(patterns):
        yield re.sub(pattern, rf"\g<1>{numbers[place % len(numbers)]}\g<2>", text).encode(encoding)


def test_an_absurd_number_everywhere_a_number_is_stated(good: Path, tmp_path: Path) -> None:
    outcomes(tmp_path, list(with_absurd_numbers(good, NUMBERS)))


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_each_absurd_number_everywhere_a_number_is_stated(good: Path, tmp_path: Path, number: str) -> None:
    outcomes(tmp_path, list(with_absurd_numbers(good, [number])))


def bombs(content: str, root: str) -> dict[str, str]:
    """Return the file with something added that grows, loops or reaches out."""
    start = re.search(rf"<{root}[^>]*>", content)
    assert start is not None
    before, after = content[: start.start()], content[start.end() :]
    bare = re.sub(r"<!DOCTYPE[^>]*>", "", before)
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    attributes = " ".join(f'a{n}=""' for n in range(600_000))

    def typed(declarations: str, inside: str) -> str:
        return f"{bare}<!DOCTYPE {root} [{declarations}]>{start[0]}{inside}{after}"

    def inside(text: str) -> str:
        return f"{before}{start[0]}{text}{after}"

    return {
        "billion laughs": typed(f'<!ENTITY a0 "ha">{entities}', "<x>&a11;</x>"),
        "external entity": typed('<!ENTITY a SYSTEM "file:///etc/passwd">', "<x>&a;</x>"),
        "parameter entity": typed('<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;', ""),
        "default attributes": typed(f'<!ATTLIST x y CDATA "{"y" * 100_000}">', "<x/>" * 100_000),
        "deep": inside("<x>" * 100_000 + "</x>" * 100_000),
        "many elements": inside("<x/>" * 1_000_000),
        "many attributes": inside(f"<x {attributes}/>"),
        "long text": inside(f"<x>{'y' * 20_000_000}</x>"),
        "long comment": f"{before}<!--{'y' * 20_000_000}-->{start[0]}{after}",
        "astral text": inside(f"<x>{'&#x1F5A4;' * 2_000_000}</x>"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "billion laughs",
        "external entity",
        "parameter entity",
        "default attributes",
        "deep",
        "many elements",
        "many attributes",
        "long text",
        "long comment",
        "astral text",
    ],
)
def test_bombs_are_refused_or_harmless(first_good: Path, tmp_path: Path, kind: str) -> None:
    content = first_good.read_bytes()
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "latin-1"
    text = content.decode(encoding)
    root = re.search(r"<([A-Za-z]\w*)[ >]", text)
    assert root is not None
    path = tmp_path / "bomb.xml"
    path.write_text(bombs(text, root.group(1))[kind], encoding=encoding)
    outcome = check_refused_or_read(path)
    if "entit" in kind or kind in ("billion laughs", "default attributes"):
        assert isinstance(outcome, RecordError)
        # ELI files are told by what follows their root, which is out of sight here.
        assert "which is refused" in outcome.cause or "is not of a format" in outcome.cause


@pytest.mark.parametrize("piece", ["1 ", "1,", "123456 ", "-", "A", "AAAA\n"])
def test_megabytes_of_samples_are_refused_or_read_in_time(first_good: Path, tmp_path: Path, piece: str) -> None:
    """The first lead's samples are replaced by 20 MB of text."""
    content = first_good.read_bytes()
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "latin-1"
    text = content.decode(encoding)
    samples = re.search(r"""(?<=[>"])[\s]*[-\dA-Za-z+/=][-\s\dA-Za-z+/=,]{1500,}""", text)
    assert samples is not None
    path = tmp_path / "long.xml"
    megabytes = piece * (20_000_000 // len(piece))
    path.write_text(text[: samples.start()] + megabytes + text[samples.end() :], encoding=encoding)
    check_refused_or_read(path)


def test_many_thousand_leads_are_refused_in_time(tmp_path: Path) -> None:
    lead = '<CHANNEL NAME="{}" BITS="16" UNITS_PER_MV="400" SAMPLE_FREQ="500" DATA="AAAAAAAA"/>'
    path = tmp_path / "leads.xml"
    for names in ((f"L{n}" for n in range(60_000)), ("V1" for _ in range(60_000))):
        path.write_text(f'<ECG ACQUISITION_TIME="">{"".join(map(lead.format, names))}</ECG>')
        outcome = check_refused_or_read(path)
        assert isinstance(outcome, RecordError)
        assert "60000 pieces of leads" in outcome.cause


def test_many_leads_at_rates_of_their_own_are_refused_in_time(tmp_path: Path) -> None:
    lead = '<CHANNEL NAME="{}" UNITS_PER_MV="400" SAMPLE_FREQ="{}" DATA="{}"/>'
    slow = "AAAA" * 6200  # 9,300 samples
    leads = [lead.format("I", 1000, "AAAA" * 310_000), *(lead.format(f"L{n}", f"20.{n}1", slow) for n in range(60))]
    path = tmp_path / "rates.xml"
    path.write_text(f'<ECG ACQUISITION_TIME="">{"".join(leads)}</ECG>')
    outcome = check_refused_or_read(path)
    assert isinstance(outcome, RecordError)
    assert outcome.cause == "has leads at several rates that are too long to be brought to 1000 Hz"


def test_names_and_texts_without_end_are_cut(tmp_path: Path) -> None:
    text = write_eli(tmp_path / "good.xml").read_text()
    path = tmp_path / "long.xml"
    path.write_text(
        text.replace('NAME="V6"', f'NAME="{"V" * 100_000}"')
        .replace('LAST_NAME="Doe"', f'LAST_NAME="{"D" * 100_000}"')
        .replace('TEXT="SINUS RHYTHM"', f'TEXT="{"S" * 100_000}"')
    )
    record = check_refused_or_read(path)
    assert isinstance(record, EcgRecord)
    assert max(map(len, record.lead_names)) <= 40
    assert record.patient.name is not None
    assert len(record.patient.name) < 1100
    assert max(map(len, record.device_reading.statements)) <= 2000


@pytest.mark.parametrize("size", [64 * 2**20 + 1, 2 * 2**30])
def test_file_of_gigabytes_is_refused_by_its_size(first_good: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes(first_good.read_bytes())
    with path.open("r+b") as file:
        file.truncate(size)  # a hole: it takes no space
    outcome = check_refused_or_read(path)
    assert isinstance(outcome, RecordError)
    assert "is too large" in outcome.cause
