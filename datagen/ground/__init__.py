"""What the ground is made of: layers, thin beds, faults, salt, water."""
