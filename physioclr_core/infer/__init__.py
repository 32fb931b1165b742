"""Model manifest, preprocessing, ONNX session and calibrated predictions."""
