"""From a training run to a bundle: ONNX and TorchScript graphs that agree with torch, or nothing."""
