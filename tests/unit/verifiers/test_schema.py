import pytest
from pydantic import ValidationError

from verifiers.schema import SchemaVerifier

verifier = SchemaVerifier()
SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}


@pytest.mark.parametrize("reference", [SCHEMA, {"schema": SCHEMA}])
def test_documents_that_fit(reference):
    for response in ('{"a": 1}', 'Here:\n```json\n{"a": 2}\n```', '```\n{"a": 2}\n```', '<think>{}</think>{"a": 3}'):
        assert verifier.verify(response, reference).status == "correct"


def test_documents_that_do_not_fit():
    verdict = verifier.verify('{"a": 0}', SCHEMA)
    assert (verdict.status, verdict.reason) == ("incorrect", "invalid")
    assert verdict.details == {"path": "$.a", "message": "0 is less than the minimum of 1"}
    for response in ('{"a": 1, "b": 2}', "[]", '{"a": true}', '{"a": "1"}'):
        assert verifier.verify(response, SCHEMA).reason == "invalid"
    for response in ("{", "{'a': 1}", '{"a": 1} and more', '{"a": NaN}', "[" * 100_000):
        assert verifier.verify(response, SCHEMA).reason == "not_json"
    assert verifier.verify(" ", SCHEMA).status == "no_answer"


def test_schemas_are_checked_and_nothing_is_fetched():
    with pytest.raises(ValidationError, match="no valid JSON Schema"):
        verifier.verify("{}", {"type": "objekt"})
    with pytest.raises(ValidationError):
        verifier.verify("{}", "object")
    with pytest.raises(ValidationError, match="not fetched"):
        verifier.verify("{}", {"$ref": "https://example.org/schema.json"})
    assert verifier.verify("5", {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}).status == "correct"
