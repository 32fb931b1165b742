"""Write a model card from a manifest: every figure in it comes from there."""

from __future__ import annotations

from pathlib import Path

from physioclr_core.infer.manifest import LabelSpec, ModelManifest
from physioclr_core.statements import GROUPS, statements


def write_model_card(manifest: ModelManifest, path: Path) -> None:
    """Write the card as Markdown."""
    path.write_text(model_card(manifest), encoding="utf-8", newline="\n")


def model_card(manifest: ModelManifest) -> str:
    """Return the card's text."""
    spec, metrics, training = manifest.input, manifest.metrics, manifest.training
    low, high = metrics["macro_auroc_95"]
    lines = [
        f"# Model card: {manifest.name} {manifest.version}",
        "",
        "**Research use only. Not a medical device.** Every output is a candidate for review by a qualified reader.",
        "",
        f"- **What**: {manifest.description}; {manifest.n_parameters / 1e6:.2f} M parameters, ONNX.",
        f"- **Fingerprint**: `{manifest.fingerprint[:16]}`; network SHA-256 `{manifest.onnx_sha256[:16]}`.",
        f"- **Licence**: {manifest.licence}.",
        f"- **Training data**: {training['data']} ({training['data_licence']}). {training['citation']}.",
        f"- **Split**: {training['split']}. {training['n_train']} records trained on, {metrics['n_records']} records "
        f"of {metrics['n_patients']} patients selected on.",
        f"- **Labels**: the 71 SCP-ECG statements; {training['label_rule']}.",
        f"- **Input**: {', '.join(spec.leads)} at {spec.fs_hz:g} Hz, windows of "
        f"{spec.window_samples / spec.fs_hz:g} s; {spec.centre} removed, divided by {spec.scale_mv:g} mV, clipped at "
        f"{spec.clip * spec.scale_mv:g} mV. "
        f"{', '.join(spec.derivable_leads)} may be missing where two other limb leads are there to compute them from.",
        f"- **Not assessed**: under {spec.min_samples / spec.fs_hz:g} s of signal, or any other lead missing.",
        f"- **Longer records**: windows with {spec.overlap:.0%} overlap, mean logit.",
        "- **Parity with the training framework**: largest difference "
        f"{max(manifest.parity.values()):.1e} over logits, embedding and probabilities.",
        "",
        "## Figures on fold 9",
        "",
        f"Macro AUROC **{metrics['macro_auroc']:.3f}** (95 % interval {low:.3f}-{high:.3f}, {metrics['interval']}) "
        f"over {metrics['n_labels']} statements; over those with at least {metrics['macro_auroc_min_positives']} "
        f"positives {metrics['macro_auroc_of_labels_with_min_positives']:.3f}. The best epoch was chosen on this fold, "
        "so these figures are slightly optimistic; the official test fold 10 was not used.",
        "",
        f"Expected calibration error, mean over the {metrics['expected_calibration_error_labels']} statements with at "
        f"least 20 positives: **{metrics['expected_calibration_error']:.3f}**. Calibration and thresholds: "
        f"{metrics['cross_fit']}. Statements with under 10 positives have the pooled temperature "
        f"({metrics['pooled_temperature']:.2f}) and no threshold.",
        "",
        "Sensitivity, specificity, positive predictive value (PPV) and F1 are at the shipped threshold's rule (highest "
        "F1), each record decided by a threshold fitted on other patients.",
    ]
    by_code = {label.code: label for label in manifest.labels}
    for group in GROUPS:
        lines += ["", f"### {group}", "", "| statement | n | AUROC (95 %) | threshold | sens. | spec. | PPV | F1 |"]
        lines.append("|---|---|---|---|---|---|---|---|")
        for statement in statements():
            if statement.group == group:
                lines.append(_row(statement.description, by_code[statement.code], metrics["at_threshold"]))
    lines += [
        "",
        "## Limits",
        "",
        "- One hospital group's recordings of 1989-1996 (PTB-XL), devices of one maker; other populations, devices and "
        "settings were not used in training.",
        "- Statements are the annotators' reports, not outcomes. Rare statements (n above) have wide intervals; where "
        "there are too few examples the application says so and shows no threshold.",
        "- Leads in wrong places, strong noise and pacing are not detected by this model.",
        "- A high probability is not a diagnosis, a low one does not exclude a disease.",
        "",
    ]
    return "\n".join(lines)


def _row(description: str, label: LabelSpec, at_threshold: dict[str, dict[str, float | None]]) -> str:
    def text(value: float | None, digits: int = 2) -> str:
        return "--" if value is None else f"{value:.{digits}f}"

    area = "--"
    if label.auroc is not None:
        area = f"{label.auroc:.3f} ({text(label.auroc_low, 3)}-{text(label.auroc_high, 3)})"
    figures = at_threshold.get(label.code, {})
    threshold = "too few examples" if label.threshold is None else f"{label.threshold:.2f}"
    cells = [f"{description} ({label.code})", str(label.n_positive), area, threshold]
    cells += [text(figures.get(key)) for key in ("sensitivity", "specificity", "ppv", "f1")]
    return "| " + " | ".join(cells) + " |"
