"""Who is let in: loopback names without keys, keys otherwise, and no form of another site."""

import base64
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rlvr.view.app import create_app

KEY = "0123456789abcdef"


def get(root: Path, host: str = "localhost", keys: tuple[str, ...] = (), **headers: str) -> int:
    client = TestClient(create_app(root, keys), base_url=f"http://{host}")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/", headers=named).status_code


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8100", "[::1]:8100"])
def test_loopback_names_are_answered(written: Path, host: str) -> None:
    assert get(written.parent, host) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8100", "127.0.0.1.evil.example", "10.0.0.7"])
def test_a_name_that_was_pointed_here_is_refused(written: Path, host: str) -> None:
    assert get(written.parent, host) == 403


@pytest.mark.parametrize("host", ["[::1", "]", "[x]", "", "localhost@evil.example", "//"])
def test_what_is_no_name_is_refused(written: Path, host: str) -> None:
    assert get(written.parent, "localhost", **{"Host": host}) == 403


@pytest.mark.parametrize("origin", ["http://[::1", "http://]"])
def test_a_form_from_nowhere_judges_nothing(written: Path, origin: str) -> None:
    with TestClient(create_app(written.parent), base_url="http://localhost") as client:
        assert client.post("/r/demo/-/rollouts/000003/0/0000/000", headers={"origin": origin}).status_code == 403


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (basic(KEY), 200),
        (f"Bearer {KEY}", 200),
        (basic(KEY + "0"), 401),
        (basic(""), 401),
        ("Basic ???", 401),
        ("Basic /w==", 401),
        (f"Digest {KEY}", 401),
        ("", 401),
    ],
)
def test_with_keys_one_must_be_given(written: Path, authorization: str, status: int) -> None:
    assert (
        get(written.parent, "anywhere.example", (KEY, "another-key-of-sixteen"), authorization=authorization) == status
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://localhost"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_a_form_of_another_site_judges_nothing(written: Path, headers: dict[str, str], status: int) -> None:
    with TestClient(create_app(written.parent), base_url="http://localhost") as client:
        assert client.post("/r/demo/-/rollouts/000003/0/0000/000", headers=headers).status_code == status
