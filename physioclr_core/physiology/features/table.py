"""The table of features as Parquet: one row a record, and the pieces that an interrupted run leaves behind."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.physiology.features.schema import FEATURES, N_FEATURES, NAMES, SCHEMA_VERSION

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

_METADATA_KEY = b"physioclr"
_PIECE_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRow:
    """One record's row.

    Attributes
    ----------
    label, path : str
        ``path`` is absolute.
    fs_hz, n_beats : float, int or None
        None where the record could not be analysed.
    reason : str or None
        Why it could not be, or why there are no beats.
    failed : bool
        Whether it could not be analysed.
    values : ndarray of float32, shape (150,)
    is_valid : ndarray of bool, shape (150,)
    """

    label: str
    path: str
    fs_hz: float | None
    n_beats: int | None
    reason: str | None
    failed: bool
    values: FloatArray
    is_valid: BoolArray


def failed_row(label: str, path: str, reason: str) -> FeatureRow:
    """Return the row of a record that could not be analysed."""
    nothing = np.full(N_FEATURES, np.nan, np.float32)
    return FeatureRow(label, path, None, None, reason, True, nothing, np.zeros(N_FEATURES, np.bool_))


@cache
def _schema(code: str) -> Any:
    """Return the Arrow schema of tables made by some code; units and formulas go with the columns."""
    import pyarrow as pa

    columns = [
        pa.field("record", pa.string()),
        pa.field("path", pa.string()),
        pa.field("fs_hz", pa.float64()),
        pa.field("n_beats", pa.int32()),
        pa.field("schema_version", pa.int16()),
        pa.field("reason", pa.string()),
        *(
            pa.field(feature.name, pa.float32(), metadata={"unit": feature.unit, "formula": feature.formula})
            for feature in FEATURES
        ),
    ]
    return pa.schema(columns, metadata={_METADATA_KEY: json.dumps({"schema_version": SCHEMA_VERSION, "code": code})})


def _table(rows: Sequence[FeatureRow], code: str) -> Any:
    import pyarrow as pa

    schema = _schema(code)
    values, is_valid = np.stack([row.values for row in rows]), np.stack([row.is_valid for row in rows])
    columns = [
        [row.label for row in rows],
        [row.path for row in rows],
        [row.fs_hz for row in rows],
        [row.n_beats for row in rows],
        [SCHEMA_VERSION] * len(rows),
        [row.reason for row in rows],
    ]
    arrays = [pa.array(column, schema.field(index).type) for index, column in enumerate(columns)]
    by_column, is_null = np.ascontiguousarray(values.T), np.ascontiguousarray(~is_valid.T)
    arrays += [pa.array(column, mask=mask) for column, mask in zip(by_column, is_null, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class FeatureParts:
    """The finished rows of a run, in pieces in a hidden folder beside the table that is to be written.

    Parameters
    ----------
    out : Path
        The table.
    code : str
        Fingerprint of what computes the features: pieces made by other code are not used.
    """

    def __init__(self, out: Path, code: str) -> None:
        self.out = out
        self.code = code
        self.folder = out.with_name(f".{out.name}.parts")
        self._tables: list[Any] = []

    def resume(self, paths: Sequence[str]) -> set[str]:
        """Take over the pieces of an interrupted run.

        Parameters
        ----------
        paths : sequence of str
            Absolute paths of the records of this run; rows of others do not count.

        Returns
        -------
        set of str
            Paths that are done. Records that failed are not: what was wrong may have been mended.

        """
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        wanted, done = set(paths), set[str]()
        for piece in sorted(self.folder.glob(f"*{_PIECE_SUFFIX}")):
            try:
                table = pq.read_table(piece)
            except (OSError, ValueError):  # Arrow's own errors are these
                continue
            if not table.schema.equals(_schema(self.code), check_metadata=True):
                continue
            table = table.filter(pc.is_valid(table["fs_hz"]))
            is_new = [path in wanted and path not in done for path in table["path"].to_pylist()]
            self._tables.append(table.filter(is_new))
            done.update(self._tables[-1]["path"].to_pylist())
        return done

    def add(self, rows: Sequence[FeatureRow]) -> None:
        """Write a piece.

        Raises
        ------
        UserFacingError
            If it cannot be written.
        """
        import pyarrow.parquet as pq

        if not rows:
            return
        table = _table(rows, self.code)
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UserFacingError(f"{self.folder}: cannot be written ({error.strerror}).") from None
        with replaced(self.folder / f"{secrets.token_hex(8)}{_PIECE_SUFFIX}") as file:
            # Pieces live for one run: plain columns are written fastest.
            pq.write_table(table, file, compression="none", use_dictionary=False, write_statistics=False)
        self._tables.append(table)

    def finish(self, records: Sequence[tuple[str, str]]) -> None:
        """Write the table and remove the pieces.

        Parameters
        ----------
        records : sequence of (label, path)
            Rows in this order and under these labels; each path is in one piece.

        Raises
        ------
        UserFacingError
            If the table cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._tables)
        row_of = {path: row for row, path in enumerate(table["path"].to_pylist())}
        order = [row_of[path] for _, path in records]
        if order != list(range(len(table))):
            table = table.take(order)
        # Other paths on the command line may have made another label unique.
        table = table.set_column(0, table.schema.field(0), pa.array([label for label, _ in records]))
        with replaced(self.out) as file:
            pq.write_table(table, file, compression="zstd")
        shutil.rmtree(self.folder, ignore_errors=True)


def read_feature_table(path: Path) -> tuple[list[str], FloatArray, BoolArray]:
    """Read a table of features.

    Parameters
    ----------
    path : Path

    Returns
    -------
    labels : list of str
    values : ndarray of float32, shape (n_records, 150)
        NaN where not valid.
    is_valid : ndarray of bool, shape (n_records, 150)

    Raises
    ------
    UserFacingError
        If it cannot be read, or is none of this program's schema.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise UserFacingError(f"{path}: cannot be read as a table of features ({error}).") from None
    version = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}")).get("schema_version")
    if version != SCHEMA_VERSION or any(name not in table.column_names for name in NAMES):
        raise UserFacingError(f"{path}: this is no table of features of schema {SCHEMA_VERSION}.")
    values = np.empty((len(table), N_FEATURES), np.float32)
    for column, name in enumerate(NAMES):
        values[:, column] = table[name].to_numpy()
    return table["record"].to_pylist(), values, np.isfinite(values)
