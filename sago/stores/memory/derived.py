"""What the in-memory database holds that came of a company's messages and that one firm could see."""

from __future__ import annotations

from uuid import UUID

from sago.domain.mails import Mail, MailState
from sago.domain.notices import Notice
from sago.domain.watches import Direction
from sago.ports import Derived
from sago.stores.memory.state import State

ERASED = "(erased)"
ENDED = "the founder ended the share that it rested on"
NOT_GONE = (MailState.QUEUED, MailState.CLAIMED)
BEGUN = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)


def take_derived(state: State, firm_id: str, company_id: str) -> Derived:
    """As the port says."""
    mine = _watches(state, firm_id, company_id)
    judged = {key for key in state.verdicts if key[0] in mine}
    state.verdicts = {key: verdict for key, verdict in state.verdicts.items() if key not in judged}
    for due, row in state.compositions.items():
        if due.watch_id in mine and row.error:
            state.compositions[due] = row.model_copy(update={"error": ERASED})
    for key in mine:
        if state.watches[key].direction is Direction.TO_INVESTOR:
            state.watches[key] = state.watches[key].model_copy(update={"voice": None})
    emptied = [_without(notice, mine) for notice in state.notices.values() if _tells(notice, mine)]
    state.notices |= {notice.id: notice for notice in emptied}
    state.told = {row for row in state.told if row[1].watch_id not in mine}
    letters = {key for key, each in state.letters.items() if (each.firm_id, each.company_id) == (firm_id, company_id)}
    theirs = letters | {notice.id for notice in emptied if not notice.items}
    concerned = [mail for mail in state.mails.values() if mail.ref in theirs]
    cancelled = [mail.recalled(ENDED) for mail in concerned if mail.state in NOT_GONE]
    others = [
        mail.model_copy(update={"error": ERASED}) for mail in concerned if _says(mail) and mail.state not in NOT_GONE
    ]
    state.mails |= {mail.id: mail for mail in (*cancelled, *others)}
    begun = frozenset(mail.ref for mail in concerned if mail.state in BEGUN)
    return Derived(len(judged), len(emptied), len(cancelled), begun)


def left(state: State, firm_id: str, company_id: str, *, is_whole: bool) -> dict[str, int]:
    """As the port says."""
    mine = _watches(state, firm_id, company_id)
    letters = [each for each in state.letters.values() if (each.firm_id, each.company_id) == (firm_id, company_id)]
    founders = [state.watches[key] for key in mine if state.watches[key].direction is Direction.TO_INVESTOR]
    found = {
        "letters": sum(letter.draft.subject != ERASED for letter in letters),
        "verdicts": sum(key[0] in mine for key in state.verdicts),
        "notices": sum(_tells(notice, mine) for notice in state.notices.values()),
        "mails": sum(_says(mail) for mail in state.mails.values() if mail.ref in {letter.id for letter in letters}),
        "told": sum(row[1].watch_id in mine for row in state.told),
        "compositions": sum(
            due.watch_id in mine and row.error not in (None, ERASED) for due, row in state.compositions.items()
        ),
        "watches": sum(watch.voice is not None for watch in founders),
    }
    if is_whole:
        found |= {
            "observations": sum(said.company_id == company_id for said in state.observations.values()),
            "significant_events": sum(event.company_id == company_id for event in state.events.values()),
            "metric_points": len(state.metric_points.get(company_id, [])),
        }
    return {name: count for name, count in found.items() if count}


def _watches(state: State, firm_id: str, company_id: str) -> set[UUID]:
    return {key for key, each in state.watches.items() if (each.firm_id, each.company_id) == (firm_id, company_id)}


def _tells(notice: Notice, watches: set[UUID]) -> bool:
    return any(item.watch_id in watches for item in notice.items)


def _without(notice: Notice, watches: set[UUID]) -> Notice:
    return notice.model_copy(update={"items": tuple(item for item in notice.items if item.watch_id not in watches)})


def _says(mail: Mail) -> bool:
    return mail.error not in (None, ERASED, ENDED)
