"""Check the attributions of the shipped model on real ECGs and write the figures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.export.attribution_checks.page import with_figures
from physioclr_core.files import replaced


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("run", type=Path, help="the run that the model was exported from")
    parser.add_argument("--model", type=Path, default=None, help="model bundle (default: the shipped one)")
    parser.add_argument("--json", type=Path, required=True, metavar="OUT", help="file to write")
    parser.add_argument("--page", type=Path, default=None, metavar="PAGE", help="page whose tables are written anew")
    parser.add_argument("-n", type=int, default=6, help="ECGs a statement (default 6)")
    parser.add_argument("--n-forgetting", type=int, default=20, help="ECGs that networks forget on (default 20)")
    args = parser.parse_args()
    if not args.json.absolute().parent.is_dir():
        parser.error(f"{args.json}: its folder does not exist")
    page = args.page.read_text("utf-8") if args.page is not None else None
    # torch and scipy: not for --help.
    from physioclr_core.export.attribution_checks.figures import figures

    found = figures(args.run, args.model, args.n, args.n_forgetting, lambda line: sys.stderr.write(f"{line}\n"))
    found = _rounded(found)
    with replaced(args.json) as file:
        file.write((json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    if page is not None:
        text = with_figures(page, found)
        with replaced(args.page) as file:
            file.write(text.encode())


def _rounded(value: Any) -> Any:
    """Return plain JSON values: numbers of four digits, what is not known as ``None``."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_rounded(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 4) if np.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
