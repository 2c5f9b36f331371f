"""What a recording is, and what it is good for."""
