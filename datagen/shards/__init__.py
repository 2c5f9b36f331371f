"""A data set on disk: its manifest and the shards it is made of."""
