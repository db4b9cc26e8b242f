import base64
import os
import pickle
import zlib
from collections import OrderedDict

import pytest

from verifiers.wire.pickled import unpack

TESTS = [
    "assert add(1, 2) == 3",
    {"input": "1\n", "output": "2\n", "n": 3, "f": 0.5, "none": None, "yes": True},
    ("a",),
]

DAMAGED = [b"", b"\x80\x04", b"(lp0\n", b"I1\n", b"0.", b"Pid\n.", b"\x80\x04\x95" + b"\xff" * 8 + b"."]


def packed(value, protocol=None):
    return base64.b64encode(zlib.compress(pickle.dumps(value, protocol))).decode()


class Payload:
    """Would leave a file behind, if anything in it were called."""

    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_back(protocol):
    assert unpack(packed(TESTS, protocol)) == TESTS


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "call",
    [
        (os.system, ("touch PWNED",)),
        (eval, ("open('PWNED', 'w')",)),
        (OrderedDict, ()),
        (print, ()),
        (getattr, ("a", "upper")),
    ],
    ids=["system", "eval", "class", "builtin", "attribute"],
)
def test_whatever_calls_is_refused_and_never_called(tmp_path, monkeypatch, protocol, call):
    monkeypatch.chdir(tmp_path)
    text = packed([Payload(call)], protocol)
    with pytest.raises(ValueError, match="no pickle of plain data"):
        unpack(text)
    assert list(tmp_path.iterdir()) == []


def test_a_small_pickle_of_something_huge_is_refused():
    bomb = ["x"] * 1000
    for _ in range(5):
        bomb = [bomb] * 1000
    with pytest.raises(ValueError, match="parts"):
        unpack(packed(bomb))
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        unpack(packed(["x" * 100_000]), most_bytes=1000)
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="parts"):
        unpack(packed(endless))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not packed",
        "\u00fc",
        base64.b64encode(b"not compressed").decode(),
        *(base64.b64encode(zlib.compress(data)).decode() for data in DAMAGED),
        packed({1, 2}),
        packed([b"bytes"]),
    ],
)
def test_anything_else_is_one_clear_error(text):
    with pytest.raises(ValueError, match=r"plain data|neither JSON"):
        unpack(text)
