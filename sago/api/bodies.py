"""Bodies that are read once it is known who calls: as a parameter of a route, FastAPI would read them before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from sago.api.intake import check_type
from sago.api.problems import unreadable

Sent = TypeVar("Sent", bound=BaseModel)


def body_as(model: type[Sent]) -> Callable[[Request], Awaitable[Sent]]:
    """A dependency: the body as this model; raises a problem with status 408, 413, 415 or 422."""

    async def read(request: Request) -> Sent:
        check_type(request)
        body = await request.body()
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            said = error.errors(include_url=False, include_context=False)
            if said[0]["type"] == "json_invalid":
                raise unreadable(error) from None
            raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in said]) from None

    return read


def described(model: type[BaseModel], examples: dict[str, Any]) -> dict[str, Any]:
    """The body for OpenAPI."""
    content = {"schema": model.model_json_schema(), "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
