"""search, tune and compress: the stages of NNI trials."""
