"""What `seisnas` offers, subject by subject."""
