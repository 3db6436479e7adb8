"""The table of sources. A new one is its file, a row here, and a settings class (docs/recipes.md)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sago.domain.connections import Connection
from sago.errors import ConfigError
from sago.ports import Source, Vendor
from sago.sources.vendor import Guards, HttpVendor

SOURCES: dict[str, str] = {
    "slack": "sago.sources.slack_source:Slack",
    "gmail": "sago.sources.gmail_source:Gmail",
}
"""`module:class` by name. A class is made with its section of the settings, of the same name, whose `api_url` is where
its vendor is asked; a source's libraries are imported only when it is asked for."""


class Platform:
    """The `Sources` port. `section` gives a source's settings, `guards` what every vendor is asked with."""

    def __init__(self, section: Callable[[str], Any], guards: Guards, table: dict[str, str] | None = None) -> None:
        self._section = section
        self._guards = guards
        self._table = SOURCES if table is None else table
        self._made: dict[str, Source] = {}

    def get(self, name: str) -> Source | None:
        """As the port says; made once."""
        if name in self._table and name not in self._made:
            module, _, kind = self._table[name].partition(":")
            self._made[name] = getattr(import_module(module), kind)(self._section(name))
        return self._made.get(name)

    def vendor(self, connection: Connection) -> Vendor:
        """As the port says; raises ConfigError where the connection is of a source that is not in the table."""
        source = self.get(connection.source)
        if source is None:
            known = ", ".join(sorted(self._table))
            raise ConfigError(f"connection {connection.name}: there is no source {connection.source!r}, but {known}")
        return HttpVendor(connection, source, self._section(connection.source).api_url, self._guards)
