"""Recordings compared with the survey of a bundle or a preset, and brought to it."""
