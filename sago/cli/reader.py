"""A file read in this process, company by company, without servers: what `sago extract` and `sago eval` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rich.markup import escape

from sago.cli.columns import told
from sago.cli.consent import check_providers, spent
from sago.cli.session import Session
from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.domain.events import Event
from sago.domain.messages import CompactMessage, Message
from sago.domain.orders import GIVES_ORDERS, Orders, gives_orders, own_lines
from sago.errors import UsageError
from sago.llm import registry
from sago.pipeline.grounding import AN_ORDER
from sago.pipeline.reading import Reading
from sago.report.phrases import one_line
from sago.sources.files import BadRow, read_path
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger

_OF_ORDERS = (GIVES_ORDERS, AN_ORDER)


class Read(NamedTuple):
    """One company of the file: its messages, each version once, and the events they tell."""

    company_id: str
    messages: list[CompactMessage]
    events: list[Event]


class FileReader:
    """One provider over one file. `failed` tells afterwards whether no row was a message, or one could not be read."""

    def __init__(self, session: Session, provider: str | None, *, allow_model: bool) -> None:
        """Raises ConfigError for a provider nobody knows, UsageError where it may not be asked."""
        self._session = session
        self._settings = session.settings
        self.provider = provider or self._settings.extraction.provider
        _check_consent(self.provider, self._settings, allow=allow_model)
        self._clock, self._calls = SystemClock(), MemoryCallLedger()
        self.failed = False

    def read(self, path: Path, company: str | None, columns: Mapping[str, str]) -> Iterator[Read]:
        """The companies of the file by name. What is left out is told on stderr. Raises UsageError for a file that
        cannot be read at all, also with `columns`: our column's name → the CSV's own."""
        settings, session, started = self._settings, self._session, self._clock.now()
        ignored: Counter[str] = Counter()
        messages, bad = _rows(path, company or settings.company_id, columns, started, ignored)
        reading = Reading(
            registry.load(self.provider, settings, self._calls, self._clock),
            self._clock,
            lambda line: session.note(escape(line)),
            chunk=settings.cache.message_limit,
            context=settings.extraction.context_messages,
            attempts=settings.extraction.max_attempts,
        )
        try:
            for company_id in sorted(messages):
                rows = list(messages[company_id].values())
                yield Read(company_id, rows, reading.events(company_id, rows))
        finally:
            if self._calls.calls:
                session.note(spent(self.provider, self._calls.totals(list(messages), started)))
        for row in bad:
            session.note(f"{path}:{row.line}: left out: {row.reason}")
        for line in told(ignored):
            session.note(f"{path}: {line}")
        for reason, count in sorted(reading.dropped.items()):
            hint = " (-v names the messages)" if reason in _OF_ORDERS and not session.verbose else ""
            session.note(f"dropped {count} × {reason}{hint}")
        if session.verbose and any(reason in reading.dropped for reason in _OF_ORDERS):
            for line in _orders(messages, reading.dropped):
                session.note(escape(one_line(line)))
        self.failed = bool(reading.left_out) or not messages


def _check_consent(name: str, settings: Settings, *, allow: bool) -> None:
    """There are no servers here that could remember a consent: it is given with each call."""
    check_providers([name], settings, allow=allow or None)
    place = registry.place_of(name, settings)
    if place is not ModelPolicy.OFFLINE and not allow:
        whose = "a vendor" if place is ModelPolicy.VENDOR else "a server of the house"
        raise UsageError(f"--provider {name} sends the messages to {whose}: nothing was sent; add --allow-model")


def _rows(
    path: Path, company_id: str, columns: Mapping[str, str], now: datetime, ignored: Counter[str]
) -> tuple[dict[str, dict[tuple[str, int], CompactMessage]], list[BadRow]]:
    """Company → its messages, each version once; and the rows that are none."""
    messages: dict[str, dict[tuple[str, int], CompactMessage]] = {}
    bad: list[BadRow] = []
    for row in read_path(path, company_id=company_id, mapping=columns, now=now, ignored=ignored):
        if isinstance(row, Message):
            messages.setdefault(row.company_id, {}).setdefault(row.key, row.compact())
        else:
            bad.append(row)
    return messages, bad


def _orders(
    messages: Mapping[str, Mapping[tuple[str, int], CompactMessage]], dropped: Collection[str]
) -> Iterator[str]:
    """A line for each message that is dropped, or out of whose quoted lines findings are, because a machine is given
    orders there: its id, never its words."""
    for company_id, versions in messages.items():
        newest = {each.id: each for each in sorted(versions.values(), key=lambda each: each.version)}
        for each in newest.values():
            if gives_orders(own_lines(each.text)):
                yield f"{company_id}: {each.id} is not read: it gives orders to a machine"
            elif AN_ORDER in dropped and Orders(each.text).hold(0, len(each.text)):
                yield f"{company_id}: {each.id} quotes orders to a machine: its quoted lines prove nothing"
