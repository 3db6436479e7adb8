"""How what is connected does: by the age of its newest message against its own rhythm, not by whether a call went
well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sago.domain.connections import Connection, ConnectionState, Heard, Stream
from sago.domain.rhythm import SHORTEST, days_a_week, gap_since
from sago.domain.vitals import ConnectionVitals, SourceState, StreamVitals
from sago.domain.wording import day, length, plain, short

FAILS_FROM = 3
"""Failures in a row: one or two mend themselves within seconds."""
SILENT_FOR = timedelta(days=SHORTEST)
"""After so long a connection that never had a message is worth a look."""
UNREAD_FOR = timedelta(days=1)
"""After so long without a reading that ended, a stream is not well, whatever its calls came to."""
MEND_QUIET = "look whether what is shared still lies where it did, and whether the app may still see it"


class Said(NamedTuple):
    """What one container, or a connection as a whole, was heard of."""

    days: frozenset[date] = frozenset()
    oldest: date | None = None
    newest_at: datetime | None = None

    @classmethod
    def of(cls, heard: Collection[Heard]) -> Said:
        """All of these together."""
        return cls(
            frozenset().union(*(each.days for each in heard)),
            min((each.oldest for each in heard), default=None),
            max((each.newest_at for each in heard), default=None),
        )


def sources_of(
    connections: Iterable[Connection], streams: Iterable[Stream], heard: Iterable[Heard], now: datetime
) -> list[ConnectionVitals]:
    """Of every connection that nobody let go, in their order."""
    known = [each for each in connections if each.state is not ConnectionState.REMOVED]
    mine: defaultdict[UUID, list[Stream]] = defaultdict(list)
    for stream in streams:
        mine[stream.connection_id].append(stream)
    of: defaultdict[UUID, list[Heard]] = defaultdict(list)
    for each in heard:
        of[each.connection_id].append(each)
    found = []
    for connection in known:
        beside = [one.id for one in known if one.company_id == connection.company_id and one.id != connection.id]
        others = Said.of([each for one in beside for each in of[one]]).days
        found.append(_connection(connection, mine[connection.id], of[connection.id], others, now))
    return found


def _connection(
    connection: Connection, streams: list[Stream], heard: list[Heard], others: frozenset[date], now: datetime
) -> ConnectionVitals:
    whole = Said.of(heard)
    parts = [_stream(connection, each, heard, now) for each in streams]
    state, text = _state(connection, whole, streams, parts, others, now)
    return ConnectionVitals(
        id=connection.id,
        source=connection.source,
        name=connection.name,
        company_id=connection.company_id,
        state=state,
        text=text,
        newest_at=whole.newest_at,
        days_a_week=_rounded(days_a_week(whole.days)),
        streams=parts,
    )


def _state(
    connection: Connection,
    whole: Said,
    streams: list[Stream],
    parts: list[StreamVitals],
    others: frozenset[date],
    now: datetime,
) -> tuple[SourceState, str]:
    """Refused, else what is worst among its streams, else how long it has been quiet as a whole."""
    if connection.state is ConnectionState.REFUSED:
        again = f"sago connect {connection.source}"
        why = connection.reason or "the vendor refuses the token"
        mend = "" if again in why else f": `{again}`"
        return SourceState.REFUSED, f"{why}; nothing is read until somebody connects it again{mend}"
    if not connection.containers:
        share = f"sago connect share {connection.account}"
        return SourceState.QUIET, f"nothing of it is shared, so nothing is taken: choose what is by `{share}`"
    failing = [each for each in parts if each.state is SourceState.FAILING]
    if failing:
        which = "" if len(failing) == len(parts) == 1 else f"{len(failing)} of {len(parts)} streams: "
        return SourceState.FAILING, which + failing[0].text
    filling = [each for each in parts if each.state is SourceState.BACK_FILLING]
    if filling:
        if len(parts) == 1:
            return SourceState.BACK_FILLING, filling[0].text
        which = f"{len(filling)} of {len(parts)} streams are"
        so_far = f"{plain(sum(each.taken for each in filling))} messages so far"
        return SourceState.BACK_FILLING, f"{which} reading what was said before: {so_far}"
    if found := _quiet(whole, others, "another source", now):
        return found
    read = max((each.read_until for each in streams if each.read_until), default=None)
    text = _fresh(connection, whole, read, now)
    is_mute = whole.newest_at is None and now - connection.created_at >= SILENT_FOR
    return (SourceState.QUIET, f"{text}; {MEND_QUIET}") if is_mute else (SourceState.FRESH, text)


def _stream(connection: Connection, stream: Stream, heard: list[Heard], now: datetime) -> StreamVitals:
    own = [each for each in heard if stream.name in ("*", each.container)]
    said = Said.of(own)
    others = Said.of([each for each in heard if each not in own]).days
    if stream.failures >= FAILS_FROM or _is_unread(connection, stream, now):
        state, text = SourceState.FAILING, _failing(connection, stream, now)
    elif stream.window is not None and stream.read_until is None:
        state, text = SourceState.BACK_FILLING, _filling(stream, said, now)
    elif found := _quiet(said, others, "another channel", now):
        state, text = found
    else:
        state, text = SourceState.FRESH, _fresh(connection, said, stream.read_until, now)
    return StreamVitals(
        name=stream.name,
        state=state,
        text=text,
        newest_at=max((each for each in (said.newest_at, stream.newest_at) if each), default=None),
        days_a_week=_rounded(days_a_week(said.days)),
        taken=stream.taken,
    )


def _is_unread(connection: Connection, stream: Stream, now: datetime) -> bool:
    """Of a stream that never failed: nobody came to it, or it was read to its end long ago and is not being read."""
    if stream.failures:
        return now - (stream.read_until or connection.created_at) >= UNREAD_FOR
    is_stale = stream.window is None and stream.read_until is not None and now - stream.read_until >= UNREAD_FOR
    return is_stale or now - stream.due_at >= UNREAD_FOR


def _failing(connection: Connection, stream: Stream, now: datetime) -> str:
    since = stream.read_until or connection.created_at
    if not stream.failures:
        return f"not read since {_moment(since, now)}, and nothing failed: see in `sago status` that the workers run"
    times = "1 failure" if stream.failures == 1 else f"{stream.failures} failures"
    again = "now" if stream.due_at <= now else f"in {length(stream.due_at - now)}"
    return (
        f"not read since {_moment(since, now)}, {times} in a row: "
        f"{stream.error or 'no reason was kept'}; tried again {again}"
    )


def _filling(stream: Stream, said: Said, now: datetime) -> str:
    """Vendors give the newest first: what is left lies before the oldest day that was heard. How much that is goes by
    how much was said since, and is told once that covers a tenth of the whole: from the first hours of a lively
    channel nobody can tell how lively it was a year ago."""
    if stream.window is None or said.oldest is None:
        return f"reading what was said before: {plain(stream.taken)} messages so far"
    start, end = stream.window
    oldest = max(start, datetime.combine(said.oldest, datetime.min.time(), end.tzinfo))
    done, whole = end - oldest, end - start
    text = f"reading what was said before, from {_moment(start, now)} on: back to {_moment(oldest, now)}"
    if stream.taken and whole / 10 <= done < whole:
        text += f", about {short(round(stream.taken * ((whole - done) / done)))} messages yet"
    return f"{text}; {plain(stream.taken)} messages so far"


def _quiet(said: Said, others: frozenset[date], other: str, now: datetime) -> tuple[SourceState, str] | None:
    last = gap_since(said.days, now.date())
    if last is None:
        return None
    goes_on = sum(each > last for each in others) >= 2
    beside = f"while {other} goes on" if goes_on else "and nothing else goes on either: perhaps nobody writes"
    usual = f"usually on {_often(said.days)} a week"
    return SourceState.QUIET, f"no message since {day(last, beside=now.date())}, {usual}, {beside}; {MEND_QUIET}"


def _fresh(connection: Connection, said: Said, read_until: datetime | None, now: datetime) -> str:
    read = f", read until {_moment(read_until, now)}" if read_until else ""
    if said.newest_at is None:
        return f"no message yet, connected {length(now - connection.created_at)} ago{read}"
    return f"newest message {length(max(now - said.newest_at, timedelta()))} ago{read}"


def _often(days: frozenset[date]) -> str:
    count = max(1, round(days_a_week(days) or 0))
    return "1 day" if count == 1 else f"{count} days"


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _moment(at: datetime, now: datetime) -> str:
    """Of today the time, else the day."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else day(at.date(), beside=now.date())
