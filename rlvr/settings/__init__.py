"""What configurations are made of, and how a file becomes one. `rlvr/config.py` has the stages'."""
