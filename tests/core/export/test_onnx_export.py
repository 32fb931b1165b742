"""From a network to ONNX: slow, because PyTorch's exporter is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from random_networks import randomise_norms_
from real_records import real_signal_mv

from physioclr_core.errors import ModelError
from physioclr_core.export.onnx_export import PARITY_LIMIT, check_parity, export_onnx
from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.classifier import Classifier, HeadKind
from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.residual_encoder import ResidualEncoder

pytestmark = [
    pytest.mark.slow,
    # PyTorch's exporter warns of itself; numpy's warnings stay errors.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


def small_network(head: HeadKind = "linear") -> Classifier:
    """A residual CNN with random weights and, in its batch norms, random statistics; two pooled shortcuts."""
    torch.manual_seed(0)
    config = ResidualEncoderConfig(stem_channels=16, stages=((16, 1, 1), (24, 1, 2), (32, 1, 2)), squeeze=4)
    model = Classifier(ResidualEncoder(config), 71, head)
    randomise_norms_(model)
    return model.eval()


def test_exporting_leaves_the_model_as_it_was_and_a_network_that_differs_is_refused(tmp_path: Path) -> None:
    model, path = small_network(), tmp_path / "model.onnx"
    before = {key: value.clone() for key, value in model.state_dict().items()}
    export_onnx(model, path, 1000)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    x, mask = np.stack([model_input(real_signal_mv(i)) for i in range(3)]), np.ones((3, 1000), np.float32)
    assert check_parity(model, path, x, mask).logits <= PARITY_LIMIT
    with torch.no_grad():
        model.head.bias.add_(0.001)
    with pytest.raises(ModelError, match="ONNX differs from torch by 1.0e-03"):
        check_parity(model, path, x, mask)


@pytest.mark.parametrize(("n_samples", "head"), [(1000, "linear"), (1002, "linear"), (1000, "linear-spread")])
def test_shortcuts_and_heads_are_the_same_after_the_export_at_any_length(
    n_samples: int, head: HeadKind, tmp_path: Path
) -> None:
    model, path = small_network(head), tmp_path / "model.onnx"
    export_onnx(model, path, n_samples)
    x = model_input(np.stack([np.tile(real_signal_mv(i), (1, 2))[:, :n_samples] for i in range(3)]))
    mask = np.ones((3, n_samples), np.float32)
    mask[1, n_samples // 2 :] = 0.0
    parity = check_parity(model, path, x, mask)
    assert max(parity.logits, parity.embedding, parity.probability) <= PARITY_LIMIT


def test_the_file_names_no_folder_of_the_machine_that_made_it(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(small_network(), path, 1000)
    content = path.read_bytes()
    assert str(Path(__file__).resolve().parents[3]).encode() not in content
    assert b"site-packages" not in content
