"""JSON bodies of acts, read behind the key: the framework would read them before it asks who calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from sago.api.intake import read_body
from sago.api.problems import ProblemError, unreadable

Shape = TypeVar("Shape", bound=BaseModel)
MOST = 256_000
"""Bytes."""
JSON = "application/json"


def json_of(shape: type[Shape]) -> Callable[[Request], Awaitable[Shape]]:
    """A dependency: the body as this model, none at all as an empty one. Raises a problem with status 408, 413, 415 or
    422."""

    async def read(request: Request) -> Shape:
        body = await read_body(request, min(MOST, request.app.state.settings.api.body_limit))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != JSON:
            raise ProblemError(415, f"the body is {kind or 'of no type'}: send Content-Type: {JSON}")
        try:
            return shape.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise _refused(error) from None

    return read


def described(
    shape: type[BaseModel], named: Mapping[str, Any] | None = None, *, is_required: bool = True, **examples: Any
) -> dict[str, Any]:
    """`openapi_extra` of a route whose body `json_of` reads."""
    schema = shape.model_json_schema()
    content = {"schema": _inlined(schema, schema.pop("$defs", {}))}
    if named or examples:
        content["examples"] = {**(named or {}), **{name: {"value": value} for name, value in examples.items()}}
    return {"requestBody": {"required": is_required, "content": {JSON: content}}}


def _refused(error: ValidationError) -> Exception:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return unreadable(ValueError(found[0]["msg"]))
    return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found])


def _inlined(schema: Any, named: dict[str, Any]) -> Any:
    """The schema without references: nothing of a body stands under the document's components."""
    if isinstance(schema, list):
        return [_inlined(each, named) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        whole = named[schema["$ref"].rpartition("/")[2]] | {key: each for key, each in schema.items() if key != "$ref"}
        return _inlined(whole, named)
    return {key: _inlined(each, named) for key, each in schema.items()}
