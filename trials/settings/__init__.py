"""The configuration, section by section."""
