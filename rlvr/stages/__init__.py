"""What a Ray job runs: a configuration becomes parts, and the parts run. One file a stage."""
