from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_ecg import synthetic_ecg

from physioclr_core.data.beat_crops import BeatCrops, beats_of_marks
from physioclr_core.data.ludb import MarkedRecord
from physioclr_core.data.synthetic_noise import NoiseConfig, synthetic_noise
from physioclr_core.data.wave_crops import TaughtRecord, WaveCrops
from physioclr_core.physiology.network_input import network_signal
from physioclr_core.train import beats, waves

QUIET = NoiseConfig(muscle=(0.0, 0.0), motion=(0.0, 0.0), wander=(0.0, 0.0), mains=(0.0, 0.0))


def marked_ecg() -> MarkedRecord:
    """Return a synthetic ECG with its true marks in the form of LUDB's."""
    ecg = synthetic_ecg(500.0, [0.8] * 11, noise_mv=0.003)
    waves_s = []
    for marks in ecg.delineation.lead_s:
        rows = [(wave, *beat[3 * wave : 3 * wave + 3]) for beat in marks for wave in range(3)]
        lead = np.array([row for row in rows if np.isfinite(row[2])])
        waves_s.append(lead[np.argsort(lead[:, 2])])
    span = np.array([(w[:, 1].min(), w[:, 3].max()) for w in waves_s])
    return MarkedRecord("1", ecg.signal_mv, 500.0, tuple(waves_s), span)


def wave_crops(taught: list[TaughtRecord] | None = None, **changes: object) -> WaveCrops:
    config = replace(waves.DEFAULT.crops, **{"noise": QUIET, "flip_share": 0.0, "gain_sd": 0.0, **changes})
    return WaveCrops([marked_ecg()], taught or [], config)


def test_the_same_seed_makes_the_same_batch() -> None:
    for make in (wave_crops(noise=waves.DEFAULT.crops.noise).batch, beat_crops().batch):
        first, again, other = (make(np.random.default_rng(seed)) for seed in (3, 3, 4))
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert any(a.shape != b.shape or (a != b).any() for a, b in zip(first, other, strict=True))


def test_targets_lie_where_the_waves_are_however_time_is_warped() -> None:
    crops = wave_crops(n_leads=(12,), longer_pr=(1.0, 0.2), diastole=(1.0, 0.3, 1.4), stretch=0.3)
    ecg, target, weight = crops.batch(np.random.default_rng(0))
    assert ecg.shape == (16, 12, 1024)
    assert target.shape == weight.shape == (16, 12, 6, 1024)
    energy = np.square(np.diff(ecg, axis=-1)).sum(axis=1)
    inside = (target[:, :, 1] > 0.5).any(axis=1)[:, 1:] & (weight[:, 0, 1, 1:] > 0)
    outside = (target[:, :, 1] < 0.1).all(axis=1)[:, 1:] & (weight[:, 0, 1, 1:] > 0)
    assert energy[inside].mean() > 20 * energy[outside].mean()  # slopes are those of QRS complexes


def test_pr_segments_are_drawn_out_and_qrs_complexes_are_not() -> None:
    plain = wave_crops(n_leads=(12,), longer_pr=(0.0, 0.0), diastole=(0.0, 1, 1), stretch=0.0)
    long = wave_crops(n_leads=(12,), longer_pr=(1.0, 0.2), diastole=(0.0, 1, 1), stretch=0.0)

    def durations(crops: WaveCrops, wave: int) -> np.ndarray:
        _, target, _ = crops.batch(np.random.default_rng(1))
        edges = np.diff((target[:, 1, wave] > 0.5).astype(int), axis=-1)
        starts, ends = np.nonzero(edges == 1), np.nonzero(edges == -1)
        pairs = [e - s for b, s in zip(*starts, strict=True) for e in ends[1][ends[0] == b] if 0 < e - s < 100]
        return np.array(pairs)

    assert np.median(durations(plain, 1)) == np.median(durations(long, 1))

    def pr(crops: WaveCrops) -> float:
        _, target, _ = crops.batch(np.random.default_rng(1))
        gaps = []
        for row in target[:, 1]:
            p_off = np.flatnonzero(np.diff((row[0] > 0.5).astype(int)) == -1)
            qrs_on = np.flatnonzero(np.diff((row[1] > 0.5).astype(int)) == 1)
            gaps += [qrs_on[qrs_on > p][0] - p for p in p_off if (qrs_on > p).any()]
        return float(np.median(gaps))

    assert pr(long) > pr(plain) + 10


