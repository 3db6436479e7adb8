"""A house over stores in memory, whose accounts are connected at stand-ins through HTTP, and a browser."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from sago.bootstrap import Container
from sago.cli import connect, connect_browser, lookup, people
from sago.config import Settings
from sago.domain.connections import Connection
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings, CacheSettings
from sago.stores.clock import SystemClock
from sago.stores.fernet_vault import FernetVault, new_key
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.deliveries import MemoryDeliveryCounts
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore


class Furnished(Container):
    """Keeps its servers open: they are the house's."""

    def close(self) -> None:
        """Nothing to let go."""


class House:
    """The real container, its servers in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        self.clock, self.database, self.dispatcher = SystemClock(), MemoryDatabase(), MemoryDispatcher()
        self.vault: Any = FernetVault(SecretStr(new_key()))
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(lookup, "build", lambda _settings: self.container())
        with self.database.begin() as tx:
            tx.companies.ensure("acme", self.clock.now())

    def container(self) -> Container:
        made = Furnished(Settings())
        rates = MemoryRates(self.clock)
        breakers = SharedBreakers(MemoryShelf(), self.clock, BreakerSettings(), trial_within=made.lost_after)
        parts = {"clock": self.clock, "database": self.database, "dispatcher": self.dispatcher, "vault": self.vault}
        made.__dict__.update(parts, breakers=breakers, rates=rates, deliveries=MemoryDeliveryCounts())
        stores = {"raw": MemoryRawStore(), "buffer": MemoryBuffer(CacheSettings()), "log": MemoryLog({})}
        answers = MemoryAnswers(self.clock, timedelta(hours=1))
        made.__dict__.update(stores, mirror=MemoryMirror(), drafts=MemoryDrafts(), answers=answers)
        return made

    def sago(self, *arguments: str, says: str | None = None) -> Result:
        return self._run(connect, "connect", *arguments, says=says)

    def revoke_share(self, *arguments: str) -> Result:
        """Of acme with the only firm that has one."""
        asked = ("revoke", "acme", "--firm", "default", "--because", "asked", "--yes")
        return self._run(people, "share", *asked, *arguments)

    def _run(self, module: ModuleType, *arguments: str, says: str | None = None) -> Result:
        app = typer.Typer()
        module.register(app)
        return CliRunner().invoke(app, arguments, input=says)

    def at_a_terminal(self) -> None:
        self._monkeypatch.setattr(connect, "has_terminal", lambda: True)
        self._monkeypatch.setattr("sago.cli.connect_accounts.has_terminal", lambda: True)

    def only(self) -> Connection:
        with self.database.begin() as tx:
            (connection,) = tx.connections.all()
        return connection

    def token(self) -> str:
        token = self.container().connecting.token(self.only().id)
        assert token is not None
        return token.access.get_secret_value()

    def streams(self) -> list[str]:
        connection_id = self.only().id
        with self.database.begin() as tx:
            return [each.name for each in tx.streams.of(connection_id)]

    def sent(self) -> list[str]:
        """Names of tasks that were queued since it was last asked."""
        return [name for name, _ in self.dispatcher.take()]


class Browser:
    """A person who follows where they are sent; `tunnel` stands before an https address, as a reverse proxy does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tunnel: tuple[str, str] | None = None) -> None:
        self.pages: list[tuple[int, str]] = []
        self._tunnel = tunnel
        self._threads: list[threading.Thread] = []
        code_of = connect_browser.code_of

        def opened(listener: Any, question: Any, tell: Any, within: float = 10.0) -> str:
            def told(address: str) -> None:
                tell(address)
                thread = threading.Thread(target=self.visit, args=(address,))
                self._threads.append(thread)
                thread.start()

            try:
                return code_of(listener, question, told, within)
            finally:
                for thread in self._threads:
                    thread.join()

        monkeypatch.setattr(connect, "code_of", opened)
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    def visit(self, address: str) -> None:
        """Until a page is shown."""
        for _ in range(5):
            status, location, body = fetch(self._outside(address))
            if status != 302:
                self.pages.append((status, body))
                return
            address = location

    def _outside(self, address: str) -> str:
        if self._tunnel and address.startswith(self._tunnel[0]):
            return self._tunnel[1] + address.removeprefix(self._tunnel[0])
        return address


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def fetch(address: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, where it leads to, and the page."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(urllib.request.Request(address, method=method), timeout=5) as answer:  # noqa: S310
            return answer.status, "", answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", ""), error.read().decode()


def without_layout(text: str) -> str:
    """On one line: terminals break it where they like."""
    return re.sub(r"\s+", " ", text)
