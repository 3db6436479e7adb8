"""Erasures, the generation and their mirror in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sago.domain.erasures import ERASED, Erasure, holds_words
from sago.domain.events import Event, Observation
from sago.domain.generations import Announced, Generation
from sago.domain.letters import Letter
from sago.ports import Derived, Note, Taken
from sago.stores.memory.derived import bad, left_of_company, left_of_firm, quoting, sources, take_derived
from sago.stores.memory.state import AuditEntry, State


class MemoryErasures:
    """The `ErasureStore` of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, erasure: Erasure) -> bool:
        is_new = erasure.id not in self._state.erasures
        self._state.erasures.setdefault(erasure.id, erasure)
        return is_new

    def of(self, company_ids: Collection[str] | None = None) -> list[Erasure]:
        found = [
            each for each in self._state.erasures.values() if company_ids is None or each.company_id in company_ids
        ]
        return sorted(found, key=lambda each: (each.requested_at, str(each.id)))

    def mark_applied(self, erasure_id: UUID, at: datetime) -> None:
        erasures = self._state.erasures
        erasures[erasure_id] = erasures[erasure_id].model_copy(update={"applied_at": at})

    def take_words(self, erasure: Erasure, message_ids: Collection[str], unassigned: Collection[str] = ()) -> Taken:
        def is_gone(said: Observation) -> bool:
            mine = said.company_id == erasure.company_id and said.message_id in message_ids
            return mine or erasure.covers(said.company_id, said.message_id, said.sender)

        state = self._state
        gone = {key: said for key, said in state.observations.items() if is_gone(said)}
        ids = {said.message_id for said in gone.values()} | set(message_ids)
        for key in gone:
            del state.observations[key]
        for chunk, result in state.results.items():
            kept = tuple(said for said in result.observations if not is_gone(said))
            state.results[chunk] = result.model_copy(update={"observations": kept})
        self._take_reasons(erasure.company_id)
        if erasure.source is None:  # whoever was judged by a source that nobody shares has lost the verdict before
            others = {key: each for key, each in state.verdicts.items() if each.watch.company_id != erasure.company_id}
            state.verdicts = others
        letters = [each for each in bad(state, erasure.company_id, unassigned) if holds_words(each, erasure, ids)]
        for letter in letters:
            state.dead_letters[letter.origin] = letter.model_copy(update={"value": b""})
        mine = [event for event in state.events.values() if event.company_id == erasure.company_id]
        quoting = [event.id for event in mine if erasure.is_whole or _quotes(event, ids)]
        return Taken(len(gone), len(letters), tuple(quoting))

    def _take_reasons(self, company_id: str) -> None:
        state, erased = self._state, {"error": ERASED}
        batches = {key for key, batch in state.batches.items() if batch.company_id == company_id}
        watches = {key for key, watch in state.watches.items() if watch.company_id == company_id}
        for key, batch in state.batches.items():
            if key in batches and batch.error:
                state.batches[key] = batch.model_copy(update=erased)
        for place, chunk in state.chunks.items():
            if place[0] in batches and chunk.error:
                state.chunks[place] = chunk.model_copy(update=erased)
        noting = {row.id for row in state.notices.values() if any(each.company_id == company_id for each in row.items)}
        for mail in list(state.mails.values()):
            if (mail.company_id == company_id or mail.ref in noting) and mail.error:
                state.mails[mail.id] = mail.model_copy(update=erased)
        for letter, row in state.compositions.items():
            if letter.watch_id in watches and row.error:
                state.compositions[letter] = row.model_copy(update=erased)

    def take_events(self, company_id: str, event_ids: Collection[UUID]) -> None:
        events = self._state.events
        gone = {each for each in event_ids if events[each].company_id == company_id and not events[each].is_active}
        self._state.events = {key: event for key, event in events.items() if key not in gone}
        self._state.aliases = {old: new for old, new in self._state.aliases.items() if new not in gone}

    def take_letter(self, letter: Letter) -> None:
        held = self._state.letters[letter.id]
        self._state.letters[letter.id] = held.model_copy(
            update={"draft": letter.draft, "receipts": letter.receipts, "thread": letter.thread}
        )

    def take_derived(self, firm_id: str, company_id: str) -> Derived:
        return take_derived(self._state, firm_id, company_id)

    def left_of_firm(self, firm_id: str, company_id: str) -> dict[str, int]:
        return left_of_firm(self._state, firm_id, company_id)

    def quoting(self, company_id: str, sources: Collection[str]) -> int:
        return quoting(self._state, company_id, sources)

    def left_of_company(
        self, company_id: str, sources: Collection[str] | None = None, unassigned: Collection[str] = ()
    ) -> dict[str, int]:
        return left_of_company(self._state, company_id, sources, unassigned)

    def sources(self, company_id: str) -> set[str]:
        return sources(self._state, company_id)

    def note(self, entry: Note) -> None:
        detail = {"sha256": entry.sha256} if entry.sha256 else {}
        self._state.audit_log.append(AuditEntry(*entry[:4], entry.why, detail, entry.firm_id, entry.company_id))


def _quotes(event: Event, message_ids: Collection[str]) -> bool:
    return any(proof.message_id in message_ids for proof in event.evidence)


class MemoryGeneration:
    """The `GenerationStore` of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self) -> Generation:
        return self._state.generation

    def advance(self, at: datetime) -> int:
        before = self._state.generation
        self._state.generation = before._replace(number=before.number + 1, advanced_at=at)
        return before.number + 1

    def accept(self, number: int, at: datetime, *, held: bool) -> None:
        before = self._state.generation
        if number > before.number:
            before = Generation(number, at)
        self._state.generation = before._replace(held=held)

    def release(self) -> None:
        self._state.generation = self._state.generation._replace(held=False)


class MemoryMirror:
    """The `Mirror` in this process."""

    def __init__(self) -> None:
        self._generation = 0
        self._announced: dict[tuple[object, ...], Announced] = {}
        self._erasures: dict[UUID, Erasure] = {}

    def generation(self) -> int:
        return self._generation

    def raise_generation(self, number: int) -> None:
        self._generation = max(number, self._generation)

    def announce(self, letter: Announced) -> None:
        self._announced[letter.generation, letter.letter_id, letter.state] = letter

    def announced(self, after: int) -> list[Announced]:
        return sorted(letter for letter in self._announced.values() if letter.generation > after)

    def add_erasures(self, erasures: Sequence[Erasure]) -> None:
        for erasure in erasures:
            self._erasures[erasure.id] = erasure.model_copy(update={"applied_at": None})

    def erasures(self) -> list[Erasure]:
        return sorted(self._erasures.values(), key=lambda each: (each.requested_at, str(each.id)))
