"""The command line of the viewer. No Qt: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from ecgviewer.state.paper import GAINS_MM_MV, LAYOUTS, SPEEDS_MM_S, Layout

SNAPSHOT_SIZE_PX = (1600, 1000)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; None is not said."""

    file: Path | None = None
    listed: tuple[Path, ...] = ()
    snapshot: Path | None = None
    size_px: tuple[int, int] | None = None
    layout: Layout | None = None
    speed_mm_s: float | None = None
    gain_mm_mv: float | None = None
    theme: str | None = None
    why: str | None = None
    model: Path | None = None
    measures_first_paint: bool = False


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{3,5})x(\d{3,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1600x1000")
    return int(match[1]), int(match[2])


def parse(argv: list[str]) -> Options:
    """Return the options of a command line; leaves the process on ``--help`` and on mistakes (exit code 2)."""
    parser = argparse.ArgumentParser(
        prog="ecgviewer",
        description="Review ECGs on calibrated paper, with candidate findings and similar ECGs. "
        "Research use only; not a medical device.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="ECG to open; a folder or several files fill the worklist; a demo ECG without",
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        metavar="OUT.png",
        help="show the window, wait for the analysis, save a picture of it, print one JSON object and leave",
    )
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window in pixels (snapshot: 1600x1000)")
    parser.add_argument("--layout", choices=LAYOUTS, help="arrangement of the leads")
    parser.add_argument("--speed", type=float, choices=SPEEDS_MM_S, metavar="{25,50}", help="paper speed in mm/s")
    parser.add_argument("--gain", type=float, choices=GAINS_MM_MV, metavar="{5,10,20}", help="gain in mm/mV")
    parser.add_argument("--theme", choices=("light", "dark", "high_contrast"), help="colours")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="model bundle (default: the shipped one)")
    parser.add_argument("--why", metavar="CODE", help="with --snapshot: show what speaks for a statement, such as AFIB")
    parser.add_argument("--time-to-first-paint", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.why is not None and given.snapshot is None:
        parser.error("--why goes with --snapshot; in the window, choose a statement and press W")
    makes_list = len(given.files) > 1 or any(path.is_dir() for path in given.files)
    return Options(
        file=given.files[0] if given.files and not makes_list else None,
        listed=tuple(given.files) if makes_list else (),
        snapshot=given.snapshot,
        size_px=given.size,
        layout=given.layout,
        speed_mm_s=given.speed,
        gain_mm_mv=given.gain,
        theme=given.theme,
        why=given.why,
        model=given.model,
        measures_first_paint=given.time_to_first_paint,
    )
