"""Weights that come from elsewhere: pretraining, published files."""
