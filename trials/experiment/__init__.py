"""The NNI experiment: its tuner, its manager, its web page, its hosts."""
