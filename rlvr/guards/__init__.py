"""What keeps a run honest, and says so when it is not: each stands before one of the loop's partners."""
