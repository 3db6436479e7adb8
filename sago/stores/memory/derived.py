"""What the in-memory database holds that came of a company's messages and that one firm could see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sago.domain.batches import DeadLetter
from sago.domain.erasures import ENDED, ERASED
from sago.domain.letters import Letter
from sago.domain.mails import BEGUN, NOT_GONE
from sago.domain.messages import source_of
from sago.domain.notices import Notice
from sago.domain.watches import Direction
from sago.ports import Derived
from sago.stores.memory.state import State


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
    for mail in [each for each in state.mails.values() if each.ref in letters | {row.id for row in emptied}]:
        if _says(mail.error):
            state.mails[mail.id] = mail.model_copy(update={"error": ERASED})
    theirs = letters | {notice.id for notice in emptied if not notice.items}
    concerned = [mail for mail in state.mails.values() if mail.ref in theirs]
    cancelled = [mail.recalled(ENDED) for mail in concerned if mail.state in NOT_GONE]
    state.mails |= {mail.id: mail for mail in cancelled}
    begun = frozenset(mail.ref for mail in concerned if mail.state in BEGUN)
    return Derived(len(judged), len(emptied), len(cancelled), begun)


def left_of_firm(state: State, firm_id: str, company_id: str) -> dict[str, int]:
    """As the port says."""
    mine = _watches(state, firm_id, company_id)
    letters = [each for each in state.letters.values() if (each.firm_id, each.company_id) == (firm_id, company_id)]
    founders = [state.watches[key] for key in mine if state.watches[key].direction is Direction.TO_INVESTOR]
    telling = {notice.id for notice in state.notices.values() if _tells(notice, mine)}
    refs = telling | {letter.id for letter in letters}
    found = {
        "letters": sum(_is_told(letter) for letter in letters),
        "verdicts": sum(key[0] in mine for key in state.verdicts),
        "notices": len(telling),
        "mails": sum(_says(mail.error) for mail in state.mails.values() if mail.ref in refs),
        "told": sum(row[1].watch_id in mine for row in state.told),
        "compositions": sum(due.watch_id in mine and _says(row.error) for due, row in state.compositions.items()),
        "watches": sum(watch.voice is not None for watch in founders),
    }
    return {name: count for name, count in found.items() if count}


def quoting(state: State, company_id: str, names: Collection[str]) -> int:
    """As the port says."""
    letters = [letter for letter in state.letters.values() if letter.company_id == company_id]
    return sum(_is_of(names, (each.message_id for each in letter.receipts if each.quote)) for letter in letters)


def left_of_company(
    state: State, company_id: str, names: Collection[str] | None, unassigned: Collection[str]
) -> dict[str, int]:
    """As the port says."""
    if names is None:
        found = _evidence(state, company_id, unassigned)
    else:
        found = _of_sources(state, company_id, names, unassigned)
    found |= _connected(state, company_id, names)
    return {name: count for name, count in found.items() if count}


def _evidence(state: State, company_id: str, unassigned: Collection[str]) -> dict[str, int]:
    """The company's own, whoever saw it."""
    batches = [batch for batch in state.batches.values() if batch.company_id == company_id]
    own = {batch.id for batch in batches}
    read = {place for place, result in state.results.items() if result.observations}
    failed = {place for place, chunk in state.chunks.items() if _says(chunk.error)}
    return {
        "observations": sum(said.company_id == company_id for said in state.observations.values()),
        "significant_events": sum(event.company_id == company_id for event in state.events.values()),
        "metric_points": len(state.metric_points.get(company_id, [])),
        "batch_chunks": sum(batch_id in own for batch_id, _ in read | failed),
        "batches": sum(_says(batch.error) for batch in batches),
        "dead_letters": len(bad(state, company_id, unassigned)),
    }


def _of_sources(state: State, company_id: str, names: Collection[str], unassigned: Collection[str]) -> dict[str, int]:
    """The company's evidence of these sources."""
    own = {batch.id for batch in state.batches.values() if batch.company_id == company_id}
    said = [each.message_id for each in state.observations.values() if each.company_id == company_id]
    events = [event for event in state.events.values() if event.company_id == company_id]
    return {
        "observations": sum(source_of(each) in names for each in said),
        "significant_events": sum(_is_of(names, (proof.message_id for proof in event.evidence)) for event in events),
        "batch_chunks": sum(
            batch_id in own and _is_of(names, (each.message_id for each in result.observations))
            for (batch_id, _), result in state.results.items()
        ),
        "dead_letters": sum(source_of(letter.known_as) in names for letter in bad(state, company_id, unassigned)),
    }


def _connected(state: State, company_id: str, names: Collection[str] | None = None) -> dict[str, int]:
    """Who is who and what is read, of these sources or all."""
    ours = {key for key, each in state.connections.items() if names is None or each.source in names}
    own = {key for key in ours if state.connections[key].company_id == company_id}
    return {
        "identities": sum(company == company_id and key.connection_id in ours for company, key in state.participants),
        "routes": sum(route.company_id == company_id and key[0] in ours for key, route in state.routes.items()),
        "streams": sum(key[0] in own for key in state.streams),
        "tokens": sum(key in own for key in state.tokens),
    }


def sources(state: State, company_id: str) -> set[str]:
    """As the port says."""
    said = {each.source for each in state.observations.values() if each.company_id == company_id}
    return said | {source_of(letter.known_as) for letter in bad(state, company_id)}


def _is_of(names: Collection[str], message_ids: Iterable[str | None]) -> bool:
    return any(source_of(each) in names for each in message_ids if each)


def bad(state: State, company_id: str, unassigned: Collection[str] = ()) -> list[DeadLetter]:
    """Dead letters with words of the company, and nobody's whose origin begins with one of these."""
    held = [letter for letter in state.dead_letters.values() if letter.value]
    nobodys = [each for each in held if each.company_id is None and each.origin.startswith(tuple(unassigned))]
    return [each for each in held if each.company_id == company_id] + nobodys


def _is_told(letter: Letter) -> bool:
    told = any(each.claim or each.quote or each.transformation for each in letter.receipts)
    return told or letter.draft.subject != ERASED


def _watches(state: State, firm_id: str, company_id: str) -> set[UUID]:
    return {key for key, each in state.watches.items() if (each.firm_id, each.company_id) == (firm_id, company_id)}


def _tells(notice: Notice, watches: set[UUID]) -> bool:
    return any(item.watch_id in watches for item in notice.items)


def _without(notice: Notice, watches: set[UUID]) -> Notice:
    return notice.model_copy(update={"items": tuple(item for item in notice.items if item.watch_id not in watches)})


def _says(reason: str | None) -> bool:
    return reason not in (None, ERASED, ENDED)
