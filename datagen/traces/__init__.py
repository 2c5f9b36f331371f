"""Recorded traces: what each says, the shots and lines they make, and how these fit a survey."""
