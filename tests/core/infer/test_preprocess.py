from __future__ import annotations

import numpy as np
from real_records import real_signal_mv

from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import default_model_dir
from physioclr_core.infer.preprocess import CLIP, SCALE_MV, model_input


def test_a_square_wave_has_its_closed_form() -> None:
    wave = np.tile(np.array([1.25, 0.75], np.float32), 500)[None]
    np.testing.assert_allclose(model_input(wave), np.tile([1.0, -1.0], 500)[None], atol=1e-5)


def test_five_millivolts_are_the_limit() -> None:
    signal = np.zeros((1, 1000), np.float32)
    signal[0, 5], signal[0, 6] = 40.0, -40.0
    x = model_input(signal)
    assert (x[0, 5], x[0, 6]) == (20.0, -20.0)


def test_an_offset_changes_nothing_and_the_input_is_not_modified() -> None:
    signal = real_signal_mv()
    before = signal.copy()
    np.testing.assert_allclose(model_input(signal + 3.0), model_input(signal), atol=2e-4)
    np.testing.assert_array_equal(signal, before)


def test_a_batch_is_its_records() -> None:
    batch = np.stack([real_signal_mv(i) for i in range(3)])
    for x, signal in zip(model_input(batch), batch, strict=True):
        np.testing.assert_array_equal(x, model_input(signal))


def test_the_shipped_manifest_describes_this_preprocessing() -> None:
    spec = load_manifest(default_model_dir()).input
    assert (spec.scale_mv, spec.clip, spec.filters) == (SCALE_MV, CLIP, "none")
