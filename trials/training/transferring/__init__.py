"""Weights from elsewhere: pretraining, published files."""
