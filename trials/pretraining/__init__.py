"""Pretrains encoders on unlabelled samples."""
