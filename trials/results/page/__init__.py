"""The page of an experiment, for the person who watches it: content ─► server, past the door ─► browser/."""
