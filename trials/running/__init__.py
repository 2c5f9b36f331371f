"""What every run needs: folder, devices, checkpoints, a clean end."""
