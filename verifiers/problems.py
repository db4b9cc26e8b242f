"""Errors over HTTP as RFC 9457 `application/problem+json`: what was expected, what came, what to do."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20


class FieldError(BaseModel):
    """One thing that is wrong with a request body."""

    pointer: str
    """JSON pointer into the body, as a URI fragment: `#/items/3/response`."""
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457. `type` is a short name of the kind of problem, relative to the service."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldError] = []


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails} for status in (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)
}
"""What any route may answer, for its OpenAPI description."""


class Problem(Exception):
    """Raise it anywhere below a route to answer with an error."""

    def __init__(
        self,
        status: int,
        detail: str,
        type: str = "about:blank",
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.type = status, detail, type
        self.errors, self.headers = errors or [], headers

    def response(self, path: str) -> Response:
        title = HTTPStatus(self.status).phrase
        details = ProblemDetails(
            type=self.type, title=title, status=self.status, detail=self.detail, instance=path, errors=self.errors
        )
        content = json.dumps(details.model_dump())
        return Response(content, self.status, dict(self.headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of the app, its framework's included, becomes a problem."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response(request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return Problem(error.status_code, error.detail, headers=error.headers).response(request.url.path)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _invalid(error.errors()).response(request.url.path)

    async def crash(request: Request, error: Exception) -> Response:
        return Problem(500, "the service failed; its log has the traceback").response(request.url.path)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, crash)


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document that tells the truth of our errors, where the framework writes down its own."""
    ours = {"$ref": "#/components/schemas/ProblemDetails"}
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                schemas = [part.get("schema") for part in answer.get("content", {}).values()]
                if ours in schemas or {"$ref": "#/components/schemas/HTTPValidationError"} in schemas:
                    answer["content"] = {MEDIA_TYPE: {"schema": ours}}
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _invalid(found: Any) -> Problem:
    first = found[0]
    if first["type"] == "json_invalid":
        return Problem(
            400, f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}", "not-json"
        )
    if isinstance(first["input"], bytes):
        return Problem(415, "send JSON, with `Content-Type: application/json`", "not-json")
    errors = [FieldError(pointer=_pointer(error["loc"]), detail=_detail(error)) for error in found[:MOST_ERRORS]]
    detail = f"{errors[0].pointer}: {errors[0].detail}" + (f"; and {len(found) - 1} more" if len(found) > 1 else "")
    return Problem(422, detail, "invalid-request", errors)


def _pointer(location: tuple[str | int, ...]) -> str:
    """`("body", "<one>", "params")` -> `#/params`. Parts in angle brackets name the branch of a union, not a key."""
    parts = [str(part) for part in location[1:] if not str(part).startswith("<")]
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _detail(error: Any) -> str:
    if error["type"] == "missing":
        return str(error["msg"])
    came = repr(error["input"])
    return f"{error['msg']}, got {came if len(came) <= 60 else came[:57] + '...'}"
