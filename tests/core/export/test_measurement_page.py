"""The page that explains every measurement: complete, whole, and the same from run to run."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from physioclr_core.export.measurement_page import (
    amplitude_figures,
    certainty_figures,
    interval_figures,
    plot_figures,
    rhythm_figures,
)
from physioclr_core.export.measurement_page.cases import NORMAL, PVC, case
from physioclr_core.export.measurement_page.page import FIGURES, PAGE, page_text, svg, write_page
from physioclr_core.export.measurement_page.sections import HOW, MEASURED
from physioclr_core.paths import assets_dir
from physioclr_core.physiology.lead_measures import LeadMeasures

MAX_BYTES = 1_500_000


@pytest.fixture(scope="module")
def shipped() -> Path:
    return assets_dir() / "docs"


@pytest.mark.parametrize("name", [NORMAL, PVC])
def test_page_explains_whatever_a_record_gives(name: str) -> None:
    measurements = case(name).analysis.measurements
    text = page_text()
    for item in (*measurements, *measurements.lead_items("V1")):
        assert f"{item.label} (`{item.name}`)" in text


def test_page_explains_every_value_of_a_lead() -> None:
    text = page_text()
    assert not [
        field.name for field in fields(LeadMeasures) if field.name != "lead_names" and f"`{field.name}`" not in text
    ]


def test_every_section_has_its_figure_and_every_figure_its_section() -> None:
    assert sorted(section.figure for section in (*HOW, *MEASURED)) == sorted(FIGURES)


def test_sections_are_short() -> None:
    assert all(3 <= len(section.lines) <= 9 for section in (*HOW, *MEASURED))


def test_shipped_page_is_the_one_that_is_written_now(shipped: Path) -> None:
    assert (shipped / PAGE).read_text(encoding="utf-8") == page_text()


def test_shipped_links_lead_somewhere(shipped: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", (shipped / PAGE).read_text(encoding="utf-8"))
    assert len(links) > len(FIGURES)
    assert not [link for link in links if not (shipped / link).is_file()]


def test_shipped_files_are_small_and_name_no_machine(shipped: Path) -> None:
    paths = [shipped / PAGE, *sorted((shipped / "measurements").iterdir())]
    assert {path.stem for path in paths[1:]} == set(FIGURES)
    assert sum(path.stat().st_size for path in paths) < MAX_BYTES
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|tmp|Users)/|[A-Z]:\\\\", text)
        assert not re.search(r"20\d\d-\d\d-\d\d", text)


@pytest.mark.parametrize("name", ["08210_lr", "00023_lr", "11865_lr"])
def test_figures_can_be_drawn_of_ecgs_without_p_waves_or_with_other_beats(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Better networks may find less, or more, in the demo ECGs: no figure may fail for it.
    for module in (amplitude_figures, certainty_figures, interval_figures, plot_figures, rhythm_figures):
        monkeypatch.setattr(module, "case", lambda _: case(name))
    for draw in FIGURES.values():
        assert len(svg(draw())) > 10_000


def test_written_twice_it_is_the_same_to_the_byte(tmp_path: Path) -> None:
    first = write_page(tmp_path / "first")
    case.cache_clear()
    second = write_page(tmp_path / "second")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
