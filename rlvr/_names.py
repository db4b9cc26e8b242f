"""Fail early, and say why, when another distribution owns the import names `verifiers` or `sandbox`.

The packages are looked at, not imported: `rlvr --help` needs neither.
"""

from importlib.util import find_spec
from pathlib import Path

for _name in ("sandbox", "verifiers"):
    _spec = find_spec(_name)
    if _spec is None:
        raise ImportError(f"rlvr needs its package {_name!r}, which is not there: install rlvr again")
    if not (_spec.origin and '__project__ = "rlvr"' in Path(_spec.origin).read_text()):
        _owner = Path(_spec.origin).parent if _spec.origin else next(iter(_spec.submodule_search_locations or ["?"]))
        raise ImportError(
            f"rlvr needs its own package {_name!r}, but {_owner} belongs to another project. "
            "Install rlvr in an environment of its own; the PyPI package `verifiers` uses the same import name."
        )
