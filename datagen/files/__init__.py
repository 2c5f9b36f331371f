"""Other people's files: SEG-Y, SEG-2, OpenFWI, velocity models."""
