"""One file per noun of the command line. Heavy imports stay inside the functions, so that `rlvr --help` is quick."""
