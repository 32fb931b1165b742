from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.physiology.wave_runs import LOGIT_SHIFT, WaveRuns, find_runs

FS_HZ = 250.0


def find(inside: np.ndarray, peak: np.ndarray, wave: int) -> WaveRuns:
    """Return the runs of one wave; of the others there are none."""
    probability = np.zeros((len(inside), 6, inside.shape[1]), np.float32)
    probability[:, wave] = inside
    probability[:, 3 + wave] = peak
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)
    logits = np.log(clipped / (1 - clipped)).astype(np.float32)
    logits[:, :3] -= np.array(LOGIT_SHIFT, np.float32)[:, None]
    found = find_runs(logits)
    assert sum(len(runs.lead) for runs in found) == len(found[wave].lead)
    return found[wave]


def probabilities(
    waves: list[tuple[float, float, float]], n_samples: int = 1000, softness_s: float = 0.004
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of being inside and at the peak for waves of (onset, peak, offset) in s."""
    t_s = np.arange(n_samples) / FS_HZ
    inside, peak = np.zeros(n_samples), np.zeros(n_samples)
    for onset, at, offset in waves:
        rise = 0.5 + 0.5 * np.tanh((t_s - onset) / (2 * softness_s))
        fall = 0.5 - 0.5 * np.tanh((t_s - offset) / (2 * softness_s))
        inside = np.maximum(inside, rise * fall)
        peak = np.maximum(peak, np.exp(-0.5 * ((t_s - at) / 0.012) ** 2))
    return inside.astype(np.float32), peak.astype(np.float32)


def test_boundaries_and_peak_are_found_between_samples() -> None:
    waves = [(0.4013, 0.4471, 0.4998), (1.2027, 1.2551, 1.3009)]
    inside, peak = probabilities(waves)
    runs = find(inside[None], peak[None], 0)
    np.testing.assert_allclose(runs.time_s, waves, atol=0.0008)
    assert runs.lead.tolist() == [0, 0]
    assert not runs.is_cut.any()


def test_leads_are_kept_apart() -> None:
    parts = [probabilities([(0.2, 0.25, 0.3)]), probabilities([]), probabilities([(1.0, 1.1, 1.2), (3.7, 3.8, 3.9)])]
    inside, peak = (np.stack(rows) for rows in zip(*parts, strict=True))
    runs = find(inside, peak, 2)
    assert runs.lead.tolist() == [0, 2, 2]
    np.testing.assert_allclose(runs.time_s[:, 1], [0.25, 1.1, 3.8], atol=0.001)


def test_a_sharp_boundary_is_more_certain_than_a_soft_one() -> None:
    confidence = []
    for softness_s in (0.001, 0.004, 0.012):
        inside, peak = probabilities([(0.4, 0.5, 0.6)], softness_s=softness_s)
        confidence.append(find(inside[None], peak[None], 2).confidence[0])
    first, second, third = confidence
    assert first[0] > second[0] > third[0]
    assert first[2] > second[2] > third[2]
    assert first[0] > 0.99
    # A logistic boundary of scale s lies within w of its median with probability tanh(w / 2s).
    assert second[0] == pytest.approx(np.tanh(0.010 / 0.008), abs=0.02)


def test_a_short_dip_does_not_end_a_wave_and_a_blip_is_none() -> None:
    inside, peak = probabilities([(0.4, 0.5, 0.6)])
    inside[120:123] = 0.2
    inside[700:703] = 0.9
    runs = find(inside[None], peak[None], 2)
    np.testing.assert_allclose(runs.time_s[:, [0, 2]], [[0.4, 0.6]], atol=0.002)


def test_a_wave_that_the_signal_cuts_says_so() -> None:
    inside, peak = probabilities([(-0.1, 0.0, 0.1), (3.9, 3.99, 4.3)])
    runs = find(inside[None], peak[None], 2)
    assert runs.is_cut.tolist() == [[True, False], [False, True]]
    assert runs.confidence[0, 0] == 0.0
    assert runs.confidence[1, 2] == 0.0


def test_nothing_is_found_where_nothing_is() -> None:
    runs = find(np.full((3, 100), 0.3, np.float32), np.zeros((3, 100), np.float32), 1)
    assert runs.time_s.shape == (0, 3)
    assert runs.lead.shape == (0,)


def test_runs_equal_those_of_a_slow_scan() -> None:
    rng = np.random.default_rng(1)
    walk = np.cumsum(rng.normal(0, 0.8, (4, 2000)), axis=1)
    inside = (1 / (1 + np.exp(-(walk - np.median(walk, axis=1, keepdims=True))))).astype(np.float32)
    runs = find(inside, inside, 0)
    slow = []
    for lead, row in enumerate(inside):
        found, start = [], None
        for i in range(len(row) + 1):
            is_inside = i < len(row) and row[i] >= 0.5
            if is_inside and start is None:
                start = i
            elif not is_inside and start is not None:
                onset = start if start == 0 else start - (row[start] - 0.5) / (row[start] - row[start - 1])
                offset = i - 1 if i == len(row) else i - 1 + (row[i - 1] - 0.5) / (row[i - 1] - row[i])
                if found and onset - found[-1][1] < 0.020 * FS_HZ:
                    found[-1][1] = offset
                else:
                    found.append([onset, offset])
                start = None
        slow += [(lead, a / FS_HZ, b / FS_HZ) for a, b in found if b - a >= 0.020 * FS_HZ]
    np.testing.assert_allclose(np.column_stack([runs.lead, runs.time_s[:, [0, 2]]]), slow, atol=1e-5)
