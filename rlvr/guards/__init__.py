"""What keeps a run honest, and says so when it is not."""
