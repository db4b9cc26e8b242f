"""The embedded backend: fork servers, namespaces, seccomp, rlimits, control groups. Needs Linux, no daemon, no root."""

from sandbox.process.backend import ProcessSandbox as ProcessSandbox
