"""Write the page and its figures."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib

from physioclr_core.export.measurement_page import (
    amplitude_figures,
    certainty_figures,
    interval_figures,
    plot_figures,
    rhythm_figures,
)
from physioclr_core.export.measurement_page.cases import NORMAL, case
from physioclr_core.export.measurement_page.paper import STYLE, Sheet
from physioclr_core.export.measurement_page.sections import HOW, LEAD_VALUES, MEASURED, Section

_OUTLINE, _STEP = re.compile(r' d="([^"]+)"'), re.compile(r"([A-Za-z])([^A-Za-z]*)")
_EMPTY = re.compile(r'<path id="(DejaVu[^"]*)" transform="[^"]*"/>')
PAGE, FOLDER = "measurements.md", "measurements"
FIGURES: dict[str, Callable[[], Sheet]] = {
    figure.__name__: figure
    for figure in (
        interval_figures.global_and_lead,
        rhythm_figures.beat_classes,
        rhythm_figures.median_beat,
        certainty_figures.absent_or_not_measurable,
        certainty_figures.certainty,
        rhythm_figures.heart_rate,
        interval_figures.p_duration,
        interval_figures.pr_interval,
        interval_figures.qrs_duration,
        interval_figures.qt_interval,
        plot_figures.qtc,
        amplitude_figures.axes,
        amplitude_figures.st_levels,
        amplitude_figures.amplitudes,
        amplitude_figures.sokolow_lyon,
        amplitude_figures.cornell,
        plot_figures.variability,
    )
}

_HEAD = """\
# What is measured where

**For research use only. Not a medical device.** Numbers and marks are candidates for review by a qualified reader;
limits are quoted for orientation and are no diagnosis.

Every figure is drawn by the engine itself on a demo ECG of `assets/demo`, on paper whose small squares are 40 ms by
0.1 mV. Values in figures are those of this version; `python -m physioclr_core.export.measurement_page` draws them
again. The 150 features for models are in [features.md](features.md), accuracy in [physiology.md](physiology.md), the
reasons for this design in [decision 6](adr/0006-heart-rate.md) and [decision 7](adr/0007-physiology-engine.md).

## From signal to number

1. **Read.** Leads in mV at the file's own rate, down to 80 Hz. A gap stays a gap.
2. **Prepare.** Two zero-phase copies: 0.5-100 Hz at 250 Hz for the networks, 0.05-150 Hz at its own rate to measure.
3. **Beats.** A small network looks at all leads together; R is the largest deflection nearby.
4. **Classes.** Beats are compared by shape and timing; the largest group is the leading one.
5. **Waves.** A second network finds onset, peak and end of P, QRS and T in each lead of each beat, between samples.
6. **Global marks.** Earliest onset to latest end over the leads that a second lead supports.
7. **Belief.** P waves that cannot be believed as a whole, as in atrial fibrillation, are taken back, with the reason.
8. **Median beat.** Beats of the leading shape are aligned and levelled at PQ; outliers are left out.
9. **Measure.** Every number is a formula with a source, on the median beat or on the RR intervals.
10. **Judge.** Each has its unit, uncertainty, beats, leads and band; one that cannot be had has a reason instead.
"""


def write_page(out: Path) -> list[Path]:
    """Write ``measurements.md`` and its figures into a folder.

    Parameters
    ----------
    out : Path
        Made where it does not exist; figures of an earlier run are replaced.

    Returns
    -------
    list of Path
        The page, then the figures.

    Raises
    ------
    ValueError
        If a measurement that a record gives is explained nowhere.
    """
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    written = [out / PAGE]
    written[0].write_text(page_text(), encoding="utf-8", newline="\n")
    with matplotlib.rc_context(STYLE):
        for name, draw in FIGURES.items():
            path = folder / f"{name}.svg"
            path.write_text(svg(draw()), encoding="utf-8", newline="\n")
            written.append(path)
    return written


def svg(sheet: Sheet) -> str:
    """Return a figure as SVG that is the same from run to run: without date and version, and with short numbers."""
    content = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    sheet.figure.savefig(content, format="svg", facecolor=sheet.figure.get_facecolor(), metadata=metadata)
    text = _OUTLINE.sub(lambda found: f' d="{_short(found.group(1))}"', content.getvalue())
    # A space has no outline, and some programs complain of it.
    for name in _EMPTY.findall(text):
        text = re.sub(rf'\s*<(path id="|use xlink:href="#){name}"[^>]*/>', "", text)
    return text


def _short(outline: str) -> str:
    """Return an outline with hundredths of a point, and without the letters of lines that follow lines."""
    parts, before = [], ""
    for letter, numbers in _STEP.findall(outline):
        values = (f"{float(number):.2f}".rstrip("0").rstrip(".") for number in numbers.split())
        parts.append(("" if letter == "L" and before in ("L", "M") else letter) + " ".join(values))
        before = letter
    return " ".join(parts)


def page_text() -> str:
    """Return the page."""
    labels = _labels()
    explained = {name for section in (*HOW, *MEASURED) for name in section.names} | set(LEAD_VALUES)
    if missing := sorted(set(labels) - explained):
        raise ValueError(f"not explained: {', '.join(missing)}")
    parts = [_HEAD, "## How to read a value\n"]
    parts += [_section_text(section, labels) for section in HOW]
    parts.append("## The measurements\n")
    parts += [_section_text(section, labels) for section in MEASURED]
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in LEAD_VALUES.items())
    parts.append(
        "### Other values of each lead\n\nOf the median beat, given with every lead; areas in uV s. "
        f"A wave that a measurable lead does not have is 0.\n\n| name | what |\n|---|---|\n{rows}\n"
    )
    return "\n".join(parts)


def _labels() -> dict[str, str]:
    """Return the label of everything that a record gives, by name."""
    measurements = case(NORMAL).analysis.measurements
    items = [*measurements.items, *measurements.lead_items("II")]
    return {item.name: item.label for item in items}


def _section_text(section: Section, labels: dict[str, str]) -> str:
    names = ", ".join(f"{labels[name]} (`{name}`)" for name in section.names if name in labels)
    lines = [f"### {section.title}", "", f"![{section.alt}]({FOLDER}/{section.figure}.svg)", ""]
    if names:
        lines += [f"- **Gives**: {names}."]
    lines += [f"- **{word}**: {text}" for word, text in section.lines]
    return "\n".join([*lines, ""])
