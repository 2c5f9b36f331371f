"""Trains networks that migrate: loss of both outputs, velocities that are given."""
