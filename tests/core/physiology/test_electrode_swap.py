from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from real_records import entries_with, real_signal_mv

from physioclr_core.leads import LIMB_LEADS, PRECORDIAL_LEADS, STANDARD_LEADS
from physioclr_core.paths import assets_dir
from physioclr_core.physiology.electrode_swap import CHEST_SWAP_NAMES, LIMB_SWAPS, SwapSuspicion, suspect_swaps
from physioclr_core.signal.resample import resample
from physioclr_core.train.electrode_swap import beat_of, fit_weights, with_swap

FloatArray = npt.NDArray[np.float32]
Window = tuple[int, int]
Beat = tuple[FloatArray, Window, Window | None, Window | None]
RNG = np.random.default_rng(0)


@cache
def beats() -> list[Beat]:
    """Return median beats of normal records that the model was not fitted on."""
    found = (beat_of(real_signal_mv(entry.entry), 100.0) for entry in entries_with("NORM", [9])[:60])
    return [beat for beat in found if beat is not None]


def suspicions(
    beat: Beat, swap: str | None = None, leads: tuple[str, ...] = STANDARD_LEADS, with_p: bool = True
) -> tuple[SwapSuspicion, ...]:
    median_mv, qrs, p, t = beat
    swapped = median_mv if swap is None else with_swap(median_mv, swap, np.random.default_rng(0))
    rows = [STANDARD_LEADS.index(lead) for lead in leads]
    p_window = p if with_p else None
    return suspect_swaps(swapped[rows], leads, 100.0, qrs_window=qrs, p_window=p_window, t_window=t)


def share_named(swap: str, leads: tuple[str, ...] = STANDARD_LEADS, with_p: bool = True) -> float:
    return float(np.mean([swap in [found.swap for found in suspicions(beat, swap, leads, with_p)] for beat in beats()]))


def test_normal_records_are_not_suspected() -> None:
    assert len(beats()) >= 40
    assert sum(bool(suspicions(beat)) for beat in beats()) <= 1


@pytest.mark.parametrize(
    ("swap", "at_least"),
    [
        *(("LA/RA", 0.9), ("RA/LL", 0.9), ("RL/RA", 0.7), ("RL/LA", 0.9), ("LA/LL", 0.05)),
        *(("V1/V2", 0.85), ("V2/V3", 0.7), ("V3/V4", 0.8), ("V4/V5", 0.7), ("V5/V6", 0.25)),
        *(("V1/V3", 0.9), ("V2/V4", 0.85), ("V3/V5", 0.85), ("V1/V6", 0.9), ("V2/V5", 0.9)),
    ],
)
def test_simulated_swaps_are_named(swap: str, at_least: float) -> None:
    assert share_named(swap) >= at_least


def test_the_shipped_figures_keep_the_promise_of_few_false_alarms() -> None:
    table = json.loads((assets_dir() / "physiology" / "electrode_swap.json").read_text(encoding="utf-8"))
    assert table["figures"]["false_alarms"]["any"]["all"] <= 1.0
    assert set(table["figures"]["sensitivity"]) >= {*LIMB_SWAPS, "RL/RA", "RL/LA", *CHEST_SWAP_NAMES}


def test_an_arm_swap_says_why_and_mentions_dextrocardia() -> None:
    found = [suspicion for beat in beats() for suspicion in suspicions(beat, "LA/RA") if suspicion.swap == "LA/RA"]
    assert np.mean(["Dextrocardia looks alike in the limb leads" in suspicion.text for suspicion in found]) > 0.9
    texts = [suspicion.text for suspicion in found]
    start = "Limb electrodes LA and RA may be swapped: "
    assert all(text.startswith(start) for text in texts)
    assert np.mean(["P, QRS and T are negative in I, and" in text for text in texts]) > 0.5
    assert np.mean(["the QRS complex in I does not match V6" in text for text in texts]) > 0.7
    assert found[0].leads == ("I", "II", "III", "aVR", "aVL")
    assert all(0.5 <= suspicion.confidence <= 1.0 for suspicion in found)


def test_where_r_falls_towards_v6_dextrocardia_is_the_other_explanation() -> None:
    found = []
    for beat in beats():
        mirrored = with_swap(beat[0], "LA/RA", RNG)
        mirrored[6:] = beat[0][6:7] * np.linspace(1.0, 0.3, 6)[:, None].astype(np.float32)
        found += [suspicion.text for suspicion in suspicions((mirrored, *beat[1:])) if suspicion.swap == "LA/RA"]
    assert found
    assert all("it may be dextrocardia instead" in text for text in found)


@pytest.mark.parametrize(("swap", "lead"), [("RL/RA", "II"), ("RL/LA", "III")])
def test_a_flat_limb_lead_tells_a_swap_with_the_right_leg(swap: str, lead: str) -> None:
    found = [suspicion for beat in beats() for suspicion in suspicions(beat, swap) if suspicion.swap == swap]
    assert all(f"lead {lead} is almost flat" in suspicion.text for suspicion in found)
    assert found[0].text.startswith(f"Electrodes {swap[3:]} and RL may be swapped")


