"""An answer of the reader that asks back."""

from __future__ import annotations


class MissingFacts(str):
    """A sentence on a table that was not read because a person has to say what it holds."""

    __slots__ = ()