def test_nothing_is_known_outside_the_marked_span_or_the_record() -> None:
    record = marked_ecg()
    crops = WaveCrops(
        [replace(record, span_s=np.full((12, 2), [3.0, 5.0]))], [], replace(waves.DEFAULT.crops, n_leads=(12,))
    )
    _, _, weight = crops.batch(np.random.default_rng(0))
    assert 0 < weight.mean() < 0.8
    assert ((weight == 0) | (weight == 1)).all()


def test_taught_records_count_as_far_as_they_are_believed() -> None:
    signal = network_signal(marked_ecg().signal_mv, 500.0)
    believed = np.array([0, 1, 1, 0, 1, 1], np.float32)
    taught = TaughtRecord(signal, np.full((12, 6, signal.shape[1]), 102, np.uint8), believed)
    _, target, weight = wave_crops([taught], taught_share=1.0, n_leads=(3,)).batch(np.random.default_rng(0))
    np.testing.assert_allclose(target, 0.4)
    assert (weight[:, :, [0, 3]] == 0).all()
    assert (weight[:, :, 1].max(axis=-1) == 1).all()


def beat_crops(**changes: object) -> BeatCrops:
    config = replace(beats.DEFAULT.crops, **changes)
    record = beats_of_marks(marked_ecg())
    return BeatCrops([replace(record, signal_mv=record.signal_mv[:2])], [record], config)


@pytest.mark.parametrize("n_leads", [1, 2, 3, 12])
def test_beat_targets_lie_at_the_beats(n_leads: int) -> None:
    crops = beat_crops(
        n_leads=(n_leads,),
        noise=QUIET,
        no_beat_share=0.0,
        tachycardia_share=0.0,
        dead_lead_share=0.0,
        flip_share=0.0,
        stretch=0.2,
    )
    ecg, target, weight = crops.batch(np.random.default_rng(0))
    assert ecg.shape[1:] == (n_leads, 2496)
    assert target.shape == weight.shape == (len(ecg), 1248)
    slope = np.abs(np.diff(ecg, axis=-1)).max(axis=1)[:, ::2]
    near, far = (target > 0.3) & (weight > 0), (target < 0.01) & (weight > 0)
    assert slope[near].mean() > 5 * slope[far].mean()


def test_crops_without_beats_say_so() -> None:
    ecg, target, weight = beat_crops(no_beat_share=1.0, n_leads=(2,)).batch(np.random.default_rng(0))
    assert (target == 0).all()
    assert (weight == 1).all()
    assert np.isfinite(ecg).all()
    assert ecg.std() > 0.1


def test_a_tachycardia_is_one_beat_upon_the_other() -> None:
    crops = beat_crops(
        n_leads=(2,), noise=QUIET, no_beat_share=0.0, tachycardia_share=1.0, dead_lead_share=0.0, flip_share=0.0
    )
    ecg, target, weight = crops.batch(np.random.default_rng(0))
    assert (weight == 1).all()
    for row, lead in zip(target, ecg[:, 0], strict=True):
        places = np.flatnonzero((row[1:-1] > 0.9) & (row[1:-1] >= row[:-2]) & (row[1:-1] > row[2:])) + 1
        rr_s = np.diff(places) * 0.008
        assert 60 / 240 < np.median(rr_s) < 60 / 125
        lag = int(round(np.median(rr_s) * 250))
        assert np.corrcoef(lead[:-lag], lead[lag:])[0, 1] > 0.5


def test_noise_has_the_share_and_size_that_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    assert not synthetic_noise(rng, 3, 500, 250.0, QUIET).any()
    mains = NoiseConfig(muscle=(0.0, 0.0), motion=(0.0, 0.0), wander=(0.0, 0.0), mains=(1.0, 0.5))
    noise = np.stack([synthetic_noise(rng, 1, 2500, 250.0, mains)[0] for _ in range(40)])
    assert np.abs(noise).max() <= 0.5
    spectrum = np.abs(np.fft.rfft(noise, axis=1))
    assert set(np.argmax(spectrum, axis=1) / 10) <= {50.0, 60.0}
