"""A finished network as a folder, and what keeps a stranger's folder harmless."""
