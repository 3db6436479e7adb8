"""The `OutreachStore` in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterChange, LetterState, approval, changed
from sago.domain.watches import Watch
from sago.errors import PermanentError
from sago.stores.memory.state import AuditEntry, State

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


class MemoryOutreach:
    """Watches and letters of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_watch(self, watch: Watch) -> None:
        self._state.watches[watch.id] = watch

    def insert_watch(self, watch: Watch) -> bool:
        if watch.id in self._state.watches:
            return False
        self._state.watches[watch.id] = watch
        return True

    def watches(self, company_id: str | None = None) -> list[Watch]:
        active = [watch for watch in self._state.watches.values() if watch.is_active]
        mine = [watch for watch in active if company_id in (None, watch.company_id)]
        return sorted(mine, key=lambda watch: (watch.created_at, str(watch.id)))

    def watch(self, watch_id: UUID) -> Watch | None:
        watch = self._state.watches.get(watch_id)
        return watch if watch and watch.is_active else None

    def remove_watch(self, watch_id: UUID) -> bool:
        watch = self._state.watches.get(watch_id)
        if watch is None or not watch.is_active:
            return False
        self._state.watches[watch_id] = watch.model_copy(update={"is_active": False})
        return True

    def letter(self, letter_id: UUID) -> Letter | None:
        return self._state.letters.get(letter_id)

    def recipient(self, letter_id: UUID) -> Person | None:
        letter = self._state.letters.get(letter_id)
        return letter.recipient if letter else None

    def live_letter(self, watch_id: UUID, window: str) -> Letter | None:
        return next((each for each in self.letters() if (each.watch_id, each.window) == (watch_id, window)), None)

    def add_letter(self, letter: Letter) -> bool:
        taken = letter.state.is_live and self.live_letter(letter.watch_id, letter.window) is not None
        if taken or letter.id in self._state.letters:
            return False
        self._state.letters[letter.id] = letter
        return True

    def set_letter_state(self, letter_id: UUID, state: LetterState, at: datetime, who: str, why: str) -> None:
        letter = self._known(letter_id)
        if letter.state is state:
            return
        letter.state.require(state, letter_id)
        live = self.live_letter(letter.watch_id, letter.window) if state.is_live else None
        if live is not None and live.id != letter_id:
            raise PermanentError(f"letter {letter_id}: its window {letter.window} has a live letter")
        self._state.letters[letter_id] = letter.model_copy(update={"state": state, **approval(letter, state, at, who)})
        self._note(at, who, f"letter.{state}", letter, why, changed(letter, state))

    def rewrite_letter(self, letter: Letter, at: datetime, who: str, why: str) -> None:
        before = self._known(letter.id)
        new = {"draft": letter.draft, "receipts": letter.receipts, "ticked": letter.ticked}
        self._state.letters[letter.id] = before.model_copy(update=new)
        hashes = {"before": before.draft.sha256, "after": letter.draft.sha256}
        self._note(at, who, "letter.edited", before, why, hashes)

    def tick_letter(self, letter_id: UUID, claims: Collection[int], at: datetime, who: str, why: str) -> None:
        letter = self._known(letter_id)
        if new := sorted(set(claims) - letter.ticked):
            self._state.letters[letter_id] = letter.model_copy(update={"ticked": letter.ticked | set(new)})
            self._note(at, who, "letter.ticked", letter, why, {"claims": new})

    def history(self, letter_id: UUID) -> list[LetterChange]:
        return [
            LetterChange(at=entry.at, who=entry.who, action=entry.action, why=entry.why, detail=entry.detail)
            for entry in self._state.audit_log
            if entry.subject == letter_id
        ]

    def _known(self, letter_id: UUID) -> Letter:
        letter = self._state.letters.get(letter_id)
        if letter is None:
            raise PermanentError(f"letter {letter_id}: unknown")
        return letter

    def _note(self, at: datetime, who: str, action: str, of: Letter, why: str, detail: Mapping[str, Any]) -> None:
        self._state.audit_log.append(AuditEntry(at, who, action, of.id, why, detail, of.firm_id, of.company_id))

    def approved(self, before: datetime) -> list[Letter]:
        approved = [(letter.approved_at, letter) for letter in self.letters() if letter.state is LetterState.APPROVED]
        old = [(at or _UNKNOWN, letter) for at, letter in approved if at is None or at <= before]
        return [letter for _, letter in sorted(old, key=lambda each: (each[0], each[1].id))]

    def letters(self, company_id: str | None = None, *, live: bool = True) -> list[Letter]:
        mine = [letter for letter in self._state.letters.values() if company_id in (None, letter.company_id)]
        shown = [letter for letter in mine if letter.state.is_live or not live]
        return sorted(shown, key=lambda letter: (-letter.created_at.timestamp(), str(letter.id)))

    def ended_letters(self, since: datetime) -> list[Letter]:
        changed = {entry.subject for entry in self._state.audit_log if entry.at >= since}
        ended = [letter for letter in self.letters(live=False) if not letter.state.is_live]
        return [letter for letter in ended if letter.id in changed or letter.created_at >= since]
