"""Is the response a JSON document that fits a JSON Schema?

The document is the last fenced block, or all of the text. Schemas that refer to others are refused. Patterns in
a schema can take exponential time, so this runs where it can be killed.
"""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import SchemaError, ValidationError
from jsonschema.validators import Draft202012Validator, validator_for
from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict
from verifiers.code.extract import fenced_blocks
from verifiers.format import final_part


class SchemaReference(BaseModel):
    """a JSON Schema, bare or as `{"schema": ...}`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    json_schema: dict[str, Any] | bool = Field(alias="schema")

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        return value if isinstance(value, dict) and set(value) == {"schema"} else {"schema": value}

    @model_validator(mode="after")
    def _is_schema(self) -> "SchemaReference":
        try:
            validator_for(self.json_schema, Draft202012Validator).check_schema(self.json_schema)  # type: ignore[arg-type]
        except SchemaError as error:
            raise ValueError(f"no valid JSON Schema: {error.message[:300]}") from error
        foreign = next((link for link in links(self.json_schema) if not link.startswith("#")), None)
        if foreign is not None:
            raise ValueError(f"the schema refers to another document, which is not fetched: {foreign[:200]!r}")
        return self


def links(schema: Any) -> Iterator[str]:
    """The references of a schema, its parts included."""
    if isinstance(schema, dict):
        yield from (link for key, link in schema.items() if key in ("$ref", "$dynamicRef") and isinstance(link, str))
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in parts:
        yield from links(part)


class SchemaVerifier:
    """1.0 when the response is one JSON document that the schema accepts."""

    name = "json_schema"
    version = "1.0.0"
    isolation = "process"
    Reference = SchemaReference

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        schema = SchemaReference.model_validate(reference).json_schema
        text = document(final_part(response))
        if not text:
            return Verdict.no_answer("empty_response")
        try:
            value = json.loads(text, parse_constant=refuse)
        except (ValueError, RecursionError):
            return Verdict.incorrect("not_json", extracted=text)
        try:
            found = next(validator_for(schema, Draft202012Validator)(schema).iter_errors(value), None)
        except RecursionError:
            return Verdict.undecided("too_deep", extracted=text)
        if found is None:
            return Verdict.correct("valid", extracted=text)
        return Verdict.incorrect("invalid", extracted=text, details=fault(found))


def document(text: str) -> str:
    """The last closed block without a language or in JSON, else the whole text."""
    blocks = [block.text for block in fenced_blocks(text) if block.closed and block.language in ("", "json")]
    return (blocks[-1] if blocks else text).strip()


def refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def fault(error: ValidationError) -> dict[str, Any]:
    return {"path": error.json_path[:200], "message": error.message[:300]}
