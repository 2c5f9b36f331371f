"""Networks, all with one contract."""
