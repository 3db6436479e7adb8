"""A company's events as they stood at a moment: folded from what had been said by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sago.domain.companies import Share
from sago.domain.events import Fold, Observation
from sago.outreach.backtesting import Folder, said_by
from sago.ports import EventStore


def as_it_stood(events: EventStore, share: Share, moment: datetime, fold: Folder) -> Fold:
    """The fold of what had been said, and of what people had called wrong, before a moment.

    What was deleted, edited away or rejected before the share was given is left out as well: the founder shared the
    company without it.
    """
    given = max(moment, share.created_at)
    words = events.rejections(share.company_id, in_force=False)
    heeded = [*said_by(words, moment), *said_by(words, given)]
    return fold(_said(events, share.company_id, moment, given), heeded)


def _said(events: EventStore, company_id: str, moment: datetime, given: datetime) -> Sequence[Observation]:
    said = events.current(company_id, said_before=moment)
    if given == moment:
        return said
    standing = {each.key for each in events.current(company_id, said_before=given)}
    return [each for each in said if each.key in standing]
