"""Trains networks that pick first breaks."""
