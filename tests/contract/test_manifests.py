"""deploy/ by the schemas and linters of those who read it."""

from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_kubernetes(foreign):
    done = foreign("kubernetes-validate", "--strict", f"{DEPLOY}/kubernetes/service.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", ["compose.yaml", "cluster.yaml"])
def test_compose(foreign, file):
    done = foreign("check-jsonschema", "--builtin-schema", "vendor.compose-spec", f"{DEPLOY}/{file}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", ["Dockerfile.service", "Dockerfile.train"])
def test_dockerfile(foreign, file):
    done = foreign("hadolint", f"{DEPLOY}/{file}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("program", "file", "change"),
    [
        (["kubernetes-validate", "--strict"], "kubernetes/service.yaml", ("replicas:", "replicsa:")),
        (["check-jsonschema", "--builtin-schema", "vendor.compose-spec"], "compose.yaml", ("read_only:", "read_olny:")),
        (["hadolint"], "Dockerfile.service", (":3.11-slim-bookworm", "")),
    ],
)
def test_a_slip_would_be_noticed(foreign, tmp_path, program, file, change):
    broken = tmp_path / file.rpartition("/")[2]
    broken.write_text((DEPLOY / file).read_text().replace(*change))
    assert foreign(*program, broken).returncode != 0
