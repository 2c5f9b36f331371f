"""Networks are trained and scored."""
