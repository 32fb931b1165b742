"""The scripts that score beats and waves against annotators; they lie beside the real records."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

WAVES = {
    "P": ("p_on", "p_peak", "p_off"),
    "QRS": ("qrs_on", "r_peak", "qrs_off"),
    "T": ("t_on", "t_peak", "t_off"),
}
LEADS = "i,ii,iii,avr,avl,avf,v1,v2,v3,v4,v5,v6".split(",")


def scoring_script(test_data: Callable[..., Path], name: str) -> ModuleType:
    """Load a script by its name without suffix; skip the test where the scripts are not there."""
    tools = test_data("README.md").parent.parent / "tools"
    if not tools.is_dir():
        pytest.skip("the scoring scripts are not beside the test data")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tools))
        spec = importlib.util.spec_from_file_location(name, tools / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


def wave_f1(result: Mapping[str, Any], wave: str) -> float:
    """Return the mean F1 of a wave's three fiducials."""
    return float(np.mean([result["fiducials"][name]["f1"] for name in WAVES[wave]]))
