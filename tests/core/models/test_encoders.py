"""What every encoder must do, whatever its kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import BaseModel, TypeAdapter, ValidationError
from real_records import real_signal_mv
from safetensors.torch import load_file, save_file
from torch import Tensor

from physioclr_core.export.onnx_export import drop_metadata_
from physioclr_core.infer.preprocess import model_input
from physioclr_core.infer.session import open_session
from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import EncoderConfig
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.models.xresnet1d import Bottleneck

SMALL_CHANGES: dict[str, dict[str, object]] = {
    "residual-cnn": {"stages": ((16, 1, 2), (24, 1, 2)), "stem_channels": 16},
    "xresnet1d50": {"blocks": (1, 2, 1), "channels": 16, "stem_channels": (8, 8, 16)},
    "s4d": {"width": 24, "n_layers": 2},
    "vit": {"width": 48, "n_layers": 2, "ffn": 96},
    "paper": {"conv_channels": 32, "width": 64, "n_layers": 2, "ffn": 128},
    "tiny": {"conv_channels": 32, "width": 64, "n_layers": 2, "ffn": 128},
}
KINDS = list(SMALL_CHANGES)


def small_encoder(name: str, n_leads: int = 12) -> Encoder:
    """The preset with fewer and narrower layers, and with random weights where a preset starts at zero."""
    torch.manual_seed(0)
    config = ENCODER_PRESETS[name].model_copy(update={**SMALL_CHANGES[name], "n_leads": n_leads})
    encoder = build_encoder(config)
    for module in encoder.modules():
        if isinstance(module, Bottleneck):
            torch.nn.init.uniform_(module.widen.norm.weight, 0.5, 1.5)
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
    return encoder.eval()


def real_input(n_samples: int = 1000, n_leads: int = 12, n: int = 3) -> tuple[Tensor, Tensor]:
    x = np.stack([model_input(real_signal_mv(entry))[:n_leads, :n_samples] for entry in range(n)])
    return torch.from_numpy(x), torch.ones(n, n_samples)


def padded(x: Tensor, n_before: int, n_after: int, fill: float = 5.0) -> tuple[Tensor, Tensor]:
    pads = (n_before, n_after)
    mask = torch.nn.functional.pad(torch.ones(len(x), x.shape[-1]), pads)
    return torch.nn.functional.pad(x, pads, value=fill), mask


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n_samples", [250, 577, 1000])
def test_padding_after_the_signal_and_what_it_holds_change_nothing(name: str, n_samples: int) -> None:
    encoder, (x, mask) = small_encoder(name), real_input(n_samples)
    with torch.inference_mode():
        expected = encoder(x, mask)
        for n_after in (3, 400):
            torch.testing.assert_close(encoder(*padded(x, 0, n_after)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["s4d", "paper", "tiny"])
def test_whole_tokens_of_padding_before_the_signal_change_nothing(name: str) -> None:
    # Of the others, one knows where a token lies, and the first output of a strided convolution sees what is before it.
    encoder, (x, mask) = small_encoder(name), real_input(577)
    with torch.inference_mode():
        got = encoder(*padded(x, 5 * encoder.token_stride, 100))
        torch.testing.assert_close(got, encoder(x, mask), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_the_records_of_a_batch_know_nothing_of_each_other(name: str) -> None:
    encoder, (x, mask) = small_encoder(name), real_input()
    with torch.inference_mode():
        torch.testing.assert_close(encoder(x[1:2], mask[1:2]), encoder(x, mask)[1:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_a_record_without_any_signal_gives_zeros_and_no_nan(name: str) -> None:
    encoder, (x, mask) = small_encoder(name), real_input()
    mask[1] = 0.0
    embedding = encoder(x, mask)
    assert bool((embedding[1] == 0.0).all())
    assert bool(embedding.isfinite().all())
    embedding.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in encoder.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", KINDS)
def test_shapes_and_strides_are_as_declared(name: str) -> None:
    encoder, (x, mask) = small_encoder(name), real_input()
    local, local_mask = encoder.local(x, mask)
    tokens, token_mask = encoder.context(local, local_mask)
    assert encoder.token_stride % encoder.local_stride == 0
    assert local.shape[1] in (1000 // encoder.local_stride, -(-1000 // encoder.local_stride))
    assert tokens.shape[1] in (1000 // encoder.token_stride, -(-1000 // encoder.token_stride))
    assert local.shape[2] == encoder.local_features
    assert tokens.shape[2] == encoder.n_features == encoder(x, mask).shape[1]
    assert local_mask.shape == local.shape[:2]
    assert token_mask.shape == tokens.shape[:2]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n_leads", [1, 2, 8])
def test_it_takes_as_many_leads_as_its_configuration_says(name: str, n_leads: int) -> None:
    assert small_encoder(name, n_leads)(*real_input(500, n_leads)).isfinite().all()


@pytest.mark.parametrize("name", KINDS)
def test_a_gradient_reaches_every_weight(name: str) -> None:
    encoder = small_encoder(name).train()
    embedding = encoder(*real_input())
    (embedding - torch.randn_like(embedding)).square().mean().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", KINDS)
def test_the_same_seed_gives_the_same_weights_and_evaluation_is_not_random(name: str) -> None:
    encoder, (x, mask) = small_encoder(name), real_input(500)
    torch.testing.assert_close(encoder(x, mask), encoder(x, mask), rtol=0.0, atol=0.0)
    torch.testing.assert_close(small_encoder(name)(x, mask), encoder(x, mask), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", KINDS)
def test_steps_of_the_optimiser_lower_the_loss(name: str) -> None:
    encoder, (x, mask) = small_encoder(name).train(), real_input(500)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
    target = torch.randn(3, encoder.n_features)
    losses = []
    for _ in range(6):
        loss = (encoder(x, mask) - target).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", KINDS)
def test_weights_go_through_a_file_unchanged(name: str, tmp_path: Path) -> None:
    encoder, (x, mask) = small_encoder(name), real_input(500)
    state = {key: value.contiguous() for key, value in encoder.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    other = small_encoder(name)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(other(x, mask), encoder(x, mask), rtol=1e-6, atol=1e-6)


def largest_difference_to_onnx(encoder: Encoder, path: Path, x: Tensor, mask: Tensor) -> float:
    """Export for any batch size, run in ONNX Runtime, return the largest difference of embeddings."""
    batch = torch.export.Dim("batch", min=1)
    program = torch.onnx.export(
        encoder.eval().to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
        (x[:2], mask[:2]),
        dynamo=True,
        input_names=["ecg", "mask"],
        output_names=["embedding"],
        dynamic_shapes=({0: batch}, {0: batch}),
        external_data=False,
        verbose=False,
    )
    assert program is not None
    drop_metadata_(program.model)
    program.save(str(path), external_data=False)
    session, _ = open_session(path, n_threads=1, allow_gpu=False)
    (got,) = session.run(["embedding"], {"ecg": x.numpy(), "mask": mask.numpy()})
    with torch.inference_mode():
        return float(np.abs(got - encoder(x, mask).numpy()).max())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_the_exported_network_computes_the_same(name: str, tmp_path: Path) -> None:
    x, mask = real_input(500)
    mask[1, 333:] = 0.0
    assert largest_difference_to_onnx(small_encoder(name), tmp_path / "encoder.onnx", x, mask) < 1e-4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.timeout(600)
def test_the_papers_encoder_takes_a_step_and_goes_through_files_and_onnx(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder, (x, mask) = build_encoder(ENCODER_PRESETS["paper"]), real_input(1000)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-5)
    encoder(x, mask).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    save_file(encoder.state_dict(), tmp_path / "weights.safetensors")
    loaded = build_encoder(ENCODER_PRESETS["paper"]).eval()
    loaded.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x, mask), encoder.eval()(x, mask), rtol=0.0, atol=0.0)
    del encoder, optimizer
    mask[1, 800:] = 0.0
    assert largest_difference_to_onnx(loaded, tmp_path / "encoder.onnx", x, mask) < 1e-4


@pytest.mark.parametrize("name", ENCODER_PRESETS)
def test_a_preset_comes_back_from_json_by_its_kind(name: str) -> None:
    adapter: TypeAdapter[BaseModel] = TypeAdapter(EncoderConfig)
    config = ENCODER_PRESETS[name]
    assert adapter.validate_json(config.model_dump_json()) == config


def test_every_setting_of_every_kind_is_described() -> None:
    schema = TypeAdapter(EncoderConfig).json_schema()
    missing = [
        (kind, name)
        for kind, definition in schema["$defs"].items()
        for name, field in definition["properties"].items()
        if name != "kind" and "description" not in field
    ]
    assert missing == []


@pytest.mark.parametrize(("kind", "wrong"), [("transformer", {"n_heads": 5}), ("vit", {"n_heads": 5})])
def test_heads_that_do_not_divide_the_width_are_refused(kind: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="does not divide"):
        TypeAdapter(EncoderConfig).validate_python({"kind": kind, **wrong})
