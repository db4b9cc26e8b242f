"""The insides of `rlvr.load`: walking models, overrides, messages, TOML text."""
