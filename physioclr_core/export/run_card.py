"""The card of an exported run: what the network is, what it was trained on, what it is worth and where it ends."""

from __future__ import annotations

from typing import Any

from physioclr_core.evaluate.report import Report
from physioclr_core.infer.manifest import ModelManifest
from physioclr_core.infer.prediction_set import prediction_sets_of
from physioclr_core.statements import statements

# What the licences of public data sets ask to be named.
_DATA_SETS = {
    "ptbxl": "PTB-XL 1.0.3, CC BY 4.0: Wagner et al., Sci Data 7:154 (2020), doi 10.1038/s41597-020-0495-6",
}


def run_card(manifest: ModelManifest, report: Report) -> str:
    """Return the card's text; every figure is the manifest's or the report's."""
    spec, training = manifest.input, manifest.training
    config = training["config"]
    start = "a pretrained encoder" if training["pretrained_sha256"] else "random weights"
    if (pretraining := training.get("pretraining")) is not None:
        start += f" (objective {pretraining['objective']['kind']}, {pretraining['n_epochs']} epochs)"
    if (teachers := training.get("teachers")) is not None:
        start += f", labels mixed with what {len(teachers)} trained models say of the same records"
    data_sets = training.get("data_sets", {})
    lines = [
        f"# Model card: {manifest.name} {manifest.version}",
        "",
        "**Research use only. Not a medical device.** Every output is a candidate for review by a qualified reader.",
        "",
        f"- **What**: {manifest.description}; {manifest.n_parameters / 1e6:.2f} M weights, ONNX.",
        f"- **Fingerprint**: `{manifest.fingerprint[:16]}`; network SHA-256 `{manifest.onnx_sha256[:16]}`.",
        f"- **Licence**: {manifest.licence}.",
        *(f"- **Data**: {_DATA_SETS.get(name, name)}; {n} records trained on." for name, n in data_sets.items()),
        f"- **Training**: {training['n_train']} records{_split_text(config['data'])}, from {start}, "
        f"seed {config['loop']['seed']}, {config['loop']['n_epochs']} epochs, mode {config['mode']}; "
        f"data SHA-256 `{training['data_sha256'][:16]}`, "
        f"code {training['code_version']} (`{training['code_sha256'][:16]}`).",
        f"- **Input**: {', '.join(spec.leads)} at {spec.fs_hz:g} Hz, windows of "
        f"{spec.window_samples / spec.fs_hz:g} s; {spec.centre} removed, divided by {spec.scale_mv:g} mV, clipped at "
        f"{spec.clip * spec.scale_mv:g} mV.",
        f"- **Not assessed**: under {spec.min_samples / spec.fs_hz:g} s of signal, or a lead missing that does not "
        "follow from others.",
        _int8_line(manifest),
        f"- **Parity with the training framework**: largest difference {max(manifest.parity.values()):.1e}.",
        "- The epoch, the thresholds and the temperatures were chosen on the records of the figures below; figures of "
        "thresholds and calibration are cross-fitted by patient, the others are slightly optimistic.",
        _sets_line(manifest),
        _distance_line(manifest),
        "",
    ]
    names = {each.code: each.description for each in statements()}
    return "\n".join([*lines, ""]) + report.markdown(names).replace("# ", "## ", 1) + _LIMITS


_LIMITS = """
## Limits

- Other hospitals, populations, devices and settings than those of the training data were not learnt from; the distance
  to known ECGs notices only some of what is unlike them.
- Labels are those of the training data: where these are readers' reports, they are no outcomes. Rare labels (column
  "positive") have wide intervals, and no threshold where there were fewer than ten.
- Leads in wrong places and strong noise are not detected by this model.
- A high probability is not a diagnosis, a low one does not exclude a disease.
"""


def _split_text(data: dict[str, Any]) -> str:
    """Return which folds trained and which selected; nothing where the split was drawn."""
    if data["split"] != "folds":
        return ""
    train, select = (", ".join(str(fold) for fold in data[key]) for key in ("train_folds", "select_folds"))
    return f" (folds {train} by patient; {select} selected)"


def _int8_line(manifest: ModelManifest) -> str:
    figures = manifest.metrics["int8"]
    return (
        f"- **In 8 bits** (`{figures['file']}`, {figures['n_bytes'] / 1e6:.1f} MB): macro AUROC "
        f"{figures['macro_auroc']:.4f} against {figures['macro_auroc_fp32']:.4f} on the first windows of "
        f"{figures['n_records']} of these records; probabilities differ by up to "
        f"{figures['probability_difference_99']:.3f} in 99 of 100 cases, "
        f"{figures['probability_difference_max']:.2f} at most. "
        "Temperatures and thresholds are those of the other network."
    )


def _sets_line(manifest: ModelManifest) -> str:
    sets = prediction_sets_of(manifest)
    if sets is None:
        return "- **Prediction sets**: unknown; too few records or patients to set them."
    line = (
        f"- **Prediction sets** hold the labels with a probability over {sets.threshold:.3f}. On ECGs like those that "
        f"set this, they hold {sets.level:.0%} of the labels that apply, in the mean over ECGs; it is no promise for a "
        "single ECG."
    )
    abstains = [] if sets.may_be_empty else ["no label is in the set"]
    abstains += [] if sets.most is None else [f"more than {sets.most} of {len(manifest.labels)} are"]
    return f"{line} The model abstains where {' or '.join(abstains)}." if abstains else line


def _distance_line(manifest: ModelManifest) -> str:
    known = manifest.metrics["out_of_distribution"]
    if known["file"] is None:
        return f"- **Distance to known ECGs**: unknown. {known['reason']}"
    return (
        f"- **Distance to known ECGs**: of {known['n_held_out']} held-out ECGs {100 - known['percentile']:g} % are "
        f"farther than {known['threshold']:.2f} from the {known['n_train']} that trained. An ECG beyond it is said to "
        "be unlike them: the model abstains. The distance is no detector of noise or of swapped leads."
    )
