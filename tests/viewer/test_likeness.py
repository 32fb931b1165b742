"""Why a neighbour is near, in the protocol, in words and as bars."""

from __future__ import annotations

from dataclasses import replace

from viewer_doubles import similar

from ecgviewer.jobs.protocol import Likeness, Similar, decode, encode
from ecgviewer.state.similar import accessible_text, likeness_text

BLOCKS = {"rhythm": 0.91, "conduction": -0.2, "repolarisation": None, "morphology": 0.4}
LIKENESS = Likeness(BLOCKS, ["pr_ms", "t_v2_mv"], ["rr_cosen"])


def test_a_likeness_survives_the_way_between_the_processes() -> None:
    message = similar()
    message = replace(message, neighbours=[replace(message.neighbours[0], likeness=LIKENESS), *message.neighbours[1:]])
    back = decode(encode(message))
    assert isinstance(back, Similar)
    assert back == message
    assert back.neighbours[1].likeness is None


def test_it_is_said_block_by_block_and_unknown_is_said_as_unknown() -> None:
    text = likeness_text(LIKENESS)
    assert "rhythm +0.91, conduction -0.20, repolarisation --, morphology +0.40" in text
    assert "Most alike: pr, t v2. Least: rr cosen" in text
    assert likeness_text(None) == ""


def test_a_screen_reader_hears_it_with_the_row() -> None:
    neighbour = replace(similar().neighbours[0], likeness=LIKENESS)
    assert "conduction -0.20" in accessible_text(neighbour)
