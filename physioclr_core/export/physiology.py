"""Write the physiology engine's networks as ONNX with their manifest.

    python -m physioclr_core.export.physiology BEATS_RUN WAVES_RUN OUT [--figures FIGURES.json]

Each network is checked against PyTorch on real signals before it takes the old one's place.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from physioclr_core import __version__
from physioclr_core.errors import ModelError
from physioclr_core.export.onnx_export import PARITY_LIMIT, drop_metadata_
from physioclr_core.files import replaced
from physioclr_core.infer.session import open_session
from physioclr_core.models.beat_network import TIME_MULTIPLE as BEAT_MULTIPLE
from physioclr_core.models.delineation_network import TIME_MULTIPLE as WAVE_MULTIPLE
from physioclr_core.physiology.network_input import network_signal, range_scaled, rms_scaled
from physioclr_core.physiology.networks import FORMAT_VERSION, MANIFEST, NETWORKS
from physioclr_core.readers import read_record
from physioclr_core.train import beats, waves

FloatArray = npt.NDArray[np.float32]
_PARITY_DEMOS = ("00023_lr", "18597_hr", "A0025")


def export_networks(beats_run: Path, waves_run: Path, out: Path, figures: dict[str, Any]) -> None:
    """Export both networks and write ``networks.json``.

    Parameters
    ----------
    beats_run, waves_run : Path
        Runs with a finished part "all".
    out : Path
    figures : dict
        What was measured out of fold, for the manifest.

    Raises
    ------
    ModelError
        If an exported network differs from PyTorch's by more than 1e-4.
    """
    out.mkdir(parents=True, exist_ok=True)
    models = {"beats": beats.load_beats(beats_run, "all"), "waves": waves.load_waves(waves_run, "all")}
    manifest: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "code_version": __version__,
        "use": "research use only",
        "networks": {},
    }
    for name, run in zip(NETWORKS, (beats_run, waves_run), strict=True):
        multiple = BEAT_MULTIPLE if name == "beats" else WAVE_MULTIPLE
        content = export_network(models[name], multiple)
        difference = _difference(models[name], content, name, multiple)
        with replaced(out / f"{name}.onnx") as file:
            file.write(content)
        recorded = json.loads((run / "all" / "config.json").read_text(encoding="utf-8"))
        manifest["networks"][name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "n_parameters": sum(p.numel() for p in models[name].parameters()),
            "parity": float(f"{difference:.2g}"),
            "data": {key: value for key, value in recorded.items() if key.endswith("sha256")},
            "config": asdict((beats if name == "beats" else waves).DEFAULT),
            "figures": figures.get(name, {}),
        }
    with replaced(out / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1) + "\n").encode())


def export_network(model: nn.Module, time_multiple: int) -> bytes:
    """Return a network as ONNX: ``ecg`` (batch, leads, time) -> ``logits``; all three are free, time in whole steps."""
    model = model.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    dimensions = {
        0: torch.export.Dim("batch", min=1),
        1: torch.export.Dim("leads", min=1),
        2: time_multiple * torch.export.Dim("steps", min=1),
    }
    program = torch.onnx.export(
        model,
        (torch.randn(2, 12, 64 * time_multiple),),
        dynamo=True,
        input_names=["ecg"],
        output_names=["logits"],
        dynamic_shapes=(dimensions,),
        external_data=False,
        verbose=False,
    )
    if program is None:
        raise ModelError("The exporter returned no program.")
    drop_metadata_(program.model)
    content: bytes = program.model_proto.SerializeToString()
    return content


@torch.inference_mode()
def _difference(model: nn.Module, content: bytes, name: str, multiple: int) -> float:
    """Return the largest difference of logits between PyTorch and ONNX on demo ECGs, whole and one lead alone."""
    import tempfile

    from physioclr_core.paths import assets_dir

    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(content)
        session, _ = open_session(path, n_threads=1, allow_gpu=False)
    for demo in _PARITY_DEMOS:
        record = read_record(assets_dir() / "demo" / demo)
        signal = network_signal(record.signal_mv, record.fs_hz)
        signal = (range_scaled if name == "beats" else rms_scaled)(signal)
        signal = signal[None, :, : signal.shape[1] // multiple * multiple]
        for x in (signal, signal[:, :1], signal[:, :8, : 5 * multiple]):
            x = np.ascontiguousarray(x)
            expected = model(torch.from_numpy(x)).numpy()
            worst = max(worst, float(np.abs(session.run(["logits"], {"ecg": x})[0] - expected).max()))
    if not worst <= PARITY_LIMIT:
        raise ModelError(f"{name}: ONNX differs from torch by {worst:.1e}, allowed is {PARITY_LIMIT:.0e}.")
    return worst


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("beats_run", type=Path)
    parser.add_argument("waves_run", type=Path)
    parser.add_argument("out", type=Path, help="folder for beats.onnx, waves.onnx and networks.json")
    parser.add_argument("--figures", type=Path, default=None, help="JSON of figures for the manifest")
    args = parser.parse_args()
    figures = json.loads(args.figures.read_text(encoding="utf-8")) if args.figures else {}
    export_networks(args.beats_run, args.waves_run, args.out, figures)


if __name__ == "__main__":
    main()
