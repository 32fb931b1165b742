"""All checks on all cases, summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.export.attribution_checks.cases import CODES, Case, find_cases
from physioclr_core.export.attribution_checks.checks import (
    SHARES,
    Agreement,
    Deletion,
    agreement,
    cells,
    deletion,
    forgetting,
    rank_correlation,
)
from physioclr_core.export.attribution_checks.twin import integrated_gradients
from physioclr_core.export.onnx_export import check_parity
from physioclr_core.infer.attribution import Occlusion
from physioclr_core.infer.model import EcgModel
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.models.classifier import Classifier
from physioclr_core.train.finetune import load_finetuned

SEED = 0


def figures(
    run: Path, bundle: Path | None, n_each: int, n_forgetting: int, say: Callable[[str], object]
) -> dict[str, Any]:
    """Return every figure of the checks as plain values.

    Parameters
    ----------
    run : Path
        The run that the bundle was exported from.
    bundle : Path or None
        The shipped one by default.
    n_each : int
        ECGs a statement.
    n_forgetting : int
        How many of them networks forget on.
    say : callable
        Called with a line as each ECG is done.

    Raises
    ------
    ModelError
        If the run's network is not the bundle's.
    UserFacingError
        If the folder is no fine-tuning run, or its network has no parts to forget (``parts_of``).
    """
    ecg_model = EcgModel(bundle, n_threads=1, allow_gpu=False)
    network, config, _ = load_finetuned(run)
    cases = find_cases(ecg_model, n_each)
    x, mask = (np.stack([getattr(case, name) for case in cases[:8]]) for name in ("x", "mask"))
    parity = check_parity(network, ecg_model.folder / ecg_model.manifest.onnx_file, x, mask)
    rows = []
    for index, case in enumerate(cases):
        # Other weights for each ECG; the run's own seed would bring back those that its head began with.
        rows.append(_Row(case, ecg_model, network, config.loop.seed + 1 + index if index < n_forgetting else None))
        say(f"{index + 1} of {len(cases)}: {case.code} {case.entry.record}")
    return {
        "model": ecg_model.manifest.short_id,
        "largest_logit_difference_to_pytorch": f"{parity.logits:.1e}",
        "n_ecgs": len(rows),
        "randomisation": _of_forgetting(rows),
        "agreement": _of_agreement(rows),
        "deletion": {name: _of_deletion([row.deletions[name] for row in rows]) for name in rows[0].deletions},
        "statements": {code: _of_code([row for row in rows if row.case.code == code]) for code in CODES},
    }


class _Row:
    """What is found out about one case."""

    def __init__(self, case: Case, ecg_model: EcgModel, network: Classifier, fresh_seed: int | None) -> None:
        self.case = case
        names = case.wave_names()
        joint = [Occlusion(case.every_lead, case.of_wave(name)) for name in names]
        joint += [Occlusion((lead,), case.of_wave(name)) for name in names for lead in case.every_lead]
        effects = case.effects(ecg_model.logits, joint)
        attribution = effects.of_label(case.label)
        self.effect = attribution.effect
        self.lead_effect = attribution.lead_effect
        self.by_wave = dict(zip(names, attribution.group_effect[: len(names)].tolist(), strict=True))
        # A wave's name in a lead, all its beats at once; each of its cells has that value.
        by_lead = attribution.group_effect[len(names) :].reshape(len(names), -1)
        self.lead_waves = np.stack([by_lead[names.index(span.wave)] for span in case.spans], axis=1)
        self.other_labels = float(
            np.nanmean([rank_correlation(self.effect, effects.effect[..., k]) for k in _others(effects, case.label)])
        )
        self.agreement: Agreement = agreement(case, network, self.effect)
        self.forgetting = forgetting(case, network, self.effect, fresh_seed) if fresh_seed is not None else {}
        path = integrated_gradients(network, case.x, case.mask, case.without_waves(), case.label)
        rankings = {
            "single waves": self.effect,
            "all beats of a lead's wave at once": self.lead_waves,
            "integrated gradients": cells(case, path),
        }
        temperature = ecg_model.manifest.labels[case.label].temperature
        self.deletions = {
            name: deletion(case, ecg_model.logits, temperature, ranking, SEED) for name, ranking in rankings.items()
        }


def _others(effects: Any, label: int) -> list[int]:
    return [index for index in range(len(effects.logits)) if index != label]


def _spread(values: Sequence[float]) -> dict[str, float]:
    known = np.array([value for value in values if np.isfinite(value)])
    low, middle, high = np.percentile(known, [0, 50, 100]) if len(known) else (np.nan,) * 3
    return {"median": float(middle), "min": float(low), "max": float(high), "n": len(known)}


def _of_forgetting(rows: list[_Row]) -> dict[str, Any]:
    asked = [row for row in rows if row.forgetting]
    stages = asked[0].forgetting if asked else {}
    found: dict[str, Any] = {
        stage: {
            "values": _spread([row.forgetting[stage][0] for row in asked]),
            "values_without_sign": _spread([abs(row.forgetting[stage][0]) for row in asked]),
            "sizes": _spread([row.forgetting[stage][1] for row in asked]),
        }
        for stage in stages
    }
    found["another statement of the same network"] = {"values": _spread([row.other_labels for row in rows])}
    return found


def _of_agreement(rows: list[_Row]) -> dict[str, Any]:
    names = ("gradient", "integrated", "completeness", "single_over_joint")
    return {name: _spread([getattr(row.agreement, name) for row in rows]) for name in names}


def _of_deletion(found: list[Deletion]) -> dict[str, Any]:
    names = ("by_attribution", "by_size", "by_chance")
    areas = {name: np.array([each.area(getattr(each, name)) for each in found]) for name in names}
    return {
        "shares": SHARES,
        "mean_probability": {name: np.mean([getattr(each, name) for each in found], axis=0) for name in areas},
        "area": {name: float(area.mean()) for name, area in areas.items()},
        "n_faster_than_chance": int((areas["by_attribution"] < areas["by_chance"]).sum()),
        "n_faster_than_size": int((areas["by_attribution"] < areas["by_size"]).sum()),
        "n": len(found),
    }


def _of_code(rows: list[_Row]) -> dict[str, Any]:
    return {
        "n": len(rows),
        "n_of_fold_9": sum(row.case.entry.fold == 9 for row in rows),
        "effect_of_all": {
            wave: _spread([row.by_wave[wave] for row in rows if wave in row.by_wave])
            for wave in ("P", "TQ", "QRS", "ST-T")
        },
        "largest_wave": dict(Counter(max(row.by_wave, key=row.by_wave.__getitem__) for row in rows)),
        "largest_lead": dict(Counter(STANDARD_LEADS[int(np.nanargmax(row.lead_effect))] for row in rows)),
        "deletion": _of_deletion([row.deletions["single waves"] for row in rows]) if rows else None,
    }
