"""Run a Python script in the warm interpreter so that it cannot tell the difference from `python main.py`.

Nothing here is protection: the walls stand already, and the script may read or change all of this.
"""

import atexit
import builtins
import contextlib
import gc
import importlib
import io
import os
import signal
import site
import sys
import types
import weakref
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path

from sandbox.process.root import PACKAGES
from sandbox.process.walls import ENVIRONMENT, HOME, SCRIPT, SCRIPTS

_LONG = 1 << 63
KEPT = "_sandbox_kept"
"""A module whose `modules` are, by name, those that the sandbox was opened with."""

_FLUSH_FAILED = 120
"""CPython's exit code when the last flush fails."""


_AT_START = {
    *sys.builtin_module_names,
    *("abc", "codecs", "encodings", "genericpath", "io", "os", "posixpath", "site", "stat", "zipimport"),
    *("_collections_abc", "_frozen_importlib", "_frozen_importlib_external", "_sitebuiltins", "__main__"),
}
"""Modules that plain Python has before it looks for any file, so that none goes before them."""

_globals: dict[str, object] = {}
"""What each script finds among its own."""
_streams: tuple[object, ...] = ()
"""Standard output and standard error as the script found them."""
_known = 0
"""How many modules were there before any script; later ones come after them in sys.modules."""


def warm_up(preload: Iterable[str], kept: Iterable[tuple[str, types.CodeType]] = ()) -> None:
    """Make this interpreter one that scripts find modules loaded in, and nothing of ours.

    kept: names and code of modules that may import those before them. Only who knows of KEPT finds them.
    """
    os.environ.update(ENVIRONMENT)
    sys.path.append(PACKAGES)
    for module in preload:
        importlib.import_module(module)
    # Once before all runs what costs the first caller dearly: the compiler alone takes 1.5 ms to set up its types.
    exec(compile("import sys\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    pass", "warm", "exec"), {})
    for add in (site.setquit, site.setcopyright, site.sethelper):  # `exit` and its like, which -S leaves out
        add()
    _keep(kept)
    for module in [name for name in sys.modules if name.partition(".")[0] == __package__.partition(".")[0]]:
        del sys.modules[module]  # a script may have a module of this name; we have imported all that we need
    source = str(Path(__file__).parents[2])
    for path in [path for path in sys.path_importer_cache if path.startswith(source)]:
        del sys.path_importer_cache[path]
    gc.collect()
    gc.freeze()  # the collector of a clone need not touch, and so copy, what it shares with us


def _keep(kept: Iterable[tuple[str, types.CodeType]]) -> None:
    modules = {name: types.ModuleType(name) for name, _ in kept}
    if modules:
        sys.modules.update(modules)
        for name, code in kept:
            exec(code, modules[name].__dict__)
        for name in modules:
            del sys.modules[name]
        holder = sys.modules[KEPT] = types.ModuleType(KEPT)
        holder.__dict__["modules"] = modules


def set_the_stage() -> None:
    """Make the interpreter look as if it had just been started with `main.py`, for each script alike.

    Where nothing of ours is imported any more, for it could be the script's.
    """
    global _globals, _known, _streams
    _streams = (sys.stdout, sys.stderr)
    sys.argv = [Path(SCRIPT).name]
    sys.orig_argv = [sys.executable, *sys.argv]
    sys.path[:0] = (HOME, SCRIPTS)  # where a module may import the script itself
    _globals = {
        "__builtins__": builtins,
        "__file__": SCRIPT,
        "__loader__": SourceFileLoader("__main__", SCRIPT),
        "__cached__": None,
    }
    _known = len(sys.modules)


def adapt(arguments: Iterable[str], files: Iterable[str]) -> None:
    """To this script's arguments, and to the files next to it."""
    global _known
    sys.argv += arguments
    sys.orig_argv += arguments
    # A file next to the script goes before a module of the standard library, also before one that is loaded already.
    for shadowed in {name.removesuffix(".py").removesuffix("/__init__") for name in files if name.endswith(".py")}:
        if shadowed in sys.modules and shadowed not in _AT_START:
            for module in [name for name in sys.modules if name == shadowed or name.startswith(f"{shadowed}.")]:
                del sys.modules[module]
    _known = len(sys.modules)


