from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from synthetic_ecg import LeadWaves, standard_waves, synthetic_ecg

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.lead_measures import LeadMeasures, lead_measures
from physioclr_core.physiology.median_beat import median_beat
from physioclr_core.physiology.voltage import cornell_mv, cornell_product_mv_ms, sokolow_lyon_mv


def measures_of(lead_names: tuple[str, ...] = STANDARD_LEADS, **amplitudes: dict[str, float]) -> LeadMeasures:
    """Return measures of 0.1 mV everywhere but for the named ones: ``s_mv={"V1": -1.2}``."""
    columns = {
        field.name: np.full(len(lead_names), 0.1) for field in fields(LeadMeasures) if field.name != "lead_names"
    }
    for name, by_lead in amplitudes.items():
        for lead, value in by_lead.items():
            columns[name][lead_names.index(lead)] = value
    return LeadMeasures(lead_names=lead_names, **columns)


def test_the_sums_are_those_of_their_definitions() -> None:
    measures = measures_of(s_mv={"V1": -1.2, "V3": -0.9}, r_mv={"V5": 2.0, "V6": 2.4, "aVL": 0.7})
    assert sokolow_lyon_mv(measures) == pytest.approx(1.2 + 2.4)
    assert cornell_mv(measures) == pytest.approx(0.7 + 0.9)
    assert cornell_product_mv_ms(measures, 100.0, "male") == pytest.approx(160.0)
    assert cornell_product_mv_ms(measures, 100.0, "female") == pytest.approx(220.0)


def test_a_second_wave_counts_where_it_is_larger() -> None:
    measures = measures_of(s_mv={"V1": -0.2}, s_prime_mv={"V1": -0.8}, r_mv={"V5": 1.0}, r_prime_mv={"V5": 1.5})
    assert sokolow_lyon_mv(measures) == pytest.approx(2.3)


@pytest.mark.parametrize("missing", ["V1", "V5", "V6"])
def test_sokolow_lyon_needs_its_three_leads(missing: str) -> None:
    assert math.isnan(sokolow_lyon_mv(measures_of(tuple(x for x in STANDARD_LEADS if x != missing))))
    unmeasured = {name: {missing: math.nan} for name in ("r_mv", "s_mv", "r_prime_mv", "s_prime_mv")}
    assert math.isnan(sokolow_lyon_mv(measures_of(**unmeasured)))


def test_cornell_needs_its_leads_the_sex_and_the_duration() -> None:
    measures = measures_of()
    assert math.isnan(cornell_mv(measures_of(("I", "II", "aVL"))))
    assert math.isnan(cornell_product_mv_ms(measures, 100.0, None))
    assert math.isnan(cornell_product_mv_ms(measures, math.nan, "male"))


def test_a_qs_complex_counts_as_s() -> None:
    ecg = synthetic_ecg(waves=standard_waves(V1=LeadWaves(p=0.05, s=-1.5, t=0.1)))
    measures = lead_measures(median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation))
    assert sokolow_lyon_mv(measures) == pytest.approx(1.5 + 1.4, abs=0.03)
