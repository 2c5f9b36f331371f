"""Runs trained networks on the user's own data."""
