"""Why an ECG of the library is similar: what the two measure alike, block by block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.library.reference import ReferenceLibrary
from physioclr_core.physiology.analysis import analyse, analyse_record
from physioclr_core.physiology.features.scaling import load_scaling
from physioclr_core.physiology.features.similarity import PairSimilarity, pair_similarity
from physioclr_core.physiology.features.vector import FeatureVector
from physioclr_core.record import EcgRecord, Sex


class LibraryPhysiology:
    """Compares records with entries of a library by their features; an entry is measured when it is first asked for.

    Neighbours are found by their embeddings. This says what such a nearness looks like in milliseconds and millivolts,
    and where there is none: a neighbour may be close and yet of another rhythm.

    Parameters
    ----------
    library : ReferenceLibrary
    """

    def __init__(self, library: ReferenceLibrary) -> None:
        self._library = library
        self._scaling = load_scaling()
        self._measured: dict[int, FeatureVector] = {}

    def compared(self, record: EcgRecord, entries: Sequence[int]) -> list[PairSimilarity]:
        """Compare a record with entries; where hardly anything can be measured in one of the two, no block is known.

        Parameters
        ----------
        record : EcgRecord
        entries : sequence of int
            Numbers of library entries.
        """
        own = analyse_record(record).features
        return [self._compared(own, self._features_of(entry)) for entry in entries]

    def _features_of(self, entry: int) -> FeatureVector:
        if entry not in self._measured:
            told = self._library.entries[entry].sex
            sex: Sex | None = "male" if told == "male" else "female" if told == "female" else None
            found = analyse(self._library.signal_mv(entry), self._library.fs_hz, STANDARD_LEADS, sex=sex)
            self._measured[entry] = found.features
        return self._measured[entry]

    def _compared(self, a: FeatureVector, b: FeatureVector) -> PairSimilarity:
        scores = [np.asarray(self._scaling.scores_of(each.values, each.is_valid)) for each in (a, b)]
        return pair_similarity(scores[0], a.is_valid, scores[1], b.is_valid)
