"""What Postgres holds that came of a company's messages and that one firm could see, and what of it is left."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    delete,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH

from sago.domain.erasures import ENDED, ERASED
from sago.domain.mails import BEGUN, NOT_GONE, MailState
from sago.domain.messages import id_in, source_of
from sago.domain.watches import Direction
from sago.ports import Derived
from sago.stores.postgres.events import stale_texts
from sago.stores.postgres.tables import (
    batch_chunks,
    batches,
    compositions,
    connection_tokens,
    connections,
    dead_letters,
    mails,
    metric_points,
    notices,
    observations,
    outreach,
    participants,
    routes,
    shared_texts,
    significant_events,
    streams,
    told,
    verdicts,
    watches,
)


def take_derived(connection: Connection, firm_id: str, company_id: str) -> Derived:
    """As the port says. Mails are locked before what they carry, as by whoever sends one."""
    mine = _watches(connection, firm_id, company_id)
    letters = select(outreach.c.id).where(outreach.c.firm_id == firm_id, outreach.c.company_id == company_id)
    letter_ids = list(connection.scalars(letters))
    carried = [*letter_ids, *(each.id for each in connection.execute(_candidates(mine)))]
    connection.execute(select(mails.c.id).where(mails.c.ref.in_(carried)).order_by(mails.c.id).with_for_update())
    theirs = and_(verdicts.c.firm_id == firm_id, verdicts.c.company_id == company_id)
    judged = connection.execute(delete(verdicts).where(theirs)).rowcount
    errors = update(compositions).where(compositions.c.watch_id.in_(mine), compositions.c.error.is_not(None))
    connection.execute(errors.values(error=ERASED))
    c = watches.c
    voiced = update(watches).where(c.id.in_(mine), c.direction == Direction.TO_INVESTOR)
    connection.execute(voiced.values(voice=None))
    telling, silent = _take_notices(connection, mine)
    # a server's answer may quote any part of what it refused: also of a notice that goes on telling of others
    said = update(mails).where(mails.c.ref.in_([*letter_ids, *telling]), _says(mails.c.error))
    connection.execute(said.values(error=ERASED))
    refs = [*letter_ids, *silent]
    cancelled = update(mails).where(mails.c.ref.in_(refs), mails.c.state.in_(NOT_GONE))
    # whoever holds the claim has an older token from here on, and may not begin to send
    count = connection.execute(
        cancelled.values(state=MailState.CANCELLED, token=mails.c.token + 1, lease_until=None, error=ENDED)
    ).rowcount
    begun = select(mails.c.ref).where(mails.c.ref.in_(refs), mails.c.state.in_(BEGUN))
    return Derived(judged, len(telling), count, frozenset(connection.scalars(begun)))


def left_of_firm(connection: Connection, firm_id: str, company_id: str) -> dict[str, int]:
    """As the port says."""
    mine = _watches(connection, firm_id, company_id)
    c = outreach.c
    letters = select(c.id).where(c.firm_id == firm_id, c.company_id == company_id)
    said = or_(
        c.draft["subject"].astext != ERASED,
        *(c.receipts.op("@?")(f'$[*] ? (@.{field} != "")') for field in ("claim", "quote", "transformation")),
    )
    telling = [each[0] for each in _telling(connection, _candidates(mine), mine)]
    conditions = {
        "letters": (outreach, and_(c.firm_id == firm_id, c.company_id == company_id, said)),
        "verdicts": (verdicts, and_(verdicts.c.firm_id == firm_id, verdicts.c.company_id == company_id)),
        "notices": (notices, notices.c.id.in_(telling)),
        "mails": (mails, and_(or_(mails.c.ref.in_(letters), mails.c.ref.in_(telling)), _says(mails.c.error))),
        "told": (told, told.c.watch_id.in_(mine)),
        "compositions": (compositions, and_(compositions.c.watch_id.in_(mine), _says(compositions.c.error))),
        "watches": (
            watches,
            and_(watches.c.id.in_(mine), watches.c.direction == Direction.TO_INVESTOR, watches.c.voice.is_not(None)),
        ),
    }
    return _counted(connection, conditions)


def quoting(connection: Connection, company_id: str, names: Collection[str]) -> int:
    """As the port says."""
    c = outreach.c
    quotes = _names_one(c.receipts, "$[*]", names, ' && @.quote != ""')
    return connection.scalar(select(func.count()).select_from(outreach).where(c.company_id == company_id, quotes)) or 0


def left_of_company(
    connection: Connection, company_id: str, names: Collection[str] | None, unassigned: Collection[str]
) -> dict[str, int]:
    """As the port says."""
    said = _evidence(company_id, unassigned) if names is None else _of_sources(company_id, names, unassigned)
    return _counted(connection, said | _connected(company_id, names))


def _counted(connection: Connection, conditions: Mapping[str, tuple[Table, Any]]) -> dict[str, int]:
    counts = {
        name: connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
        for name, (table, condition) in conditions.items()
    }
    return {name: count for name, count in counts.items() if count}


def _evidence(company_id: str, unassigned: Collection[str]) -> dict[str, tuple[Table, Any]]:
    """The company's own, whoever saw it."""
    own = select(batches.c.id).where(batches.c.company_id == company_id)
    found = func.jsonb_array_length(batch_chunks.c.result["observations"]) > 0
    words = or_(_says(batch_chunks.c.error), and_(batch_chunks.c.result.is_not(None), found))
    return {
        "observations": (observations, observations.c.company_id == company_id),
        "significant_events": (significant_events, significant_events.c.company_id == company_id),
        "metric_points": (metric_points, metric_points.c.company_id == company_id),
        "batch_chunks": (batch_chunks, and_(batch_chunks.c.batch_id.in_(own), words)),
        "batches": (batches, and_(batches.c.company_id == company_id, _says(batches.c.error))),
        "dead_letters": (dead_letters, and_(bad(company_id, unassigned), dead_letters.c.value != b"")),
    }


