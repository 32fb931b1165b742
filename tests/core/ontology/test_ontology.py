"""Label systems: complete, consistent with each other, nothing matched by name."""

from __future__ import annotations

import numpy as np

from physioclr_core.ontology.cinc import SINUS_RHYTHM, cinc_classes, cinc_labels, cinc_weights
from physioclr_core.ontology.cpsc import SNOMED_OF_TEXT_CODE
from physioclr_core.ontology.snomed import snomed_concepts


def test_the_classes_hold_the_scored_codes_each_once_with_four_pairs_merged() -> None:
    codes = [code for codes in cinc_classes() for code in codes]
    assert len(cinc_classes()) == 26
    assert len(codes) == len(set(codes)) == 30
    assert set(codes) == {code for code, concept in snomed_concepts().items() if concept.is_scored}
    assert sum(len(codes) == 2 for codes in cinc_classes()) == 4


def test_codes_that_the_challenge_takes_as_equal_are_one_class_and_others_are_none() -> None:
    left, complete_left = "164909002", "733534002"
    assert cinc_labels([left]).tolist() == cinc_labels([complete_left]).tolist()
    assert cinc_labels([left]).sum() == 1
    assert cinc_labels([left, SINUS_RHYTHM]).sum() == 2
    assert not cinc_labels(["164931005", "0"]).any()


def test_the_weights_are_symmetrical_and_one_on_the_diagonal() -> None:
    weights = cinc_weights()
    assert weights.shape == (26, 26)
    np.testing.assert_allclose(weights, weights.T)
    np.testing.assert_array_equal(np.diag(weights), 1.0)


def test_text_codes_lead_to_concepts_that_the_challenge_knows() -> None:
    names = {text: snomed_concepts()[code].name for text, code in SNOMED_OF_TEXT_CODE.items()}
    assert names["AF"] == "atrial fibrillation"
    assert names["I-AVB"] == "1st degree av block"
    assert names["LBBB"] == "left bundle branch block"
    assert names["Normal"] == "sinus rhythm"
    assert names["PAC"] == "premature atrial contraction"
    assert names["PVC"] == "ventricular ectopics"
    assert names["RBBB"] == "right bundle branch block"
    assert names["STD"] == "st depression"
    assert names["STE"] == "st elevation"