def run(source: bytes) -> int:
    """Run the script that reads so to its end, at-exit functions included, and give the exit code."""
    gc.freeze()  # what is ours: the last collection is to look at the script's own
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    names = main.__dict__
    names.update(__annotations__={}, **_globals)
    del main
    try:
        exec(compile(source, SCRIPT, "exec", dont_inherit=True), names)
        exit_code, is_interrupted = 0, False
    except BaseException as error:  # whatever the script raises, it ends as in CPython's own main
        exit_code, is_interrupted = _uncaught(error), type(error) is KeyboardInterrupt
    del names
    exit_code = _finish(exit_code)
    if is_interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return exit_code


def _uncaught(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return _system_exit(error.code)
    trace = error.__traceback__.tb_next if error.__traceback__ else None  # without our own frame
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except SystemExit as asked:
        return _system_exit(asked.code)
    except BaseException as broken:  # a hook of the script's own
        print("Error in sys.excepthook:", file=sys.stderr)  # noqa: T201
        broken.__context__ = None
        broken.__traceback__ = broken.__traceback__.tb_next if broken.__traceback__ else None
        sys.__excepthook__(type(broken), broken, broken.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)  # noqa: T201
        sys.__excepthook__(type(error), error, trace)
    return 1


def _system_exit(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -_LONG <= code < _LONG else 0xFF
    print(code, file=sys.stderr)  # noqa: T201
    return 1


def _finish(exit_code: int) -> int:
    """What Py_FinalizeEx does that a script can notice; tearing down the whole interpreter would cost more."""
    for step in (_join_threads, atexit._run_exitfuncs, _flush, _write_out, _clear_modules, _collect):
        try:
            step()
        except BaseException:  # the script's own; CPython too goes on
            continue
    try:
        _flush()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            print(f"Exception ignored in: {sys.stdout!r}\n{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        exit_code = exit_code or _FLUSH_FAILED
    _write_out()
    return exit_code


def _join_threads() -> None:
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()


def _collect() -> None:
    """All that there is. A full collection does more than that, so it is done only where something has grown old."""
    gc.collect(2 if gc.get_objects(2) else 1 if gc.get_objects(1) else 0)


def _flush() -> None:
    """Whatever the script has put there; the first failure is raised once both were tried."""
    failures = []
    for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
        if stream is not None and not getattr(stream, "closed", False):
            try:
                stream.flush()
            except BaseException as error:
                failures.append(error)
    if failures:
        raise failures[0]


def _write_out() -> None:
    """What buffers hold that are still alive, as when the interpreter takes them down: first texts, then bytes."""
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    # Not isinstance, which would ask the object.
    alive = [one for one in (*_streams, *gc.get_objects()) if issubclass(type(one), kinds)]
    for stream in sorted(alive, key=lambda stream: not issubclass(type(stream), io.TextIOWrapper)):
        with contextlib.suppress(BaseException):
            if not stream.closed:
                stream.flush()


def _clear_modules() -> None:
    """Let go of the script and of its own modules: files get written, `__del__` gets called, with globals if it can.

    As CPython: who is in a cycle is collected whole; who is kept alive from elsewhere loses name by name.
    """
    newer = [name for _, name in zip(range(len(sys.modules) - _known), reversed(sys.modules), strict=False)]
    left = []
    for name in ("__main__", *newer):
        module = sys.modules.get(name)
        if (getattr(module, "__file__", None) or "").startswith((f"{HOME}/", f"{SCRIPTS}/")):
            left.append(weakref.ref(sys.modules.pop(name)))
    del module
    _collect()
    for reference in left:
        if (alive := reference()) is not None:
            names = vars(alive)
            for key in sorted(names, key=lambda key: not key.startswith("_") or key.startswith("__")):
                if key != "__builtins__":
                    names[key] = None
