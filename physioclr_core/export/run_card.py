"""The card of an exported run: what the network is, what it was trained on, what it is worth and where it ends."""

from __future__ import annotations

from physioclr_core.evaluate.report import Report
from physioclr_core.infer.manifest import ModelManifest


def run_card(manifest: ModelManifest, report: Report) -> str:
    """Return the card's text; every figure is the manifest's or the report's."""
    spec, training = manifest.input, manifest.training
    config = training["config"]
    start = "a pretrained encoder" if training["pretrained_sha256"] else "random weights"
    lines = [
        f"# Model card: {manifest.name} {manifest.version}",
        "",
        "**Research use only. Not a medical device.** Every output is a candidate for review by a qualified reader.",
        "",
        f"- **What**: {manifest.description}; {manifest.n_parameters / 1e6:.2f} M weights, ONNX.",
        f"- **Fingerprint**: `{manifest.fingerprint[:16]}`; network SHA-256 `{manifest.onnx_sha256[:16]}`.",
        f"- **Licence**: {manifest.licence}.",
        f"- **Training**: {training['n_train']} records, from {start}, seed {config['loop']['seed']}, "
        f"{config['loop']['n_epochs']} epochs, mode {config['mode']}; data SHA-256 `{training['data_sha256'][:16]}`, "
        f"code {training['code_version']} (`{training['code_sha256'][:16]}`).",
        f"- **Input**: {', '.join(spec.leads)} at {spec.fs_hz:g} Hz, windows of "
        f"{spec.window_samples / spec.fs_hz:g} s; {spec.centre} removed, divided by {spec.scale_mv:g} mV, clipped at "
        f"{spec.clip * spec.scale_mv:g} mV.",
        f"- **Not assessed**: under {spec.min_samples / spec.fs_hz:g} s of signal, or a lead missing that does not "
        "follow from others.",
        f"- **Parity with the training framework**: largest difference {max(manifest.parity.values()):.1e}.",
        "- The epoch, the thresholds and the temperatures were chosen on the records of the figures below; figures of "
        "thresholds and calibration are cross-fitted by patient, the others are slightly optimistic.",
        "",
    ]
    return "\n".join([*lines, ""]) + report.markdown().replace("# ", "## ", 1)
