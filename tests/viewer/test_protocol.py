from __future__ import annotations

import json

import pytest

from ecgviewer.jobs.protocol import (
    Analyse,
    Cancel,
    Explain,
    Explanation,
    Failed,
    Finding,
    HeartRate,
    LibraryRecord,
    Message,
    Neighbour,
    OpenLibraryRecord,
    Predictions,
    Progress,
    Ready,
    Similar,
    Wave,
    Without,
    decode,
    encode,
)

FINDING = Finding("AFIB", "Atrial fibrillation", "Rhythm", 0.93, None, 7, True)
NEIGHBOUR = Neighbour(3, "PTB-XL 00042", 0.05, ["SR", "NORM"], None, True, "female")
WAVE = Wave("P", None, 1.25, 1.35)
MESSAGES: list[Message] = [
    Analyse(1, "/x/1.npy", 257.5, ["I", "II"], "rec \u00e9\n", "ptbxl:7", 3),
    OpenLibraryRecord(2, 17, "/x/2.npy"),
    Ready("CPU", "no usable CUDA device", "m 01234567", "0" * 64, 2800, "PTB-XL", "/x/card.md"),
    Failed("It failed.", 4),
    Failed("It did not start."),
    HeartRate(5, 72.5),
    HeartRate(5, None, "all leads are flat"),
    Predictions(6, None, [FINDING, FINDING], 3, [5.0, 15.0]),
    Predictions(6, "lead V3 not recorded", [], 0, None),
    Similar(7, None, [NEIGHBOUR], ["PTB-XL 00001: the same signal"], True, 0.13, "/x/7.npy", 100.0),
    Similar(7, "too short", [], [], False, 0.13, None, 0.0),
    LibraryRecord(8, "/x/8.npy", 100.0, ["I"], NEIGHBOUR),
    Explain(9, "AFIB", "/x/9.npy", 500.0, ["I", "II"], "rec", [0.0, 10.0]),
    Cancel(9),
    Progress(9, 16, 480),
    Explanation(
        9, "AFIB", None, "/x/9.effects.npy", ["I"], [WAVE], [Without("P waves", 0.5)], 0.9, 0.8, [0.0, 10.0], 1
    ),
    Explanation(9, "AFIB", "too short", None, [], [], [], None, None, None, 0),
    Predictions(6, None, [Finding("AFIB", "", "Other", 0.9, 0.2, 70, True, False)], 1, None, 0.9, "unlike", 2.5, 1.8),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_every_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_every_kind_of_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(Message.__args__)  # type: ignore[attr-defined]


def test_what_json_cannot_hold_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(HeartRate(1, float("nan")))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense\n",
        b"[1, 2]\n",
        b"null\n",
        b"7\n",
        b'{"job": 1}\n',
        b'{"kind": "dance", "job": 1}\n',
        b'{"kind": [], "job": 1}\n',
        b'{"kind": {}, "job": 1}\n',
        b'{"kind": null}\n',
        b'{"kind": "heart_rate", "job": 1}\n',
        b'{"kind": "heart_rate", "job": 1, "bpm": 60, "reason": "", "more": 1}\n',
        b"\xff\xfe\n",
        encode(MESSAGES[7])[:-40] + b"\n",
    ],
)
def test_what_is_no_message_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own text, or the protocol's)
        decode(line)


@pytest.mark.parametrize("message", [MESSAGES[7], MESSAGES[9], MESSAGES[11]], ids=lambda message: message.kind)
def test_parts_of_another_shape_are_a_value_error(message: Message) -> None:
    values = json.loads(encode(message))
    name = {"predictions": "findings", "similar": "neighbours", "library_record": "neighbour"}[message.kind]
    part = values[name][0] if isinstance(values[name], list) else values[name]
    part["surprise"] = 1
    with pytest.raises(ValueError, match="not a message of this protocol"):
        decode(json.dumps(values).encode())
    values[name] = 7
    with pytest.raises(ValueError, match="not a message of this protocol"):
        decode(json.dumps(values).encode())
