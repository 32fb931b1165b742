"""The model manifest: what a bundle takes, gives, was trained on and is worth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from physioclr_core.errors import ModelError
from physioclr_core.files import sha256_of

SCHEMA = 1
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the network takes.

    Attributes
    ----------
    leads : tuple of str
        In the network's order.
    derivable_leads : tuple of str
        Leads that may be missing as long as they follow exactly from the others.
    fs_hz : float
    window_samples : int
        Longer records are cut into windows of this length with ``overlap`` (a fraction).
    min_samples : int
        Shorter records, or windows with fewer valid samples, are not assessed.
    centre, scale_mv, clip
        Each lead's mean over the window is removed, the rest divided by ``scale_mv`` and clipped at +-``clip``.
    resampling : str
    filters : str
    """

    leads: tuple[str, ...]
    derivable_leads: tuple[str, ...]
    fs_hz: float
    window_samples: int
    overlap: float
    min_samples: int
    centre: str
    scale_mv: float
    clip: float
    resampling: str
    filters: str


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """One statement of the output.

    ``temperature`` divides the logit. ``threshold`` is on the calibrated probability, None where fewer than ten
    positives were there to set it. AUROC with its 95 % interval is of the selection fold; None where undefined.
    """

    code: str
    temperature: float
    threshold: float | None
    n_positive: int
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """Everything the application knows of a model.

    ``fingerprint`` identifies the embedding space: network and input preprocessing. Embeddings of different
    fingerprints never mix.
    """

    schema: int
    name: str
    version: str
    description: str
    licence: str
    onnx_file: str
    onnx_sha256: str
    fingerprint: str
    n_parameters: int
    embedding_size: int
    input: InputSpec
    labels: tuple[LabelSpec, ...]
    training: dict[str, Any]
    metrics: dict[str, Any]
    parity: dict[str, float]

    @property
    def codes(self) -> tuple[str, ...]:
        """Statement codes in the order of the output."""
        return tuple(label.code for label in self.labels)

    @property
    def short_id(self) -> str:
        """Name and the first eight digits of the fingerprint."""
        return f"{self.name} {self.fingerprint[:8]}"

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into the bundle's folder."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


def fingerprint_of(onnx_sha256: str, spec: InputSpec) -> str:
    """Return the fingerprint of an embedding space: SHA-256 over the network's hash and its input description."""
    text = onnx_sha256 + json.dumps(asdict(spec), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def in_8_bits(folder: Path, manifest: ModelManifest) -> ModelManifest:
    """Return the manifest of a bundle's network in 8 bits, which has a fingerprint of its own.

    Raises
    ------
    ModelError
        If the bundle has none, or its file is missing or another than was measured.
    """
    told = manifest.metrics.get("int8")
    try:
        name, digest = str(told["file"]), str(told["sha256"])  # type: ignore[index]
    except (KeyError, TypeError):
        raise ModelError(f"{folder}: this model has no network in 8 bits.") from None
    network = folder / name
    if Path(name).name != name or not network.is_file():
        raise ModelError(f"{network}: the network in 8 bits that {MANIFEST_NAME} names is missing.")
    if sha256_of(network) != digest:
        raise ModelError(f"{network}: its hash is not the one in {MANIFEST_NAME}; the file is damaged or was replaced.")
    return replace(manifest, onnx_file=name, onnx_sha256=digest, fingerprint=fingerprint_of(digest, manifest.input))


def load_manifest(folder: Path) -> ModelManifest:
    """Read and check a bundle's manifest and the hash of its network.

    Raises
    ------
    ModelError
        If a file is missing or unreadable, the manifest is of another schema, a field is missing, or the network is
        not the one that the manifest describes.
    """
    path = folder / MANIFEST_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder}: no {MANIFEST_NAME} there; this is not a model bundle.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as a model manifest ({error}).") from None
    try:
        if values["schema"] != SCHEMA:
            raise ModelError(f"{path}: manifest schema {values['schema']}, this version reads schema {SCHEMA}.")
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.pop("input").items()}
        spec = InputSpec(**fields)
        labels = tuple(LabelSpec(**label) for label in values.pop("labels"))
        manifest = ModelManifest(input=spec, labels=labels, **values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a complete model manifest ({error}).") from None
    name = str(manifest.onnx_file)
    network = folder / name
    if Path(name).name != name or not network.is_file():
        raise ModelError(f"{network}: the network that {MANIFEST_NAME} names is missing.")
    if sha256_of(network) != manifest.onnx_sha256:
        raise ModelError(f"{network}: its hash is not the one in {MANIFEST_NAME}; the file is damaged or was replaced.")
    if fingerprint_of(manifest.onnx_sha256, spec) != manifest.fingerprint:
        raise ModelError(f"{path}: the fingerprint does not fit the network and its input.")
    return manifest
