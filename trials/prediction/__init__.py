"""Trained networks at work on the user's own data."""
