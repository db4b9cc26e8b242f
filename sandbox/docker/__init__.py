"""The same contract on a Docker engine: a fresh container for each run, or the process backend inside containers.

`backend` is the sandbox, `engine` all that is said to Docker, `supervisor` what runs inside the containers.
"""