def bad(company_id: str, unassigned: Collection[str]) -> ColumnElement[bool]:
    """Dead letters of the company, and nobody's whose origin begins with one of these."""
    c = dead_letters.c
    nobodys = or_(false(), *(c.origin.startswith(each, autoescape=True) for each in unassigned))
    return or_(c.company_id == company_id, and_(c.company_id.is_(None), nobodys))


def _of_sources(company_id: str, names: Collection[str], unassigned: Collection[str]) -> dict[str, tuple[Table, Any]]:
    """The company's evidence of these sources."""
    own = select(batches.c.id).where(batches.c.company_id == company_id)
    proofs = [_names_one(significant_events.c.source_messages, "$[*]", names)]
    found = [_names_one(batch_chunks.c.result, "$.observations[*]", names)]
    c = dead_letters.c
    topics = and_(c.message_id.is_(None), c.topic.in_([f"{name}-messages" for name in names]))
    return {
        "observations": (observations, and_(observations.c.company_id == company_id, _of(observations, names))),
        "significant_events": (significant_events, and_(significant_events.c.company_id == company_id, *proofs)),
        "shared_texts": (shared_texts, stale_texts(company_id)),
        "batch_chunks": (batch_chunks, and_(batch_chunks.c.batch_id.in_(own), *found)),
        "dead_letters": (
            dead_letters,
            and_(bad(company_id, unassigned), c.value != b"", or_(_of(dead_letters, names), topics)),
        ),
    }


def _connected(company_id: str, names: Collection[str] | None = None) -> dict[str, tuple[Table, Any]]:
    """Who is who and what is read, of these sources or all."""
    ours = select(connections.c.id)
    if names is not None:
        ours = ours.where(connections.c.source.in_(names))
    own = ours.where(connections.c.company_id == company_id)
    theirs = {"identities": participants, "routes": routes}
    conditions: dict[str, tuple[Table, Any]] = {
        name: (table, and_(table.c.company_id == company_id, table.c.connection_id.in_(ours)))
        for name, table in theirs.items()
    }
    conditions |= {"streams": (streams, streams.c.connection_id.in_(own))}
    return conditions | {"tokens": (connection_tokens, connection_tokens.c.connection_id.in_(own))}


def _of(table: Table, names: Collection[str]) -> Any:
    return or_(*(table.c.message_id.startswith(f"{name}:", autoescape=True) for name in names))


def _names_one(column: Any, path: str, names: Collection[str], also: str = "") -> Any:
    """Whether one of the objects at `path` names a message of these sources; their names need no escaping."""
    of_one = " || ".join(f'@.message_id starts with "{name}:"' for name in names)
    return column.op("@?")(cast(f"{path} ? (({of_one}){also})", JSONPATH))


def sources(connection: Connection, company_id: str) -> set[str]:
    """As the port says."""
    ids = select(observations.c.message_id).where(observations.c.company_id == company_id)
    held = {source_of(each) for each in connection.scalars(ids.distinct())}
    c = dead_letters.c
    letters = select(c.message_id, c.topic).where(c.company_id == company_id, c.value != b"").distinct()
    return held | {source_of(message_id or id_in(topic)) for message_id, topic in connection.execute(letters)}


def noting(company_id: str) -> Select[Any]:
    """Notices with items of the company."""
    path = cast(f'$.** ? (@.company_id == "{company_id}")', JSONPATH)
    return select(notices.c.id).where(notices.c["items"].op("@?")(path))


def _says(reason: Any) -> Any:
    return and_(reason.is_not(None), reason.not_in((ERASED, ENDED)))


def _watches(connection: Connection, firm_id: str, company_id: str) -> list[UUID]:
    """Removed ones too."""
    c = watches.c
    return list(connection.scalars(select(c.id).where(c.firm_id == firm_id, c.company_id == company_id)))


def _take_notices(connection: Connection, mine: Sequence[UUID]) -> tuple[list[UUID], list[UUID]]:
    """Take the items of these watches out of notices; which notices, and which of them tell nothing any more."""
    telling = _telling(connection, _candidates(mine).with_for_update(), mine)
    silent = []
    for notice_id, content, kept in telling:
        changed = update(notices).where(notices.c.id == notice_id)
        connection.execute(changed.values(items=_with(content, kept)))
        silent += [] if kept else [notice_id]
    connection.execute(delete(told).where(told.c.watch_id.in_(mine)))
    return [notice_id for notice_id, _, _ in telling], silent


def _candidates(mine: Sequence[UUID]) -> Select[Any]:
    """Notices that name one of these watches. Found by their text: an item may name its watch anywhere."""
    named = [cast(notices.c["items"], Text).contains(str(each)) for each in mine]
    return select(notices.c.id, notices.c["items"]).where(or_(false(), *named)).order_by(notices.c.id)


def _telling(
    connection: Connection, candidates: Select[Any], mine: Sequence[UUID]
) -> list[tuple[UUID, Any, list[Any]]]:
    """Of these notices those with items of these watches, what they hold, and their other items."""
    ids = {str(each) for each in mine}
    found = []
    for notice_id, content in connection.execute(candidates):
        items = _items(content)
        kept = [item for item in items if not any(each in json.dumps(item) for each in ids)]
        if len(kept) < len(items):
            found.append((notice_id, content, kept))
    return found


def _items(content: Any) -> list[Any]:
    """The column holds the items, or an object with them and what was held over."""
    return list(content["items"] if isinstance(content, dict) else content)


def _with(content: Any, items: list[Any]) -> Any:
    return content | {"items": items} if isinstance(content, dict) else items
