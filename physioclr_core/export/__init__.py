"""From a training run to a model bundle: ONNX, parity check, manifest, model card."""
