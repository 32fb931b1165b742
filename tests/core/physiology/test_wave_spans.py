from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from real_records import entries_with, real_signal_mv, record_of

from physioclr_core.physiology.analysis import waves_of_record
from physioclr_core.physiology.marks import QRS, Delineation, WaveState
from physioclr_core.physiology.wave_spans import WaveSpan, span_groups, span_times_s, wave_spans


def delineation_of(entry: int) -> Delineation:
    return waves_of_record(record_of(real_signal_mv(entry)))


@pytest.fixture(scope="module")
def sinus() -> Delineation:
    entry = next(e for e in entries_with("NORM", [9]) if "SR" in e.statements)
    return delineation_of(entry.entry)


def test_a_beat_in_sinus_rhythm_has_p_qrs_and_st_t_one_after_another(sinus: Delineation) -> None:
    spans, reason = wave_spans(sinus)
    assert reason == ""
    waves = [[span.wave for span in spans if span.beat == beat] for beat in range(1, len(sinus.beats) + 1)]
    assert waves.count(["P", "QRS", "ST-T"]) >= 0.7 * len(sinus.beats)
    for before, after in zip(spans, spans[1:], strict=False):
        assert before.end_s <= after.start_s + 0.03
    qrs = next(span for span in spans if span.wave == "QRS")
    marks = sinus.global_s[0]
    assert (qrs.start_s, qrs.end_s) == (marks[3], marks[5])


def test_in_atrial_fibrillation_the_stretch_before_the_qrs_complex_stands_for_the_p_wave() -> None:
    n_found = 0
    for entry in entries_with("AFIB", [9])[:6]:
        delineation = delineation_of(entry.entry)
        spans, _ = wave_spans(delineation)
        if "P" in {span.wave for span in spans}:
            continue
        n_found += 1
        stretches = [span for span in spans if span.wave == "TQ"]
        assert len(stretches) >= 0.6 * len(delineation.beats)
        qrs_on = {span.beat: span.start_s for span in spans if span.wave == "QRS"}
        assert all(span.end_s == qrs_on[span.beat] for span in stretches)
        assert all(0.0 < span.end_s - span.start_s <= 1.5 for span in stretches)
    assert n_found >= 3


def test_spans_are_cut_to_the_stretch_and_its_beats_are_counted_from_one(sinus: Delineation) -> None:
    spans, _ = wave_spans(sinus, 3.0, 6.0)
    times_s = span_times_s(spans)
    assert times_s.min() >= 3.0
    assert times_s.max() <= 6.0
    assert (times_s[:, 1] > times_s[:, 0]).all()
    numbers = [span.beat for span in spans]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))


def test_a_beat_whose_qrs_complex_is_not_known_is_a_whole_beat_by_its_rr_interval(sinus: Delineation) -> None:
    state = sinus.global_state.copy()
    state[3, QRS] = WaveState.NOT_MEASURABLE
    spans, _ = wave_spans(replace(sinus, global_state=state))
    (beat,) = [span for span in spans if span.wave == "beat"]
    r_s = sinus.beats.r_s
    assert beat.beat == 4
    assert r_s[2] < beat.start_s < r_s[3] < beat.end_s < r_s[4]
    assert [span.wave for span in spans if span.beat == 4] == ["beat"]


def test_p_waves_that_lead_to_no_beat_are_spans_without_a_number() -> None:
    found: list[WaveSpan] = []
    for entry in entries_with("3AVB"):
        delineation = delineation_of(entry.entry)
        spans, _ = wave_spans(delineation)
        alone = [span for span in spans if span.beat is None]
        found += alone
        if alone:
            assert len({row[0] for row in delineation.other_p_s}) >= 2
    assert len(found) >= 5
    assert {span.wave for span in found} == {"P"}
    assert all(0.03 <= span.end_s - span.start_s <= 0.25 for span in found)
    assert found[0].text.startswith("P without a beat at ")


def test_where_no_beat_is_found_there_is_a_reason() -> None:
    spans, reason = wave_spans(waves_of_record(record_of(np.full((12, 1000), 0.1))))
    assert spans == ()
    assert reason == "all leads are flat"
    spans, reason = wave_spans(delineation_of(0), 3.0, 3.001)
    assert (spans, reason) == ((), "no beat was found in this stretch")


def test_groups_are_all_waves_of_a_name_and_all_waves_of_a_beat(sinus: Delineation) -> None:
    spans, _ = wave_spans(sinus)
    groups = span_groups(spans)
    assert [spans[k].wave for k in groups["all QRS complexes"]] == ["QRS"] * len(groups["all QRS complexes"])
    assert {spans[k].beat for k in groups["beat 2"]} == {2}
    by_name = [k for name, members in groups.items() if name.startswith("all ") for k in members]
    assert sorted(by_name) == list(range(len(spans)))
