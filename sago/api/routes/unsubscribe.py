"""`/unsubscribe/{token}`: the page behind the link in a mail, and the one click of RFC 8058. No key, no login.

A GET changes nothing: mail programs and scanners follow links. Only a POST that says so does.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from sago.api.forms import says_one_click
from sago.api.pages import page
from sago.api.problems import beside_pages
from sago.api.routes.data_flow import Wired

router = APIRouter(prefix="/unsubscribe", tags=["unsubscribe"], default_response_class=HTMLResponse)
NO_LINK: dict[int | str, dict[str, Any]] = {404: {"description": "No link of ours."}}


@router.get("/{token}", response_class=HTMLResponse, responses=NO_LINK | beside_pages())
def show_unsubscribe_page(token: str, container: Wired) -> HTMLResponse:
    """A page with a button; nothing changes."""
    return page("ask" if container.suppressing.is_known(token) else "unknown")


@router.post("/{token}", response_class=HTMLResponse, responses=NO_LINK | beside_pages(408))
def unsubscribe(token: str, container: Wired, is_asked: Annotated[bool, Depends(says_one_click)]) -> HTMLResponse:
    """No further mail to the reader of the mail that the link stood in; the same again changes nothing."""
    if not is_asked:
        return show_unsubscribe_page(token, container)
    is_known = container.suppressing.unsubscribe(token, container.clock.now())
    return page("done" if is_known else "unknown")
