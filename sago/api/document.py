"""The OpenAPI document: what the routes say, and of each what opens it, by what their dependencies ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from sago.api.access import BEARER
from sago.domain.keys import FOR_FIRMS

ID = "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11"
IN_PATHS = {
    "company_id": ("The company, as `GET /api/v1/companies` has it.", "scaleflow"),
    "event_id": ("As `GET /api/v1/events` has it.", ID),
    "firm_id": ("The firm.", "northgate"),
    "letter_id": ("As the list has it.", "77c0d1aa-4a0f-4a51-8c8f-0c3d1c5a9f21"),
    "source": ("Whose delivery it is.", "slack"),
    "task_id": ("As it was given when the task was started.", "2f1d0c8e-93a5-4c1b-9a7e-6d2f4f0b7c11"),
    "token": ("As it stands in the mail's link.", "tWq0cN4dRkE"),
    "watch_id": ("As `GET /api/v1/watches` has it.", "0b5c1c1e-6f0f-4d9c-8f43-5f6f6f0a7f10"),
}
"""Of each part of a path what it is, where its route does not say so, and an example."""


def name_of(route: APIRoute) -> str:
    """The operation's id: the name of its function, which says what it does and is no other's."""
    return route.name


def complete(app: FastAPI) -> None:
    """Have the application tell its document with what opens each operation, made once."""
    told = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            for operation in _operations(told()):
                _complete(operation)
        return told()

    app.openapi = document  # type: ignore[method-assign]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _complete(operation: dict[str, Any]) -> None:
    operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            about, example = IN_PATHS[parameter["name"]]
            parameter.setdefault("description", about)
            parameter.setdefault("example", parameter["schema"].get("examples", [example])[0])
    if "security" in operation:
        _say_who(operation, [scope for each in operation["security"] for scope in each[BEARER.scheme_name]])


def _say_who(operation: dict[str, Any], scopes: list[str]) -> None:
    """One of these scopes opens it: in OpenAPI's own words, in a sentence, and as the refusal of a key without."""
    operation["security"] = [{BEARER.scheme_name: [scope]} for scope in scopes] or [{BEARER.scheme_name: []}]
    firms = " of a firm" if set(scopes) <= set(FOR_FIRMS) else ""
    wanted = " or ".join(f"`{scope}`" for scope in scopes)
    operation["description"] += f"\n\nNeeds a key{firms} with {wanted}." if scopes else "\n\nNeeds a key, of any scope."
    if scopes:
        example = operation["responses"]["403"]["content"]["application/json"]["example"]
        example["detail"] = f"this key does not open {scopes[0].replace('COMPANY', 'scaleflow')}; it has ingest:acme"
