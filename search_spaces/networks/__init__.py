"""Networks, all behind one contract."""
