"""Fail early, and say why, when another distribution owns the import names `verifiers` or `sandbox`."""

from importlib import import_module

for _name in ("sandbox", "verifiers"):
    _module = import_module(_name)
    if getattr(_module, "__project__", None) != "rlvr":
        raise ImportError(
            f"rlvr needs its own package {_name!r}, but {next(iter(_module.__path__))} belongs to another project. "
            "Install rlvr in an environment of its own; the PyPI package `verifiers` uses the same import name."
        )
