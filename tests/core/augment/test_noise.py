"""Electrode noise beside the table it is drawn from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from physioclr_core.augment.electrodes import lead_matrix
from physioclr_core.augment.noise import electrode_noise_mv, noise_table


def noise_at(fs_hz: float, n_records: int = 1000) -> npt.NDArray[np.float64]:
    n_samples = min(int(4.0 * fs_hz), 1000)
    return electrode_noise_mv(n_records, n_samples, fs_hz, np.random.default_rng(0)).astype(np.float64)


def expected_mean_square(quantiles: npt.NDArray[np.float64]) -> float:
    return float((np.interp(np.linspace(0, 1, 10_001), np.linspace(0, 1, len(quantiles)), quantiles) ** 2).mean())


@pytest.mark.parametrize("fs_hz", [50.0, 100.0, 250.0, 500.0])
def test_its_density_is_that_of_the_table_at_every_sampling_rate(fs_hz: float) -> None:
    table = noise_table()
    noise = noise_at(fs_hz)[:, :2]
    rate_hz = np.fft.rfftfreq(noise.shape[2], 1.0 / fs_hz)
    # One-sided density in mV^2/Hz, mean over records; and the same from the table.
    density = (np.abs(np.fft.rfft(noise, axis=2)) ** 2).mean(axis=(0, 1)) * 2.0 / fs_hz / noise.shape[2]
    fine_hz = np.arange(0.0, 50.0, 0.01)
    area = np.interp(fine_hz, table["rate_hz"], table["density"]).mean() * 50.0
    # A limb lead is the difference of two electrodes.
    power = 2.0 * expected_mean_square(table["limb_rms_mv"])
    expected = np.interp(rate_hz, table["rate_hz"], table["density"]) / area * power
    inside = (rate_hz > 0.0) & (rate_hz < min(45.0, fs_hz / 2.0))
    np.testing.assert_allclose(density[inside] / expected[inside], 1.0, atol=0.3)
    assert np.mean(density[inside] / expected[inside]) == pytest.approx(1.0, abs=0.08)
    assert density[rate_hz > 60.0].sum() < 0.05 * density.sum()  # as the table ends
    assert abs(noise.mean(axis=2)).max() < 1e-6


def test_amplitudes_over_records_are_those_of_the_table() -> None:
    table = noise_table()
    noise = noise_at(100.0, 3000)
    quantiles = np.linspace(0.1, 0.9, 9)
    # Differences of two electrodes of one kind; over 4 s the amplitude of a record is known within some percent.
    limb = np.sqrt((noise[:, :2] ** 2).mean(axis=(1, 2)) / 2.0)
    chest = np.sqrt((np.diff(noise[:, 6:], axis=1) ** 2).mean(axis=(1, 2)) / 2.0)
    for measured, name in ((limb, "limb_rms_mv"), (chest, "chest_rms_mv")):
        expected = np.interp(quantiles, np.linspace(0, 1, len(table[name])), table[name])
        np.testing.assert_allclose(np.quantile(measured, quantiles), expected, rtol=0.08)


def test_leads_are_differences_of_electrodes() -> None:
    electrodes = np.random.default_rng(0).standard_normal((9, 50))
    ra, la, ll = electrodes[:3]
    expected = [la - ra, ll - ra, ll - la, ra - (la + ll) / 2, la - (ra + ll) / 2, ll - (ra + la) / 2]
    expected += [chest - (ra + la + ll) / 3 for chest in electrodes[3:]]
    np.testing.assert_allclose(lead_matrix() @ electrodes, expected, atol=1e-6)
    np.testing.assert_allclose(lead_matrix().sum(axis=1), 0.0, atol=1e-6)  # what all electrodes share is not seen
