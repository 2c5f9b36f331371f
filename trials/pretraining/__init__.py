"""Encoders learn from samples that nobody has labelled."""
