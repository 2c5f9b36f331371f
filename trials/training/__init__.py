"""Trains and scores networks."""