def test_limb_leads_alone_are_checked_less_surely() -> None:
    assert sum(bool(suspicions(beat, None, LIMB_LEADS)) for beat in beats()) == 0
    assert share_named("LA/RA", LIMB_LEADS) > 0.85
    assert share_named("LA/RA", ("I", "aVF")) > 0.85
    assert all(
        "Dextrocardia looks alike in these leads." in suspicion.text
        for beat in beats()
        for suspicion in suspicions(beat, "LA/RA", LIMB_LEADS)
        if suspicion.swap == "LA/RA"
    )


def test_chest_leads_alone_are_checked_as_with_limb_leads() -> None:
    for beat in beats()[:10]:
        whole = [found.swap for found in suspicions(beat, "V1/V3") if found.swap.startswith("V")]
        assert [found.swap for found in suspicions(beat, "V1/V3", PRECORDIAL_LEADS)] == whole
        assert suspicions(beat, "V1/V3", PRECORDIAL_LEADS[:5]) == ()


def test_without_p_waves_an_arm_swap_is_still_found() -> None:
    assert share_named("LA/RA", with_p=False) > 0.7
    assert sum(bool(suspicions(beat, with_p=False)) for beat in beats()) <= 1


def test_a_lead_that_is_not_usable_is_left_out() -> None:
    median_mv, qrs, p, t = beats()[0]
    swapped = with_swap(median_mv, "V1/V3", RNG)
    swapped[1] = 5.0 * np.sin(np.arange(swapped.shape[1]))
    usable = [lead != "II" for lead in STANDARD_LEADS]
    for chosen in (usable, None):  # without the choice: limb leads that contradict each other are not interpreted
        found = suspect_swaps(swapped, STANDARD_LEADS, 100.0, qrs_window=qrs, p_window=p, t_window=t, usable=chosen)
        assert [suspicion.swap for suspicion in found] == ["V1/V3"]


def test_lead_order_gain_level_and_rate_do_not_matter() -> None:
    for beat in beats()[:10]:
        median_mv, qrs, p, t = beat
        swapped = with_swap(median_mv, "LA/RA", RNG)
        expected = [found.swap for found in suspicions(beat, "LA/RA")]

        def found(
            signal_mv: FloatArray,
            names: tuple[str, ...] = STANDARD_LEADS,
            factor: int = 1,
            windows: tuple[tuple[int, int], ...] = (qrs, p, t),
        ) -> list[str]:
            qrs_window, p_window, t_window = ((start * factor, end * factor) for start, end in windows)
            result = suspect_swaps(
                signal_mv, names, 100.0 * factor, qrs_window=qrs_window, p_window=p_window, t_window=t_window
            )
            return [suspicion.swap for suspicion in result]

        assert found(swapped[::-1], STANDARD_LEADS[::-1]) == expected
        assert found(1.5 * swapped + np.float32(3.0)) == expected
        assert found(resample(swapped, 100.0, 500.0), factor=5) == expected


@pytest.mark.parametrize("n_samples", [0, 1, 2, 95])
def test_what_cannot_be_checked_is_not_suspected(n_samples: int) -> None:
    flat = np.zeros((12, n_samples), np.float32)
    window = (0, max(n_samples - 1, 0))
    for signal_mv in (flat, np.full_like(flat, np.nan)):
        assert suspect_swaps(signal_mv, STANDARD_LEADS, 100.0, qrs_window=window, t_window=window) == ()
    assert suspect_swaps(flat, STANDARD_LEADS, 100.0, qrs_window=None) == ()
    assert suspect_swaps(flat[:1], ("MLII",), 100.0, qrs_window=window) == ()
    assert suspect_swaps(flat[:0], (), 100.0, qrs_window=window) == ()
    with pytest.raises(ValueError, match="1 lead names for 12 leads"):
        suspect_swaps(flat, ("I",), 100.0, qrs_window=window)


@pytest.mark.parametrize("swap", [*LIMB_SWAPS, *CHEST_SWAP_NAMES])
def test_a_swap_undoes_itself_and_keeps_lead_arithmetic(swap: str) -> None:
    median_mv = beats()[0][0]
    swapped = with_swap(median_mv, swap, RNG)
    np.testing.assert_allclose(swapped[0] + swapped[2], swapped[1], atol=1e-5)
    # The other limb leads are derived, and the median of a difference is not the difference of medians.
    rows = [0, 1, *range(6, 12)]
    np.testing.assert_allclose(with_swap(swapped, swap, RNG)[rows], median_mv[rows], atol=1e-5)


def test_weights_are_those_of_logistic_regression_on_both_labellings() -> None:
    rng = np.random.default_rng(3)
    change = rng.normal(-1.0, 1.0, (200_000, 3)) * [1.0, 2.0, 0.5]
    change[:, 1] -= change[:, 1].mean()  # says nothing
    weights = fit_weights(change)
    # Two Gaussians one unit to either side of zero: the log odds are twice the value over its variance.
    np.testing.assert_allclose(weights, [2.0, 0.0, 4.0], atol=0.06)
