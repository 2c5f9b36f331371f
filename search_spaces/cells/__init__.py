"""Cells and the operations on their edges."""
