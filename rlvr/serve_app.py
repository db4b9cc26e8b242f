"""The verifier service behind Ray Serve: `serve run rlvr.serve_app:build replicas=2 key_file=/keys`.

For clusters that route everything through Serve. `rlvr serve` is faster on small requests, and Ray jobs need neither:
they have the grader as actors. It takes `ray[serve]`.
"""

from pathlib import Path

from ray import serve
from ray.serve import Application

from verifiers.admission import Limits
from verifiers.keys import read_keys
from verifiers.service import Settings, create_app


def build(arguments: dict[str, str]) -> Application:
    """The application. `replicas` (1), `cpus` of each (1), and `key_file` or `RLVR_API_KEYS` on every node.

    Raises ValueError where there is no key: Serve's proxies can be reached from outside.
    """
    cpus = int(arguments.get("cpus", "1"))
    settings = Settings(key_file=arguments.get("key_file"), workers=cpus)
    limits = Limits()

    def app() -> object:
        if not read_keys(Path(settings.key_file) if settings.key_file else None):
            raise ValueError("clients need keys: give key_file=FILE, or set RLVR_API_KEYS on every node")
        return create_app(settings)

    deployment = serve.deployment(
        name="rlvr-verifiers",
        num_replicas=int(arguments.get("replicas", "1")),
        ray_actor_options={"num_cpus": cpus},
        max_ongoing_requests=limits.queue,
    )
    return deployment(serve.ingress(app)()).bind()
