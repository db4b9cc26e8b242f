"""What deploy/ says of us is true: metrics exist, files are there, commands are understood. Schemas: tests/contract."""

import json
import re
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from verifiers import metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
BOARD = json.loads((DEPLOY / "grafana" / "rlvr.json").read_text())
KIT = run_path(str(Path(__file__).with_name("test_readme.py")))


def queries() -> str:
    return "\n".join(target["expr"] for panel in BOARD["panels"] for target in panel["targets"])


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which rlvr[train] brings")
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "cluster.yaml").read_text())
    return found


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    source = Path(metrics.__file__).read_text()
    asked = {re.sub(r"_bucket$", "", name) for name in re.findall(r"\brlvr_\w+", queries())}
    assert len(asked) > 6
    assert [name for name in sorted(asked) if f'"{name}"' not in source] == []


def test_rays_metrics_are_rays() -> None:
    ray = pytest.importorskip("ray", reason="needs rlvr[train]")
    folder = Path(ray.__file__).parent / "dashboard"
    known = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    asked = set(re.findall(r"\bray_(\w+)", queries()))
    assert len(asked) > 4
    assert [name for name in sorted(asked) if name not in known] == []


def test_actors_are_counted_once() -> None:
    """Ray tells of each twice: as the head knows it, and as its own process does."""
    assert re.findall(r"ray_actors(\S*)", queries()) == ['{Source="gcs"})']


def test_panels_are_told_apart_and_explained() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len({panel["title"] for panel in BOARD["panels"]})
    assert all(panel["description"] for panel in BOARD["panels"])


def test_every_file_of_the_cluster_is_there() -> None:
    files = [config["file"] for config in compose()["configs"].values()]
    files += [service["extends"]["file"] for service in compose()["services"].values() if "extends" in service]
    assert [file for file in files if not (DEPLOY / file).is_file()] == []
    builds = [service["build"]["dockerfile"] for service in compose()["services"].values() if "build" in service]
    assert [file for file in builds if not (DEPLOY.parent / file).is_file()] == []


def test_nothing_is_open_to_the_outside_and_no_secret_is_in_the_file() -> None:
    services = compose()["services"].values()
    ports = [port for service in services for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    for name in ("RAY_AUTH_TOKEN", "GRAFANA_PASSWORD"):
        assert f"${{{name}:?" in (DEPLOY / "cluster.yaml").read_text()


@pytest.mark.parametrize(("file", "service"), [("compose.yaml", "verifiers"), ("cluster.yaml", "ray-worker")])
def test_no_profile_of_the_engine_keeps_the_sandbox_from_its_mounts(file: str, service: str) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which rlvr[train] brings")
    options = yaml.safe_load((DEPLOY / file).read_text())["services"][service]["security_opt"]
    assert {"seccomp:service-seccomp.json", "apparmor:unconfined", "systempaths=unconfined"} <= set(options)


def test_its_comments_name_commands_that_there_are() -> None:
    said = re.findall(r"\brlvr (submit .*)$", (DEPLOY / "cluster.yaml").read_text(), re.MULTILINE)
    assert said
    assert [KIT["problem"](line.split()) for line in said] == [None] * len(said)
