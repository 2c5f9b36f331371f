"""search, tune and compress: what an NNI trial runs."""
