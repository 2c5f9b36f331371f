"""A finished network as a folder, and the checks that make an untrusted folder harmless."""
