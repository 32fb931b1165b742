"""An error's sentence in two parts: what is read at once, and the list that is there for whoever asks."""

from __future__ import annotations

_LIST = "; readable are "


def short_and_more(sentence: str) -> tuple[str, str]:
    """Return the sentence without its list of readable formats, and that list as a sentence; empty without one."""
    short, found, formats = sentence.partition(_LIST)
    return (f"{short}.", f"Readable are {formats}") if found else (sentence, "")
