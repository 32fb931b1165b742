"""Configurations from YAML or JSON files and ``key=value`` arguments, checked with one clear sentence."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from physioclr_core.errors import UserFacingError

Config = TypeVar("Config", bound=BaseModel)


def load_config(kind: type[Config], path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Parameters
    ----------
    kind : type
        The pydantic model.
    path : Path or None
        YAML or JSON; None starts from the defaults.
    overrides : sequence of str
        "loop.seed=3": a dotted key and a YAML value each; they win over the file.

    Raises
    ------
    UserFacingError
        If the file cannot be read, or a key is unknown or has a value that is not allowed; the key is named.
    """
    source = str(path) if path is not None else "the configuration"
    values = _read(path) if path is not None else {}
    for override in overrides:
        _apply(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserFacingError(f"{source}: {_sentence(error, kind)}.") from None


def dump_config(config: BaseModel) -> str:
    """Return a configuration as YAML, in the order of its fields."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserFacingError(f"{path}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserFacingError(f"{path}: is neither YAML nor JSON ({' '.join(str(error).split())}).") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserFacingError(f"{path}: a configuration is made of keys and values.")
    return values


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = key.split(".")
    if not equals or not all(names):
        raise UserFacingError(f"{override}: settings are given as key=value, such as loop.seed=3.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserFacingError(f"{override}: the value cannot be understood.") from None
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UserFacingError(f"{override}: {name} has no settings of its own.")
        values = inner
    values[names[-1]] = value


def _sentence(error: ValidationError, kind: type[BaseModel]) -> str:
    """Return what is wrong first, and how much more is."""
    faults = error.errors(include_url=False, include_input=False)
    first = faults[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text = f"unknown key {key}"
        near = difflib.get_close_matches(str(first["loc"][-1]), _all_keys(kind.model_json_schema()), 1)
        text += f"; did you mean {near[0]}?" if near else ""
        text = text.removesuffix("?")
    elif first["type"] == "missing":
        text = f"{key} is missing"
    else:
        text = f"{key}: {message[:1].lower()}{message[1:]}" if key else message
    more = len(faults) - 1
    return f"{text} (and {more} more)" if more else text


def _all_keys(schema: dict[str, Any]) -> list[str]:
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})
