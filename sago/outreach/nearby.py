"""What was said around moments: rows of one source, each read once however near the moments are to one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sago.domain.messages import Message
from sago.ports import RawStore

REACH = timedelta(days=14)
"""How far before and after a moment rows are looked for."""
ROWS = 400
"""Rows of its source looked at on each side of a moment."""
INSTANT = timedelta(milliseconds=1)


class Nearby:
    """Rows around moments that come in the order of time. What it tells of a moment does not depend on the others."""

    def __init__(self, raw: RawStore, company_id: str, source: str) -> None:
        self._raw = raw
        self._company_id = company_id
        self._source = source
        self._rows: list[Message] = []
        self._start = self._end = datetime.max.replace(tzinfo=UTC)
        """Between them all rows are known; at `_end` some may be, and at `_start` the last ones."""
        self.read = 0
        """Rows read so far."""

    def at(self, moment: datetime) -> list[Message]:
        """The rows of the moment itself."""
        return self._read(moment, moment + INSTANT, ROWS, oldest=True)

    def after(self, moment: datetime) -> list[Message]:
        """The first ROWS rows from a moment on, its own among them."""
        if not self._start <= moment <= self._end:
            self._rows, self._start, self._end = [], moment, moment
        self._rows = [row for row in self._rows if row.sent_at < self._end]
        until = moment + REACH
        wanted = ROWS - sum(row.sent_at >= moment for row in self._rows)
        if wanted > 0 and self._end < until:
            more = self._read(self._end, until, wanted, oldest=True)
            self._rows += more
            self._end = until if len(more) < wanted else more[-1].sent_at
        return [row for row in self._rows if moment <= row.sent_at < until][:ROWS]

    def before(self, moment: datetime) -> list[Message]:
        """The last ROWS rows before a moment of which `after` was asked."""
        since = moment - REACH
        wanted = ROWS - sum(since <= row.sent_at < moment for row in self._rows)
        if wanted > 0 and since < self._start:
            more = self._read(since, self._start, wanted)
            self._rows = more + self._rows
            self._start = since if len(more) < wanted else more[0].sent_at
        return [row for row in self._rows if since <= row.sent_at < moment][-ROWS:]

    def _read(self, start: datetime, end: datetime, limit: int, *, oldest: bool = False) -> list[Message]:
        rows = self._raw.read_range(self._company_id, start, end, limit, source=self._source, oldest=oldest)
        self.read += len(rows)
        return rows
