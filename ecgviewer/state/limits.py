"""What the model says of its own limits, in words: prediction set, abstention, unlikeness to known ECGs."""

from __future__ import annotations

from ecgviewer.jobs.protocol import Predictions

SET_MARK = "•"


def abstains(predictions: Predictions) -> bool:
    """Whether the model abstains from suggesting anything; False where that is unknown."""
    return bool(predictions.abstention)


def shows_set(predictions: Predictions) -> bool:
    """Whether the prediction set means anything: it is promised for ECGs like the known ones, and small enough."""
    return predictions.set_level is not None and not abstains(predictions)


def set_size(predictions: Predictions) -> int:
    """Return how many statements the prediction set holds."""
    return sum(bool(finding.is_in_set) for finding in predictions.findings)


def notice_text(predictions: Predictions) -> str:
    """Return what has to be said before the suggestions; empty where there is nothing."""
    n_all = len(predictions.findings)
    match predictions.abstention:
        case "unlike":
            return (
                "This ECG is unlike those the model learnt from, so it abstains: read what is over threshold with "
                "caution."
            )
        case "empty":
            return f"The model abstains: none of its {n_all} statements is likely enough."
        case "too large":
            n = set_size(predictions)
            return f"The model abstains: {n} of its {n_all} statements remain possible, too many to suggest any."
    return ""


def distance_text(predictions: Predictions) -> str:
    """Return the distance to known ECGs with its limit; empty where it is unknown."""
    distance, limit = predictions.distance, predictions.distance_limit
    if distance is None or limit is None:
        return ""
    return f"Distance to the ECGs the model learnt from: {distance:.2f}, its limit: {limit:.2f}."


def limits_text(predictions: Predictions) -> str:
    """Return the line on prediction set or distance, and what this model leaves unknown."""
    if predictions.reason is not None:
        return ""
    if predictions.abstention == "unlike":
        return distance_text(predictions)
    unknown = []
    if predictions.set_level is None:
        unknown.append("prediction set")
    if predictions.distance is None:
        unknown.append("likeness to the ECGs it learnt from")
    if unknown:
        left = f"Unknown for this model: {' and '.join(unknown)}."
        return f"{_promise(predictions)} {left}" if shows_set(predictions) else left
    return _promise(predictions) if shows_set(predictions) else ""


def _promise(predictions: Predictions) -> str:
    """Return what the set is worth: a mean over ECGs of like kind, no promise for this one."""
    n, level = set_size(predictions), predictions.set_level
    assert level is not None
    size = "None" if n == 0 else f"{SET_MARK} {n}"
    held = f"{size} of {len(predictions.findings)} in the prediction set. For ECGs like those learnt from"
    right = predictions.set_right
    of_such = "" if not n or right is None else f"; {100 * right:.0f} % of a set this size does"
    return f"{held}, sets hold {100 * level:g} % of what applies{of_such}."
