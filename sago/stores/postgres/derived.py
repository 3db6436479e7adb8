"""What Postgres holds that came of a company's messages and that one firm could see, and what of it is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Table, Text, and_, cast, delete, false, func, or_, select, update

from sago.domain.mails import MailState
from sago.domain.watches import Direction
from sago.ports import Derived
from sago.stores.postgres.mails import PostgresMails
from sago.stores.postgres.tables import (
    batch_chunks,
    batches,
    compositions,
    dead_letters,
    mails,
    metric_points,
    notices,
    observations,
    outreach,
    significant_events,
    told,
    verdicts,
    watches,
)

ERASED = "(erased)"
"""Instead of words that were taken away."""
NOT_GONE = (MailState.QUEUED, MailState.CLAIMED)
BEGUN = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)
"""Of the former the content has not begun to leave, of the latter it may be there."""
ENDED = "the founder ended the share that it rested on"


def take_derived(connection: Connection, firm_id: str, company_id: str) -> Derived:
    """As the port says. Mails are locked before what they carry, as by whoever sends one."""
    PostgresMails(connection).lock()
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
    emptied, silent = _take_notices(connection, mine)
    refs = [*letter_ids, *silent]
    said = update(mails).where(mails.c.ref.in_(refs), _says(mails.c.error))
    connection.execute(said.values(error=ERASED))
    cancelled = update(mails).where(mails.c.ref.in_(refs), mails.c.state.in_(NOT_GONE))
    # whoever holds the claim has an older token from here on, and may not begin to send
    count = connection.execute(
        cancelled.values(state=MailState.CANCELLED, token=mails.c.token + 1, lease_until=None, error=ENDED)
    ).rowcount
    begun = select(mails.c.ref).where(mails.c.ref.in_(refs), mails.c.state.in_(BEGUN))
    return Derived(judged, emptied, count, frozenset(connection.scalars(begun)))


def left(connection: Connection, firm_id: str, company_id: str, *, is_whole: bool) -> dict[str, int]:
    """As the port says."""
    mine = _watches(connection, firm_id, company_id)
    c = outreach.c
    letters = select(c.id).where(c.firm_id == firm_id, c.company_id == company_id)
    said = or_(
        c.draft["subject"].astext != ERASED,
        *(c.receipts.op("@?")(f'$[*] ? (@.{field} != "")') for field in ("claim", "quote", "transformation")),
    )
    conditions: dict[str, tuple[Table, Any]] = {
        "letters": (outreach, and_(c.firm_id == firm_id, c.company_id == company_id, said)),
        "verdicts": (verdicts, and_(verdicts.c.firm_id == firm_id, verdicts.c.company_id == company_id)),
        "notices": (notices, notices.c.id.in_([each[0] for each in _telling(connection, _candidates(mine), mine)])),
        "mails": (mails, and_(mails.c.ref.in_(letters), _says(mails.c.error))),
        "told": (told, told.c.watch_id.in_(mine)),
        "compositions": (compositions, and_(compositions.c.watch_id.in_(mine), _says(compositions.c.error))),
        "watches": (
            watches,
            and_(watches.c.id.in_(mine), watches.c.direction == Direction.TO_INVESTOR, watches.c.voice.is_not(None)),
        ),
    }
    if is_whole:
        conditions |= _evidence(company_id)
    counts = {
        name: connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
        for name, (table, condition) in conditions.items()
    }
    return {name: count for name, count in counts.items() if count}


def _evidence(company_id: str) -> dict[str, tuple[Table, Any]]:
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
        "dead_letters": (dead_letters, and_(dead_letters.c.company_id == company_id, dead_letters.c.value != b"")),
    }


def _says(reason: Any) -> Any:
    return and_(reason.is_not(None), reason.not_in((ERASED, ENDED)))


def _watches(connection: Connection, firm_id: str, company_id: str) -> list[UUID]:
    """Removed ones too."""
    c = watches.c
    return list(connection.scalars(select(c.id).where(c.firm_id == firm_id, c.company_id == company_id)))


def _take_notices(connection: Connection, mine: Sequence[UUID]) -> tuple[int, list[UUID]]:
    """Take the items of these watches out of notices; how many notices, and which of them tell nothing any more."""
    telling = _telling(connection, _candidates(mine).with_for_update(), mine)
    silent = []
    for notice_id, content, kept in telling:
        changed = update(notices).where(notices.c.id == notice_id)
        connection.execute(changed.values(items=_with(content, kept)))
        silent += [] if kept else [notice_id]
    connection.execute(delete(told).where(told.c.watch_id.in_(mine)))
    return len(telling), silent


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
