"""The image that programs find around them: where it comes from, and what every image of ours has.

`deploy/Dockerfile.sandbox` builds one with all languages from a registry's Debian. A machine without a registry takes
one from its own files: `rootfs`.
"""

from sandbox.base import SandboxUnavailable
from sandbox.docker import rootfs
from sandbox.docker.engine import CALL_S, Engine, EngineError

NAME = "rlvr-sandbox"
USER_IDS = range(61_000, 61_064)
"""Who programs are, in turn. Unlike 0 or 1000 these are nobody's on the host, so that they share no quota."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def passwd() -> str:
    """Lines that give all of them the name `sandbox`."""
    return "".join(f"sandbox:x:{user}:{user}:sandbox:/tmp:/bin/sh\n" for user in USER_IDS)


def group() -> str:
    return "".join(f"sandbox:x:{user}:\n" for user in USER_IDS)


def ensure(engine: Engine, name: str) -> None:
    """Make the image of our own name from this machine where there is none. Raises SandboxUnavailable for others."""
    try:
        if engine.image(name) is not None:
            return
        if name != NAME:
            raise SandboxUnavailable(f"the Docker engine has no image {name!r}: build or pull it first")
        import_from_here(engine, name)
    except EngineError as error:
        raise SandboxUnavailable(f"the Docker engine failed: {error}") from error


def make(name: str, languages: tuple[str, ...]) -> None:
    """Give the engine of DOCKER_HOST an image of this machine. Raises SandboxUnavailable."""
    engine = Engine(None, CALL_S)
    try:
        import_from_here(engine, name, languages)
    except EngineError as error:
        raise SandboxUnavailable(f"the Docker engine failed: {error}") from error
    finally:
        engine.close()


def import_from_here(engine: Engine, name: str, languages: tuple[str, ...] = ("bash",)) -> None:
    """Make an image of this machine's Python, its usual packages, and the tools of these languages."""
    engine.import_image(rootfs.tar(languages, passwd(), group()), name, [f"ENV PATH={PATH}", 'CMD ["python3"]'])
