"""Write the page that explains every measurement, and its figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from physioclr_core.paths import assets_dir


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=None, help="folder; the shipped documents by default")
    args = parser.parse_args()
    # matplotlib and the analysis of ten ECGs: not for --help.
    from physioclr_core.export.measurement_page.page import write_page

    written = write_page(args.out or assets_dir() / "docs")
    size_kb = sum(path.stat().st_size for path in written) / 1000.0
    print(f"{written[0]} with {len(written) - 1} figures, {size_kb:.0f} kB")  # noqa: T201


if __name__ == "__main__":
    main()
