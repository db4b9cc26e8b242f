import pytest

from verifiers.keys import KEYS_VARIABLE, read_keys

SECRET = "s" * 16


def test_keys_of_a_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{SECRET}\n\n  {SECRET}2 alice\n{SECRET}3 bob 100\n")
    first, second, third = read_keys(file)
    assert (first.secret, len(first.name), first.items) == (SECRET, 8, None)
    assert (second.name, third.name, third.items) == ("alice", "bob", 100)
    assert SECRET not in repr(first)


def test_keys_of_the_environment(monkeypatch):
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    assert read_keys(None) == []
    monkeypatch.setenv(KEYS_VARIABLE, f"{SECRET} alice; {SECRET}2 bob 7")
    assert [(key.name, key.items) for key in read_keys(None)] == [("alice", None), ("bob", 7)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "holds no key; write one a line"),
        ("hunter2", "key 1 has under 16 characters"),
        (f"{SECRET} alice many", r"key 1: expected SECRET \[NAME \[ITEMS\]\]"),
        (f"{SECRET} alice 0", "ITEMS a whole number above 0"),
        (f"{SECRET} alice 1 2", "expected SECRET"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, text, message):
    (tmp_path / "keys").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_keys(tmp_path / "keys")
