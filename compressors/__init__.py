"""Smaller and portable networks."""
