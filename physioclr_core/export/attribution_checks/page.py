"""The tables of the page about attributions, written from the figures between marks in its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from physioclr_core.errors import UserFacingError

Figures = Mapping[str, Any]

_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_RANKINGS = {
    "by weight": ("single waves", "by_attribution"),
    "by integrated gradients": ("integrated gradients", "by_attribution"),
    "all beats of a lead's wave at once": ("all beats of a lead's wave at once", "by_attribution"),
    "the largest deflections first": ("single waves", "by_size"),
    "by chance, mean of five orders": ("single waves", "by_chance"),
}
_WAVES = ("QRS", "ST-T", "P", "TQ")


def with_figures(page: str, found: Figures) -> str:
    """Return the page with every block of figures written anew; what stands between blocks stays.

    Parameters
    ----------
    page : str
        Markdown with blocks ``<!-- figures: NAME -->`` to ``<!-- end -->``.
    found : mapping
        What ``figures`` gives, as it was written to a file.

    Raises
    ------
    UserFacingError
        If the page lacks a block, or has one that is not known.
    """
    names = [name for _, name, _ in _BLOCK.findall(page)]
    if sorted(names) != sorted(_WRITERS):
        raise UserFacingError(f"The page must have each of the blocks {', '.join(_WRITERS)} once.")
    return _BLOCK.sub(lambda match: f"{match[1]}{_WRITERS[match[2]](found)}\n{match[3]}", page)


def _about(found: Figures) -> str:
    n_fold_9 = sum(each["n_of_fold_9"] for each in found["statements"].values())
    return (
        f"Figures of the model {found['model']}; {found['n_ecgs']} ECGs, {n_fold_9} of them of fold 9. Largest "
        "difference between the logits of the exported network and of the run's: "
        f"{found['largest_logit_difference_to_pytorch']}."
    )


def _randomisation(found: Figures) -> str:
    lines = ["| fresh weights in | of the values | its size, median | of the values without their signs |"]
    lines.append("|---|---|---|---|")
    for stage, each in found["randomisation"].items():
        if "sizes" in each:
            size = _number(each["values_without_sign"]["median"])
            lines.append(f"| {stage} | {_spread(each['values'])} | {size} | {_spread(each['sizes'])} |")
        else:
            lines.append(f"| ({stage.replace(' of', ',', 1)}) | {_spread(each['values'])} | | |")
    return "\n".join(lines)


def _agreement(found: Figures) -> str:
    each = found["agreement"]
    return "\n".join(
        [
            "| occlusion against | median (smallest to largest) |",
            "|---|---|",
            f"| gradient x (input - input without waves) | {_spread(each['gradient'])} |",
            f"| integrated gradients from the input without waves, 32 steps | {_spread(each['integrated'])} |",
            "",
            "| sums | median (smallest to largest) |",
            "|---|---|",
            "| what integrated gradients leave unexplained of the difference of the two logits | "
            f"{_spread(each['completeness'])} |",
            f"| sum of all single occlusions over their joint effect | {_spread(each['single_over_joint'])} |",
        ]
    )


def _deletion(found: Figures) -> str:
    curves, single = found["deletion"], found["deletion"]["single waves"]
    shares = " | ".join(f"{share:.0%}".replace("%", " %") for share in single["shares"])
    lines = [f"| share of cells out | 0 | {shares} | area, of 1 |", "|---|" + "---|" * (len(single["shares"]) + 2)]
    for name, (ranking, curve) in _RANKINGS.items():
        values = [*curves[ranking]["mean_probability"][curve], curves[ranking]["area"][curve]]
        lines.append(f"| {name} | {' | '.join(_number(value) for value in values)} |")
    counts = (
        f"{name}: {curves[ranking]['n_faster_than_chance']} and {curves[ranking]['n_faster_than_size']}"
        for name, (ranking, curve) in _RANKINGS.items()
        if curve == "by_attribution"
    )
    return "\n".join(
        [
            *lines,
            "",
            f"Faster than chance, and than the largest deflections first, of {single['n']}: {'; '.join(counts)}.",
        ]
    )


def _statements(found: Figures) -> str:
    lines = [
        "| statement | QRS | ST-T | P | TQ | wave worth most | lead worth most | by weight / size / chance | faster |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for code, each in found["statements"].items():
        medians = {wave: each["effect_of_all"][wave]["median"] for wave in _WAVES}
        largest = max((value for value in medians.values() if value is not None), default=None)
        cells = [
            "none" if value is None else f"**{value:.1f}**" if value == largest else f"{value:.1f}"
            for value in medians.values()
        ]
        area = each["deletion"]["area"]
        cells += [_counts(each["largest_wave"]), _counts(each["largest_lead"])]
        cells.append(" / ".join(_number(area[name]) for name in ("by_attribution", "by_size", "by_chance")))
        cells.append(f"{each['deletion']['n_faster_than_size']} of {each['n']}")
        lines.append(f"| {code} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered)


def _spread(values: Mapping[str, float | None]) -> str:
    return f"{_number(values['median'])} ({_number(values['min'])} to {_number(values['max'])})"


def _number(value: float | None) -> str:
    # No "-0.00".
    return "unknown" if value is None else f"{round(value, 2) + 0.0:.2f}"


_WRITERS: dict[str, Callable[[Figures], str]] = {
    "about": _about,
    "randomisation": _randomisation,
    "agreement": _agreement,
    "deletion": _deletion,
    "statements": _statements,
}
