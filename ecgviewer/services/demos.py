"""The demo ECGs that ship with the product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.paths import assets_dir


@dataclass(frozen=True, slots=True)
class Demo:
    """One bundled ECG."""

    path: Path
    title: str
    statements: tuple[str, ...]
    source: str


def list_demos() -> list[Demo]:
    """Return the bundled ECGs in their order; those whose file is missing are left out."""
    try:
        folder = assets_dir() / "demo"
        entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    demos = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("file"), str) and (folder / entry["file"]).is_file():
            statements = tuple(str(statement) for statement in entry.get("statements") or ())
            title = str(entry.get("title") or entry["file"])
            demos.append(Demo(folder / entry["file"], title, statements, str(entry.get("source") or "")))
    return demos
