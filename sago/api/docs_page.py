"""`/docs`: every path, to be read and tried. It loads nothing from elsewhere, and may do nothing else."""

from __future__ import annotations

import base64
import hashlib
import re

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

STATIC = "/static-offline-docs"
"""Where fastapi-offline lays the page's files."""
STYLE = b"<style>.swagger-ui .response-col_links { display: none }</style>"
"""No answer links to another operation: on a phone the empty column takes the room of the examples."""
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_docs(app: FastAPI) -> None:
    """Serve the page, under a policy that names its one script by its digest."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title}: the API",
            swagger_js_url=f"{root}{STATIC}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{STATIC}/swagger-ui.css",
            swagger_favicon_url=f"{root}{STATIC}/favicon.png",
            swagger_ui_parameters={"validatorUrl": None},
        )
        page = HTMLResponse(bytes(page.body).replace(b"</head>", STYLE + b"</head>"))
        page.headers["Content-Security-Policy"] = policy_of(bytes(page.body))
        return page


def policy_of(page: bytes) -> str:
    """Of a page: its own scripts and files of this server, styles as Swagger UI sets them."""
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in _SCRIPT.findall(page)
    )
    return (
        f"default-src 'none'; script-src 'self' {digests}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
