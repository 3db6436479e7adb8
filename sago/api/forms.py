"""The one form of the API: `List-Unsubscribe=One-Click`, as mail programs send it (RFC 8058, 3.1)."""

from __future__ import annotations

from email.parser import BytesParser
from urllib.parse import parse_qs

from fastapi import Request

from sago.api.intake import read_body

LIMIT = 10_000
"""Bytes of a form."""
FIELD, VALUE = "List-Unsubscribe", "One-Click"


async def says_one_click(request: Request) -> bool:
    """Whether the body asks for it, in either of the two forms that the RFC names. Raises a problem: 408 or 413."""
    body = await read_body(request, LIMIT)
    kind = request.headers.get("content-type", "")
    return VALUE in (_parts(kind, body) if kind.lower().startswith("multipart/form-data") else _pairs(body))


def _pairs(body: bytes) -> list[str]:
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=20).get(FIELD, [])
    except ValueError:
        return []


def _parts(kind: str, body: bytes) -> list[str]:
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    parts = BytesParser().parsebytes(head + body).walk()
    named = [part for part in parts if part.get_param("name", header="content-disposition") == FIELD]
    return [bytes(part.get_payload(decode=True) or b"").decode("ascii", "replace").strip() for part in named]
