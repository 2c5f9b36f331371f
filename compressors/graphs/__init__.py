"""ONNX graphs: writing, checking, running, 8-bit quantization."""
