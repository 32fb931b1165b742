from __future__ import annotations

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv, record_of

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import NotAssessedError
from physioclr_core.physiology.explain import NotExplainedError, RecordExplanation, explain_record, label_index
from physioclr_core.record import EcgRecord
from physioclr_core.signal.resample import resample


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


def candidates(model: EcgModel, code: str, n: int) -> list[EcgRecord]:
    """Return real records that carry a statement and that the model finds it in."""
    label = model.manifest.labels[label_index(model.manifest, code)]
    assert label.threshold is not None
    found = []
    for entry in entries_with(code, [9]) + entries_with(code, range(1, 9)):
        record = record_of(real_signal_mv(entry.entry))
        if model.assess(record).probability[label_index(model.manifest, code)] >= label.threshold:
            found.append(record)
        if len(found) == n:
            break
    assert len(found) == n
    return found


def effect_of(found: RecordExplanation, code: str, group: str) -> float:
    if group not in found.group_names:
        return 0.0
    return float(found.of_label(code).group_effect[found.group_names.index(group)])


def test_p_waves_speak_for_first_degree_block_and_st_t_hardly(model: EcgModel) -> None:
    found = [explain_record(record, model) for record in candidates(model, "1AVB", 5)]
    p = [effect_of(each, "1AVB", "all P waves") for each in found]
    st_t = [effect_of(each, "1AVB", "all ST-T") for each in found]
    assert np.median(p) > 2.0
    assert np.median(p) > 2.0 * np.median(st_t)


@pytest.mark.parametrize("code", ["CLBBB", "CRBBB"])
def test_qrs_complexes_speak_for_bundle_branch_block(model: EcgModel, code: str) -> None:
    found = [explain_record(record, model) for record in candidates(model, code, 4)]
    qrs = [effect_of(each, code, "all QRS complexes") for each in found]
    assert np.median(qrs) > 2.0
    for each, effect in zip(found, qrs, strict=True):
        # In right bundle branch block ST-T may be worth more (attribution.md).
        assert effect > max(0.5, effect_of(each, code, "all P waves"))


def test_rows_are_the_models_leads_and_columns_the_waves_in_order(model: EcgModel) -> None:
    found = explain_record(record_of(real_signal_mv(3)), model)
    attribution = found.of_label("NORM")
    assert found.lead_names == model.manifest.input.leads
    assert attribution.effect.shape == (12, len(found.spans))
    assert attribution.group_effect.shape == (len(found.group_names),)
    assert (found.window_s, found.n_windows) == ((0.0, 10.0), 1)
    expected = model.assess(record_of(real_signal_mv(3))).probability[label_index(model.manifest, "NORM")]
    assert found.probability("NORM", attribution.logit) == pytest.approx(float(expected), abs=1e-5)


def test_the_same_ecg_at_another_rate_is_explained_alike(model: EcgModel) -> None:
    slow = explain_record(record_of(real_signal_mv(300)), model)
    fast = explain_record(record_of(resample(real_signal_mv(300), 100.0, 500.0), 500.0), model)
    for group in ("all QRS complexes", "all ST-T"):
        assert effect_of(fast, "CRBBB", group) == pytest.approx(effect_of(slow, "CRBBB", group), abs=0.6)


def test_of_a_long_record_the_window_in_sight_is_explained(model: EcgModel) -> None:
    record = record_of(long_signal_mv(3000))
    found = explain_record(record, model, in_sight_s=(11.0, 19.0))
    assert (found.window_s, found.n_windows) == ((10.0, 20.0), 5)
    assert all(10.0 <= span.start_s < span.end_s <= 20.0 for span in found.spans)


def test_without_a_stretch_in_sight_the_most_probable_window_is_explained(model: EcgModel) -> None:
    entry = candidates(model, "CRBBB", 1)[0]
    plain = entries_with("NORM", [9])
    parts = [real_signal_mv(plain[0].entry), real_signal_mv(plain[1].entry), entry.signal_mv]
    joined = [part - part[:, :1] for part in parts]
    record = record_of(np.concatenate(joined, axis=1))
    found = explain_record(record, model, code="CRBBB")
    assert found.window_s == (20.0, 30.0)


def test_waves_far_into_a_long_record_lie_where_the_whole_record_has_them(model: EcgModel) -> None:
    record = record_of(long_signal_mv(12000))
    far = explain_record(record, model, in_sight_s=(100.0, 110.0))
    alone = explain_record(record_of(record.signal_mv[:, 10000:11000]), model)
    assert far.window_s == (100.0, 110.0)
    qrs = [np.array([s.start_s for s in each.spans if s.wave == "QRS"]) for each in (far, alone)]
    assert np.abs(qrs[0][1:-1, None] - 100.0 - qrs[1]).min(axis=1).max() < 0.02


def test_what_is_not_assessed_is_not_explained(model: EcgModel) -> None:
    with pytest.raises(NotAssessedError, match="not recorded"):
        explain_record(record_of(real_signal_mv(0)[:2], lead_names=("II", "V5")), model)
    with pytest.raises(UserFacingError, match="has no such label"):
        explain_record(record_of(long_signal_mv(2000)), model, code="NONSENSE")


def test_a_record_without_beats_has_a_reason(model: EcgModel) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.002, (12, 1000))
    with pytest.raises(NotExplainedError, match="no waves to speak of: "):
        explain_record(record_of(noise), model)
