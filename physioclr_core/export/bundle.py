"""Make a model bundle of a training run: network, manifest with calibration, and model card.

One command::

    python -m physioclr_core.export.bundle RUN_FOLDER PTBXL_FOLDER OUT_FOLDER
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core import __version__
from physioclr_core.data.ptbxl import ADU_PER_MV, FS_HZ, N_SAMPLES, PtbXl, load_ptbxl
from physioclr_core.evaluate.auroc import auroc, bootstrap_auroc
from physioclr_core.evaluate.calibration import (
    MIN_POSITIVES,
    cross_fit,
    decision_figures,
    expected_calibration_error,
    fit_calibration,
)
from physioclr_core.export.model_card import write_model_card
from physioclr_core.export.onnx_export import check_parity, export_onnx
from physioclr_core.files import sha256_of
from physioclr_core.infer.manifest import SCHEMA, InputSpec, LabelSpec, ModelManifest, fingerprint_of
from physioclr_core.infer.preprocess import CLIP, SCALE_MV, model_input
from physioclr_core.infer.session import open_session
from physioclr_core.leads import LIMB_LEADS, STANDARD_LEADS
from physioclr_core.train.supervised import load_best

ONNX_NAME = "model.onnx"
N_PARTS = 5
N_RESAMPLES = 1000
MIN_POSITIVES_FOR_ECE = 20
SEED = 0

INPUT = InputSpec(
    leads=STANDARD_LEADS,
    derivable_leads=LIMB_LEADS,
    fs_hz=FS_HZ,
    window_samples=N_SAMPLES,
    overlap=0.5,
    min_samples=N_SAMPLES // 2,
    centre="mean of each lead over the window",
    scale_mv=SCALE_MV,
    clip=CLIP,
    resampling="polyphase",
    filters="none",
)


def make_bundle(run: Path, ptbxl: Path, out: Path, name: str, version: str) -> ModelManifest:
    """Export a run's selected network, calibrate it on fold 9 and write the bundle.

    The figures of calibration and thresholds come from cross-fitting by patient; what is shipped is fitted on the
    whole fold. Nothing replaces an existing bundle before everything has been made and checked.

    Parameters
    ----------
    run : Path
        Run folder of ``physioclr_core.train.supervised``.
    ptbxl : Path
        PTB-XL's folder.
    out : Path
        The bundle's folder.
    name, version : str

    Raises
    ------
    ModelError
        If ONNX and torch differ by more than 1e-4.
    """
    model, config, recorded = load_best(run)
    part = load_ptbxl(ptbxl, tuple(recorded["select_folds"]))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as aside_name:
        aside = Path(aside_name)
        network = aside / ONNX_NAME
        n_parameters = sum(parameter.numel() for parameter in model.parameters())
        export_onnx(model, network, N_SAMPLES)
        x, mask = _windows(part)
        parity = check_parity(model, network, *_with_padding(x[:256], mask[:256]))
        logits = _run(network, x, mask)
        labels, metrics = _labels(part, logits)
        digest = sha256_of(network)
        manifest = ModelManifest(
            schema=SCHEMA,
            name=name,
            version=version,
            description="Residual 1-D CNN, supervised on the 71 SCP-ECG statements of PTB-XL",
            licence="CC BY 4.0 (weights; trained on PTB-XL, CC BY 4.0)",
            onnx_file=ONNX_NAME,
            onnx_sha256=digest,
            fingerprint=fingerprint_of(digest, INPUT),
            n_parameters=n_parameters,
            embedding_size=model.n_features,
            input=INPUT,
            labels=labels,
            training={
                "data": "PTB-XL 1.0.3, 100 Hz",
                "data_licence": "CC BY 4.0",
                "citation": "Wagner et al., Sci Data 7:154 (2020), doi 10.1038/s41597-020-0495-6",
                "label_rule": "a statement is positive when its key is present in scp_codes",
                "split": "by patient: strat_fold 1-8 trained on, 9 selected and calibrated on, 10 not used",
                "exporter_version": __version__,
                **{k: v for k, v in recorded.items() if k != "config"},
                "config": asdict(config),
            },
            metrics=metrics,
            parity=asdict(parity),
        )
        manifest.write(aside)
        write_model_card(manifest, aside / "model_card.md")
        for path in sorted(aside.iterdir()):
            path.replace(out / path.name)
    return manifest


def _windows(part: PtbXl) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    x = model_input(part.signal_adu.astype(np.float32) / np.float32(ADU_PER_MV))
    return x, np.ones((len(x), N_SAMPLES), np.float32)


def _with_padding(
    x: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the windows with every other one cut to between 5 and 10 s, as short records are."""
    x, mask = x.copy(), mask.copy()
    for index, n_valid in enumerate(np.linspace(N_SAMPLES // 2, N_SAMPLES, len(x) // 2).astype(int)):
        x[2 * index, :, n_valid:] = 0.0
        mask[2 * index, n_valid:] = 0.0
    return x, mask


def _run(network: Path, x: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    session, _ = open_session(network, n_threads=1, allow_gpu=False)
    parts = [session.run(["logits"], {"ecg": x[i : i + 64], "mask": mask[i : i + 64]})[0] for i in range(0, len(x), 64)]
    return np.concatenate(parts).astype(np.float64)


def _labels(part: PtbXl, logits: npt.NDArray[np.float64]) -> tuple[tuple[LabelSpec, ...], dict[str, Any]]:
    n_positive = part.labels.sum(axis=0)
    area = auroc(part.labels, logits)
    resamples = bootstrap_auroc(part.labels, logits, part.patient_id, N_RESAMPLES, SEED)
    low, high = np.full((2, len(area)), np.nan)
    has_area = np.isfinite(area)
    low[has_area], high[has_area] = np.nanpercentile(resamples[:, has_area], [2.5, 97.5], axis=0)
    macro = np.nanmean(resamples[:, has_area], axis=1)
    fit = fit_calibration(part.labels, logits, n_positive)
    crossed = cross_fit(part.labels, logits, part.patient_id, N_PARTS, SEED)
    specs, figures, errors = [], {}, []
    for index, code in enumerate(part.codes):
        is_defined = bool(np.isfinite(area[index]))
        has_threshold = bool(np.isfinite(fit.threshold[index]))
        specs.append(
            LabelSpec(
                code=code,
                temperature=round(float(fit.temperature[index]), 5),
                threshold=round(float(fit.threshold[index]), 5) if has_threshold else None,
                n_positive=int(n_positive[index]),
                auroc=round(float(area[index]), 4) if is_defined else None,
                auroc_low=round(float(low[index]), 4) if is_defined else None,
                auroc_high=round(float(high[index]), 4) if is_defined else None,
            )
        )
        decision = crossed.decision[:, index]
        if has_threshold and not np.isnan(decision).any():
            figures[code] = _rounded(decision_figures(part.labels[:, index], decision == 1))
        if n_positive[index] >= MIN_POSITIVES_FOR_ECE:
            errors.append(expected_calibration_error(part.labels[:, index], crossed.probability[:, index]))
    metrics = {
        "fold": 9,
        "n_records": len(part),
        "n_patients": len(np.unique(part.patient_id)),
        "macro_auroc": round(float(np.nanmean(area)), 4),
        "macro_auroc_95": [round(float(v), 4) for v in np.percentile(macro, [2.5, 97.5])],
        "n_labels": int(np.isfinite(area).sum()),
        "macro_auroc_min_positives": MIN_POSITIVES,
        "macro_auroc_of_labels_with_min_positives": round(float(area[n_positive >= MIN_POSITIVES].mean()), 4),
        "interval": f"percentile bootstrap over patients, {N_RESAMPLES} resamples",
        "expected_calibration_error": round(float(np.mean(errors)), 4),
        "expected_calibration_error_labels": len(errors),
        "pooled_temperature": round(fit.pooled_temperature, 5),
        "cross_fit": f"{N_PARTS} parts by patient; figures of the part not fitted",
        "at_threshold": figures,
    }
    return tuple(specs), metrics


def _rounded(figures: dict[str, float | None]) -> dict[str, float | None]:
    return {k: round(v, 4) if v is not None else None for k, v in figures.items()}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Make a model bundle of a training run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="first-light")
    parser.add_argument("--version", default="1")
    args = parser.parse_args()
    manifest = make_bundle(args.run, args.ptbxl, args.out, args.name, args.version)
    low, high = manifest.metrics["macro_auroc_95"]
    print(  # noqa: T201
        f"{manifest.short_id}: macro AUROC {manifest.metrics['macro_auroc']:.4f} ({low:.4f}-{high:.4f}) on fold 9, "
        f"largest difference to torch {max(manifest.parity.values()):.1e}"
    )


if __name__ == "__main__":
    main()
