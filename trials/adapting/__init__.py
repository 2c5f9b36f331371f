"""Adapts a bundle to the ground of a user's shots, without labels."""
