"""What every run needs: its folder, its devices, its checkpoints and its end."""
