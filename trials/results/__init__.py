"""The results of runs: tables, figures, reports, bundles."""
