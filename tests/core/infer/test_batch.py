from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, to_adu, write_wfdb

from physioclr_core.infer.batch import assess_records
from physioclr_core.infer.model import EcgModel
from physioclr_core.readers import read_record


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    """Thirty records: the 7th cannot be read, the 11th is too short, the 13th is of half a minute."""
    folder = tmp_path_factory.mktemp("records")
    found = []
    for index in range(30):
        signal = {11: real_signal_mv(index)[:, :300], 13: long_signal_mv(3000, index)}.get(index, real_signal_mv(index))
        path = write_wfdb(folder / f"r{index:02d}", to_adu(signal))
        found.append((f"label {index}", path))
    (folder / "r07.dat").unlink()
    return found


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_outcomes_come_in_order_whatever_happens_to_the_others(
    model: EcgModel, records: list[tuple[str, Path]], n_workers: int
) -> None:
    outcomes = list(assess_records(records, model, n_workers))
    assert [outcome.label for outcome in outcomes] == [label for label, _ in records]
    for index, outcome in enumerate(outcomes):
        assert (outcome.error is not None) == (index == 7)
        assert (outcome.not_assessed is not None) == (index == 11)
        assert (outcome.assessment is None) == (index in {7, 11})
    for index in (0, 13, 29):
        alone, assessment = model.assess(read_record(records[index][1])), outcomes[index].assessment
        assert assessment is not None
        assert assessment.n_windows == alone.n_windows
        np.testing.assert_allclose(assessment.probability, alone.probability, atol=2e-6)
        np.testing.assert_allclose(assessment.embedding, alone.embedding, atol=1e-4)


def test_no_records_no_outcomes(model: EcgModel) -> None:
    assert list(assess_records([], model)) == []


def test_an_archive_is_read_as_it_goes_and_stopping_stops_the_reading(
    model: EcgModel, records: list[tuple[str, Path]]
) -> None:
    n_taken = 0

    def endless() -> Iterator[tuple[str, Path]]:
        nonlocal n_taken
        while True:
            n_taken += 1
            yield records[0]

    outcomes = assess_records(endless(), model, n_workers=2)
    for _ in range(10):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert n_taken < 200


@pytest.mark.slow
def test_processes_give_what_threads_give_in_the_same_order(model: EcgModel, records: list[tuple[str, Path]]) -> None:
    many = [(f"{label} {turn}", path) for turn in range(14) for label, path in records]
    outcomes = list(assess_records(many, model, n_workers=2))
    assert [outcome.label for outcome in outcomes] == [label for label, _ in many]
    alone = list(assess_records(records, model, n_workers=1))
    for turn in (0, 13):
        for one, other in zip(alone, outcomes[turn * len(records) : (turn + 1) * len(records)], strict=True):
            assert (one.error, one.not_assessed) == (other.error, other.not_assessed)
            if one.assessment is not None:
                assert other.assessment is not None
                np.testing.assert_allclose(one.assessment.probability, other.assessment.probability, atol=2e-6)
