"""Bundle the demo ECGs: real records with one teaching case each, their samples untouched.

One command, from the folders of PTB-XL and of the PhysioNet/CinC challenge records::

    python -m physioclr_core.library.demo OUT_FOLDER PTBXL_FOLDER PTBXL_500HZ_FOLDER CPSC2018_FOLDER

The PTB-XL records are of fold 9, CPSC 2018 is another collection: the shipped model was trained on none of them.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.errors import LibraryError
from physioclr_core.readers import read_record

_PTBXL = "PTB-XL 1.0.3 (Wagner et al., Sci Data 7:154, 2020), CC BY 4.0"
_CPSC = "CPSC 2018 (Liu et al., J Med Imaging Health Inform 8:1368, 2018), PhysioNet/CinC Challenge 2020, CC BY 4.0"


@dataclass(frozen=True, slots=True)
class Demo:
    """One teaching case: PTB-XL's ``ecg_id`` or CPSC 2018's record name, and the statements it carries there."""

    title: str
    source: str
    statements: str = ""


DEMOS: tuple[Demo, ...] = (
    Demo("Normal ECG", "18597"),
    Demo("Atrial fibrillation", "1026"),
    Demo("Atrial flutter", "23"),
    Demo("Left bundle branch block", "A0131", "CLBBB"),
    Demo("Right bundle branch block", "A0051", "CRBBB"),
    Demo("Inferior myocardial infarction", "15808"),
    Demo("Left ventricular hypertrophy", "386"),
    Demo("Premature ventricular complexes", "A0025", "PVC"),
    Demo("Paced rhythm", "11865"),
    Demo("First-degree AV block", "2648"),
    Demo("Wolff-Parkinson-White pattern", "6240"),
    Demo("Third-degree AV block", "8210"),
)


def bundle_demos(out: Path, ptbxl: Path, ptbxl_500hz: Path, cpsc2018: Path) -> None:
    """Copy the demo records and write ``index.json``.

    The header gets comment lines with patient, statements and source; the data files are copied as they are. A PTB-XL
    record comes at 500 Hz where ``ptbxl_500hz`` has it, else at 100 Hz.

    Raises
    ------
    LibraryError
        If a record is missing.
    """
    with (ptbxl / "ptbxl_database.csv").open(newline="", encoding="utf-8") as lines:
        database = {row["ecg_id"]: row for row in csv.DictReader(lines)}
    out.mkdir(parents=True, exist_ok=True)
    index = []
    for demo in DEMOS:
        if demo.source.isdigit():
            row = database[demo.source]
            stem = ptbxl_500hz / f"{int(demo.source):05d}_hr"
            if not stem.with_suffix(".hea").exists():
                stem = ptbxl / row["filename_lr"]
            statements = tuple(ast.literal_eval(row["scp_codes"]))
            patient_id, source = f"ptbxl:{int(float(row['patient_id']))}", _PTBXL
            age = "" if float(row["age"]) >= 300 else f"{float(row['age']):g}"
            comments = [f"patient_id: {patient_id}", f"Age: {age}", f"Sex: {('Male', 'Female')[int(row['sex'])]}"]
        else:
            stem, statements, patient_id, source = cpsc2018 / demo.source, (demo.statements,), None, _CPSC
            comments = []
        comments += [f"SCP: {', '.join(statements)}", f"Source: {source}"]
        header = stem.with_suffix(".hea")
        if not header.exists():
            raise LibraryError(f"{header}: this demo record is missing.")
        kept = [line for line in header.read_text().splitlines() if not line.startswith(("# Age", "# Sex", "# Image"))]
        text = "\n".join(kept + [f"# {comment}" for comment in comments]) + "\n"
        (out / header.name).write_text(text, encoding="utf-8", newline="\n")
        data = stem.with_suffix(".mat" if stem.with_suffix(".mat").exists() else ".dat")
        shutil.copyfile(data, out / data.name)
        read_record(out / header.name)
        index.append(
            {
                "file": header.name,
                "title": demo.title,
                "statements": statements,
                "patient_id": patient_id,
                "source": source,
            }
        )
    text = json.dumps(index, indent=1) + "\n"
    (out / "index.json").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Bundle the demo ECGs.")
    for name in ("out", "ptbxl", "ptbxl_500hz", "cpsc2018"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    bundle_demos(args.out, args.ptbxl, args.ptbxl_500hz, args.cpsc2018)


if __name__ == "__main__":
    main()
