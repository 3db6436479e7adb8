"""The application: `uvicorn --factory sago.api.app:create_app --no-access-log`."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from sago import telemetry
from sago.api import problems
from sago.api.access import check_exposure
from sago.api.bounds import Bounds
from sago.api.desk import Desk, LongDesk
from sago.api.docs_page import add_docs
from sago.api.document import complete, name_of
from sago.api.handing import Handing
from sago.api.headers import Cors, Hardened
from sago.api.held import Held
from sago.api.journal import Journal, LastResort
from sago.api.limits import Strangers
from sago.api.meters import Meters
from sago.api.routes import (
    audit,
    companies,
    data_flow,
    dead_letters,
    events,
    outreach,
    probes,
    series,
    shares,
    tasks,
    unsubscribe,
    watches,
    webhooks,
)
from sago.api.sharing import Shared
from sago.bootstrap import Container, build
from sago.config import load
from sago.errors import ConfigError, SagoError
from sago.serving_sections import ApiSettings

ABOUT = """Messages in; what founders share, what was found in it, and letters out. Send `Authorization: Bearer <key>`
with each request under `/api`: a key of `sago keys create`, which opens what its scopes say. Without a key this machine
alone is served, as the house itself, where `api.key` of the settings is not set.

Every error is `{"detail": "one line", "errors": [{"index", "field", "reason", "id"}]}`; each answer carries
`X-Request-ID`, which the log names too."""


PARTS = {
    "data flow": "Messages in, and how their way through the pipeline does.",
    "shares": "What a founder lets a firm see.",
    "companies": "Those that share with the firm, and their figures over time.",
    "events": "What happened, with its proof.",
    "watches": "What the firm waits for, and whether it has come.",
    "outreach": "The firm's letters.",
    "audit": "What was done in the firm's name, or to its shares.",
    "tasks": "Work that is started by name.",
    "dead letters": "What could not be taken, and once more.",
    "probes": "For supervisors.",
    "unsubscribe": "Where the link in a mail leads.",
}
"""Of the document, in its order: the way of a message, and what keeps the house."""
ROUTES = (
    data_flow,  # asked most, so looked at first; the others by name
    audit,
    companies,
    dead_letters,
    events,
    outreach,
    probes,
    series,
    shares,
    tasks,
    unsubscribe,
    watches,
    webhooks,
)
READINGS, ENDINGS, EACH = 4, 4, 2
"""Long acts at once, and of one caller: readings of the past, of evidence, previews, what a watch says and what a
letter needs, which take the processor; and ends of shares, which hold a connection of the database each."""
UNTOLD: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own telling, which repeats the texts of errors; ours is the journal and the meters."""
GARBAGE = 20_000
"""Objects that may be new until the collector of garbage looks for circles among them; Python's own is 700."""


def create_app(container: Container | None = None) -> FastAPI:
    """The application over a container; without one, over that of the settings, and with their logging.

    Raises ConfigError where others could reach it and no key is set; as the server's factory it ends the process
    with that one line and status 78 (EX_CONFIG): nobody starts it again before the settings are mended.
    """
    wired = _wired(container)
    app = FastAPIOffline(
        title="Sago",
        version="1",
        description=ABOUT,
        openapi_tags=[{"name": name, "description": about} for name, about in PARTS.items()],
        redoc_url=None,
        lifespan=_lifespan,
        docs_url=None,
        redirect_slashes=False,
        responses=problems.EVERYWHERE,
        generate_unique_id_function=name_of,
        telemetry=UNTOLD,
    )
    add_docs(app)
    _furnish(app, wired, is_server=container is None)
    _add_middleware(app, wired.settings.api)
    problems.register(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    complete(app)
    return app


def _furnish(app: FastAPI, container: Container, *, is_server: bool) -> None:
    """What requests share, each for its own purpose."""
    state = app.state
    state.container, state.settings, state.is_server = container, container.settings, is_server
    state.handing, state.shared, state.meters = Handing(container.reception), Shared(), Meters()
    state.desk, state.look_ups, state.held, state.strangers = Desk(), Desk(), Held(), Strangers()
    within = container.settings.api.answer_within
    state.readings, state.endings = LongDesk(READINGS, EACH, within), LongDesk(ENDINGS, EACH, within)


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    """The innermost first."""
    app.add_middleware(LastResort)
    app.add_middleware(Bounds, within=settings.body_within)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(Hardened)
    app.add_middleware(Journal, meters=app.state.meters)


def _wired(container: Container | None) -> Container:
    """What may be served."""
    try:
        wired = container or _container_of_settings()
        check_exposure(wired.settings.api)
    except SagoError as error:
        if container is not None:
            raise
        sys.stderr.write(f"sago api: {error}\n")
        raise SystemExit(os.EX_CONFIG if isinstance(error, ConfigError) else 1) from None
    return wired


def _container_of_settings() -> Container:
    settings = load()
    telemetry.configure(settings.logging.level, settings.logging.format)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    if not settings.has_servers:
        raise ConfigError("no stack is running and no servers are set: start one with `sago up`")
    return build(settings)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    container: Container = app.state.container
    # made here, once: threads asking at once might each make their own
    _ = container.reception, container.vitals, container.suppressing, container.receiving, container.keyring
    _ = container.firm_reading, container.firm_evidence, container.drafts, container.generations, container.tenants
    _ = container.ending, container.starting, container.replies
    throttle = container.throttle
    stop = _serve_metrics(app)
    if app.state.is_server:
        _settle()
    yield
    stop()
    await throttle.close()
    container.close()


def _settle() -> None:
    """What is there now stays to the end, so the collector of garbage need not look at it again and again; and requests
    leave none but what counting references takes away."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)


def _serve_metrics(app: FastAPI) -> Callable[[], None]:
    """On a port of their own, where one is set; what ends it."""
    settings, container = app.state.settings.api, app.state.container
    if not settings.metrics_port:
        return lambda: None
    meters: Meters = app.state.meters
    meters.watch(container.vitals.gauges)
    container.produced.append(meters.produced)
    return meters.serve(settings.metrics_host, settings.metrics_port)
