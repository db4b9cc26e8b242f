import pytest
from starlette.testclient import TestClient

from verifiers.service import Settings, create_app

TASKS = """\
{"id": "sum", "prompt": "What is 2+2, and please show how you came to it?", "verifier": "math", "reference": "4"}
{"prompt": [{"role": "user", "content": "Name a colour."}], "verifier": "exact", "reference": "red"}
"""


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A client of the whole app, with its grader and its sandbox, in this process."""
    labels = tmp_path_factory.mktemp("labels") / "tasks.jsonl"
    labels.write_text(TASKS)
    app = create_app(Settings(labels=str(labels), workers=2))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
