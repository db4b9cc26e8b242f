import pytest

from verifiers import registry
from verifiers.base import Verifier


@pytest.mark.parametrize(
    "name",
    [
        "exact",
        "choice",
        "regex",
        "numeric",
        "json_schema",
        "format",
        "all",
        "weighted",
        "gate",
        "math",
        "code",
        "instructions",
    ],
)
def test_built_ins_load_and_keep_the_contract(name):
    verifier = registry.load(name)
    assert isinstance(verifier, Verifier)
    assert verifier.name == name
    assert registry.load(name) is verifier


def test_every_built_in_is_listed_once_and_points_into_verifiers():
    listed = [point.name for point in registry.BUILT_IN]
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(registry.names())
    assert all(point.value.startswith("verifiers.") for point in registry.BUILT_IN)


def test_an_unknown_name_is_an_error_with_a_suggestion():
    with pytest.raises(LookupError, match=r"no verifier named 'exat'; did you mean 'exact'\? Installed: "):
        registry.load("exat")
    with pytest.raises(LookupError, match=r"no verifier named .zzzz.\. Installed: "):
        registry.load("zzzz")
