"""Flower, the dashboard of tasks: `celery -A workers flower` with the settings of `flower.*`.

With a password every path asks for it, also `/metrics` and `/healthcheck`, which Flower itself leaves open. Without
one only this machine is served, a browser's page of another site is not, and nothing can be stopped or started.
A public address without a password is refused with exit status 78 (EX_CONFIG), which no supervisor restarts.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from hmac import compare_digest
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flower import command
from flower.app import Flower
from flower.options import options
from flower.views import BaseHandler

from sago import telemetry
from sago.config import load
from sago.domain.hosts import is_loopback
from sago.errors import ConfigError
from sago.serving_sections import FlowerSettings

FAILED = 1
MAX_WORKERS = 100
FORGET_WORKERS_AFTER = 3600
"""Seconds after which the dashboard drops a worker that has gone."""


def prepare() -> None:
    """Bring the settings and the gate into the `flower` command that is about to run."""
    try:
        settings = load()
    except ConfigError as error:
        _end(os.EX_CONFIG, str(error))
    telemetry.configure(settings.logging.level, settings.logging.format)
    set_options(settings.flower)
    command.Flower = GuardedFlower


def set_options(settings: FlowerSettings) -> None:
    """What Flower starts from; its own environment (FLOWER_…) and command line still win."""
    options.logging = "none"  # sago.telemetry owns logging
    options.address, options.port = settings.host, settings.port
    options.max_tasks, options.max_workers = settings.max_tasks, MAX_WORKERS
    options.purge_offline_workers = FORGET_WORKERS_AFTER
    password = settings.password.get_secret_value() if settings.password else ""
    options.basic_auth = [f"{settings.user}:{password}"] if password else []


class GuardedFlower(Flower):  # type: ignore[misc]
    """Flower behind one gate before all its paths. Ends the process (status 78) where it would serve everybody."""

    def __init__(self, *, options: Any, **kwargs: Any) -> None:
        if not options.basic_auth:
            if not is_loopback(options.address):
                _end(
                    os.EX_CONFIG,
                    f"flower.host is {options.address or 'every address'} and there is no password: "
                    "set SAGO_FLOWER__PASSWORD, or flower.host to 127.0.0.1",
                )
            os.environ["FLOWER_UNAUTHENTICATED_API"] = "true"  # Flower's switch; the gate keeps other sites out
            options.read_only = True
        self._logins = [b"Basic " + b64encode(login.encode()) for login in options.basic_auth]
        try:
            super().__init__(options=options, **kwargs)
        except ConfigError as error:
            _end(os.EX_CONFIG, str(error))

    def find_handler(self, request: Any, **kwargs: Any) -> Any:
        """Every request comes through here, static files too."""
        if self._logins:
            given = request.headers.get("Authorization", "").encode()
            if not any(compare_digest(given, login) for login in self._logins):
                return self.get_handler_delegate(request, Refusal, {"status": 401})
        elif not _is_of_this_machine(request):
            return self.get_handler_delegate(request, Refusal, {"status": 403})
        return super().find_handler(request, **kwargs)

    def start_http_server(self) -> Any:
        """Listen; a port in use is one line."""
        try:
            return super().start_http_server()
        except OSError as error:
            where = f"{self.options.address}:{self.options.port}"
            _end(FAILED, f"cannot listen on {where}: {error.strerror}; flower.port names another")


class Refusal(BaseHandler):  # type: ignore[misc]
    """The answer to whoever is not admitted: a status and one line."""

    def initialize(self, status: int) -> None:
        """`status` is 401 or 403."""
        self._status = status

    def set_default_headers(self) -> None:
        """None: Flower's own would invite other sites."""

    def check_xsrf_cookie(self) -> None:
        """Nothing to protect."""

    def prepare(self) -> None:
        """Answer before any method runs."""
        self.set_status(self._status)
        self.set_header("Content-Type", "text/plain")
        if self._status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')
        self.finish("a password is needed\n" if self._status == 401 else "open this page from this machine\n")


def _is_of_this_machine(request: Any) -> bool:
    """A page of another site cannot read us: not across origins, nor by a name that its owner points here."""
    if not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _end(status: int, line: str) -> NoReturn:
    sys.stderr.write(f"sago flower: {line}\n")
    raise SystemExit(status)
