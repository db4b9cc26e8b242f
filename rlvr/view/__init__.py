"""Looking into runs. Reads what a run has left on disk; imports no torch and no ray, and never writes to a journal."""
