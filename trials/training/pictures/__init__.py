"""Pictures of what a network predicts while it is trained."""
