"""The texts of the Help menu, as Markdown."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from ecgviewer.jobs.protocol import Ready
from ecgviewer.services.markdown import table

NOTICE = "**Research use only. Not a medical device.** Every output is a candidate for review by a qualified reader."


def model_card(ready: Ready | None, reason: str) -> str:
    """Return the model card, or why there is none."""
    if ready is None:
        return f"# Model card\n\nNo model is running{f': {reason}' if reason else ''}."
    path = Path(ready.model_card)
    if not ready.model_card or not path.is_file():
        return f"# Model card\n\nThe model {ready.model} has no card."
    return path.read_text(encoding="utf-8")


def shortcuts(rows: list[tuple[str, str]]) -> str:
    """Return the list of keys."""
    return "\n".join(["# Keyboard shortcuts", "", *table(("command", "keys"), rows)])


def about(ready: Ready | None) -> str:
    """Return who and what this program is."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("physioclr", "PySide6_Essentials", "pyqtgraph", "numpy"):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    lines = ["# ECG viewer", "", NOTICE, ""]
    if ready is not None:
        where = f"{ready.device} ({ready.device_reason})" if ready.device_reason else ready.device
        lines += [f"Model {ready.model}, fingerprint `{ready.fingerprint}`, on {where}.", ""]
        lines += ["## Reference library", "", f"{ready.n_library} ECGs. {ready.attribution}", ""]
    lines += ["## Display", ""]
    lines += [
        "Traces are drawn as recorded, without a filter. Each lead's median is placed on its row's baseline; in "
        "records longer than a minute the median of the visible part, in steps of 0.5 mV. The data are never changed.",
        "",
        "## Versions",
        "",
        ", ".join(versions),
    ]
    return "\n".join(lines)
