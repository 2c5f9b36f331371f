"""First breaks: gathers in, picks out."""
