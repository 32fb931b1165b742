"""What a run writes down of itself: configuration, data, code and the versions that numbers depend on."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import BaseModel

import physioclr_core
from physioclr_core import __version__
from physioclr_core.errors import UserFacingError
from physioclr_core.files import sha256_of
from physioclr_core.train.run_folder import PLACES, RunFolder, read_json

Config = TypeVar("Config", bound=BaseModel)

# A run goes on only where these are the same. Code and library versions are written down but may differ: a mended
# message is no reason to lose a day of training.
MUST_AGREE = ("kind", "config", "data_sha256", "pretrained_sha256", "physiology_sha256", "soft_labels_sha256")
# Settings that are paths: the content's hash is recorded instead.
_OTHER_PLACES = ("pretrained", "soft_labels")


def run_record(kind: str, config: BaseModel, data_sha256: str, pretrained: Path | None = None) -> dict[str, Any]:
    """Return what ``config.json`` of a run holds.

    Parameters
    ----------
    kind : str
        "pretrain" or "finetune".
    config : BaseModel
    data_sha256 : str
    pretrained : Path, optional
        Weights that the run starts from.
    """
    return {
        "kind": kind,
        "config": _without_places(config),
        "data_sha256": data_sha256,
        "pretrained_sha256": sha256_of(pretrained) if pretrained is not None else None,
        "code_version": __version__,
        "code_sha256": code_sha256(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


@cache
def code_sha256() -> str:
    """Return a hash over the package's source, which tells two states of one version apart."""
    root = Path(physioclr_core.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def places_of(config: BaseModel) -> dict[str, Any]:
    """Return where the data sets and the run that a configuration names lie on this machine, as whole paths."""
    values = config.model_dump()
    others = {name: values[name] for name in _OTHER_PLACES if name in values}
    return {
        "prepared": [str(path.absolute()) for path in values["data"]["prepared"]],
        **{name: str(path.absolute()) if path is not None else None for name, path in others.items()},
    }


def recorded_config(
    model: type[Config], run: RunFolder, kind: str, prepared: tuple[Path, ...] = ()
) -> tuple[Config, dict[str, Any]]:
    """Read a run's configuration back.

    Parameters
    ----------
    model : type
        The pydantic model.
    run : RunFolder
    kind : str
        What the run must be: "pretrain" or "finetune".
    prepared : tuple of Path
        Where the data sets lie now; by default where they were.

    Returns
    -------
    Config
    dict
        All of the run's record.

    Raises
    ------
    UserFacingError
        If the run is of another kind, or its record is damaged or of a configuration that this version does not know.
    """
    record = read_json(run.path / "config.json")
    if record.get("kind") != kind:
        raise UserFacingError(f"{run.path}: this is no {kind} run.")
    places = read_json(run.path / PLACES) if (run.path / PLACES).is_file() else {}
    try:
        values = dict(record["config"])
        folders = [str(path) for path in prepared] or places.get("prepared") or ["unknown"]
        values["data"] = {**values["data"], "prepared": folders}
        if record["pretrained_sha256"] is not None:
            values["pretrained"] = places.get("pretrained") or "unknown"
        return model.model_validate(values), record
    except (KeyError, TypeError, ValueError) as error:
        raise UserFacingError(
            f"{run.path}: the run's configuration is not one of this version ({' '.join(str(error).split())[:200]})."
        ) from None


def with_defaults(model: type[Config], record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record with the defaults of settings that came after it; as it is where it is no such record.

    A setting's default is what was done before it could be set.

    Parameters
    ----------
    model : type
        The pydantic model of its configuration.
    record : dict
    """
    try:
        values = dict(record["config"])
        values["data"] = {**values["data"], "prepared": ["unknown"]}
        return {**record, "config": _without_places(model.model_validate(values))}
    except (KeyError, TypeError, ValueError):
        return record


def _without_places(config: BaseModel) -> dict[str, Any]:
    """Return what decides the result: where data lie does not, their hash is recorded instead."""
    values = config.model_dump(mode="json")
    values["data"] = {key: value for key, value in values["data"].items() if key != "prepared"}
    return {key: value for key, value in values.items() if key not in _OTHER_PLACES}
