"""Waves through the ground: survey, time stepping, migration, first arrivals."""
