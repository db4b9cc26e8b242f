"""The embedded backend: fork servers, namespaces, seccomp, rlimits, control groups. Needs Linux, no daemon, no root.

Start at `backend`. Imports nothing here: the fork server's memory is copied for each run, so it must hold little.
"""
