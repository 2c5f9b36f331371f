"""Velocity models, shots and RTM images made with the wave equation, as shards on disk."""
