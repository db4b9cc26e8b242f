"""Whatever fits our OpenAPI document, and much that does not, is answered as the document says."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SECONDS = 90
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(serving):
    with serving(PYTHONPATH=str(ROOT)) as (url, _):  # without the plug-ins that are broken on purpose
        yield url


def test_schemathesis(url, foreign, tmp_path):
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    done = foreign(
        "schemathesis", "run", f"{url}/openapi.json",
        "--checks", f"{checks},response_headers_conformance,negative_data_rejection,use_after_free",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--max-time", SECONDS,
        "--suppress-health-check", "all", "--seed", "1", "--no-color", "--request-timeout", "60",
        cwd=tmp_path,  # where it leaves its cache
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
