"""ONNX graphs: written, checked, run, in 8 bits."""
