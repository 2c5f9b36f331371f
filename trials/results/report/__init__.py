"""The report of an experiment, and two side by side: content ─► report.html, beside.html."""
