"""Training networks that pick first breaks."""
