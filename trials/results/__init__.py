"""What runs have left: tables, figures, reports, bundles."""
