"""What the configurations of pretraining and fine-tuning share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

# Parts whose defaults belong to the kind of run: naming one setting must not reset the others.
_PARTS = ("loop", "optimizer")


class RunConfig(BaseModel):
    """A configuration whose loop and optimiser have defaults of their own, setting by setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for part in _PARTS:
            default = cls.model_fields[part].default
            if isinstance(values.get(part), dict):
                values[part] = {**default.model_dump(), **values[part]}
        return values
