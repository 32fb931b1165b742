from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from physioclr_core.export.physiology import export_network, export_networks
from physioclr_core.models.beat_network import BeatNetwork
from physioclr_core.models.delineation_network import DelineationNetwork
from physioclr_core.physiology.networks import MANIFEST, OnnxNetwork
from physioclr_core.train import beats, waves

# PyTorch's exporter warns of its own use of what it deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
FIGURES = {"beats": {"f1_75_ms": 0.5}, "waves": {"p_f1": 0.5}}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.nn.Module]]:
    """Export untrained networks whose norms have seen data, as finished runs would be exported."""
    root = tmp_path_factory.mktemp("export")
    torch.manual_seed(0)
    models = {"beats": BeatNetwork(beats.DEFAULT.model), "waves": DelineationNetwork(waves.DEFAULT.model)}
    for name, model in models.items():
        model.train()(torch.randn(4, 3, 512))
        folder = root / name / "all"
        folder.mkdir(parents=True)
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "best.safetensors")
        (folder / "config.json").write_text(json.dumps({"ludb_sha256": "0" * 64}), encoding="utf-8")
    export_networks(root / "beats", root / "waves", root / "out", FIGURES)
    return root / "out", models


@pytest.mark.slow
def test_an_exported_network_computes_what_pytorch_does(
    exported: tuple[Path, dict[str, torch.nn.Module]],
) -> None:
    folder, models = exported
    for name, model in models.items():
        network = OnnxNetwork(folder, name)
        for shape in ((1, 1, 160), (3, 12, 2512), (1, 8, 16)):
            ecg = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            with torch.inference_mode():
                expected = model.eval()(torch.from_numpy(ecg)).numpy()
            np.testing.assert_allclose(network.logits(ecg), expected, atol=1e-4)


@pytest.mark.slow
def test_the_manifest_holds_configuration_data_and_figures(
    exported: tuple[Path, dict[str, torch.nn.Module]],
) -> None:
    folder, models = exported
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, model in models.items():
        entry = manifest["networks"][name]
        assert entry["n_parameters"] == sum(p.numel() for p in model.parameters())
        assert entry["figures"] == FIGURES[name]
        assert entry["data"] == {"ludb_sha256": "0" * 64}
    assert manifest["networks"]["waves"]["config"] == json.loads(json.dumps(asdict(waves.DEFAULT)))


@pytest.mark.slow
def test_nothing_of_the_exporting_machine_is_in_the_file(exported: tuple[Path, dict[str, torch.nn.Module]]) -> None:
    for name in ("beats", "waves"):
        content = (exported[0] / f"{name}.onnx").read_bytes()
        assert str(Path.cwd()).encode() not in content
        assert b"site-packages" not in content


def test_the_wave_network_neither_mixes_records_nor_depends_on_the_order_of_leads() -> None:
    torch.manual_seed(0)
    model = DelineationNetwork(replace(waves.DEFAULT.model)).eval()
    x = torch.randn(2, 5, 320)
    with torch.inference_mode():
        whole = model(x)
        torch.testing.assert_close(model(x[:1]), whole[:1], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model(x.flip(1)).flip(1), whole, atol=1e-5, rtol=1e-5)
    assert whole.shape == (2, 5, 6, 320)


def test_the_beat_network_takes_repeated_leads_as_one() -> None:
    torch.manual_seed(0)
    model = BeatNetwork(beats.DEFAULT.model).eval()
    x = torch.randn(2, 1, 320)
    with torch.inference_mode():
        torch.testing.assert_close(model(x.repeat(1, 4, 1)), model(x), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_exporting_twice_gives_the_same_bytes() -> None:
    torch.manual_seed(0)
    model = BeatNetwork(beats.DEFAULT.model)
    assert export_network(model, 8) == export_network(model, 8)
