"""The page of an experiment, for the person who watches it: content ─► server ─► browser (page.html, page.js)."""
