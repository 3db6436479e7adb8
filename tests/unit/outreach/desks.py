"""A person's desk: a composed letter over stores in memory, and what they can do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sago.domain.events import Event
from sago.domain.letters import Letter, LetterChange, LetterState
from sago.domain.watches import Watch
from sago.llm.gateway import Gateway
from sago.outreach.composing import compose_letter
from sago.outreach.deciding import decide, undo
from sago.outreach.editing import edit
from sago.outreach.expiring import tidy
from sago.outreach.permission import ApprovalRules, TickRule, needed, objections
from sago.outreach.ticking import tick
from sago.pipeline.generations import Generations
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from tests.unit.outreach.stories import NOW, database, fold_into, point
from tests.unit.outreach.test_composing import Writer


class Desk:
    """Everything a person does about one letter; `now` is what the clock says."""

    def __init__(self, *watches: Watch, rules: ApprovalRules | None = None) -> None:
        self.now = NOW
        self.rules = rules or ApprovalRules()
        self.database = database(*watches)
        self.drafts = MemoryDrafts()
        self.mirror = MemoryMirror()
        self.who = "ana"

    def pass_time(self, **length: float) -> None:
        self.now += timedelta(**length)

    def compose(self, watch: Watch, as_of: datetime | None = None) -> Letter | None:
        writer = Writer()
        return compose_letter(
            watch.id,
            as_of or self.now,
            database=self.database,
            models=Gateway(writer, writer, ManualClock(NOW)),  # type: ignore[arg-type]
            drafts=self.drafts,
            clock=ManualClock(self.now),
            setback_days=60,
            highlights=5,
        )

    def composed(self, watch: Watch) -> Letter:
        """Its letter."""
        letter = self.compose(watch)
        assert letter is not None
        return letter

    def letter(self, letter_id: UUID) -> Letter:
        with self.database.begin() as tx:
            found = tx.outreach.letter(letter_id)
        assert found is not None
        return found

    def letters(self, *, live: bool = True) -> list[Letter]:
        with self.database.begin() as tx:
            return tx.outreach.letters("orchard", live=live)

    def history(self, letter: Letter) -> list[LetterChange]:
        with self.database.begin() as tx:
            return tx.outreach.history(letter.id)

    def actions(self, letter: Letter) -> list[str]:
        return [change.action.removeprefix("letter.") for change in self.history(letter)]

    def hear(self, *events: Event) -> None:
        """These are the company's events from now on."""
        stated = [point(event, each.name, each.value, each.unit) for event in events for each in event.metrics]
        fold_into(self.database, events, [each for each in stated if each.metric in ("arr", "nrr")])

    def set_state(self, letter: Letter, state: LetterState) -> None:
        with self.database.begin() as tx:
            tx.outreach.set_letter_state(letter.id, state, self.now, "sago", "")

    def tick(self, letter: Letter, *numbers: int) -> Letter:
        return tick(letter, numbers, database=self.database, who=self.who, why="", at=self.now)

    def decide(self, letter: Letter, state: LetterState, **other: Any) -> Letter:
        return decide(
            letter.id,
            state,
            announce=Generations(self.database, self.mirror).announce,
            rules=self.rules,
            **self._by(),
            **other,
        )

    def approve(self, letter: Letter) -> Letter:
        return self.decide(letter, LetterState.APPROVED)

    def tick_and_approve(self, letter: Letter) -> Letter:
        self.tick(self.letter(letter.id), *range(len(letter.receipts)))
        return self.approve(letter)

    def reject(self, letter: Letter) -> Letter:
        return self.decide(letter, LetterState.REJECTED)

    def undo(self, letter: Letter) -> Letter:
        return undo(letter.id, **self._by(), within=self.rules.undo)

    def edit(self, letter: Letter, subject: str | None = None, body: str | None = None) -> Letter:
        return edit(letter, subject or letter.draft.subject, body or letter.draft.body, **self._by())

    def tidy(self) -> list[Letter]:
        kept = {"database": self.database, "drafts": self.drafts}
        return tidy(self.now, **kept, now=self.now, fresh_for=self.rules.fresh_for)

    def objections(self, letter: Letter) -> list[str]:
        with self.database.begin() as tx:
            return objections(tx, self.letter_in(tx, letter), self.now, self.rules.fresh_for)

    def needed(self, letter: Letter) -> list[str]:
        with self.database.begin() as tx:
            return needed(tx, self.letter_in(tx, letter), self.now, self.rules)

    @staticmethod
    def letter_in(tx: Any, letter: Letter) -> Letter:
        found: Letter = tx.outreach.letter(letter.id)
        return found

    def _by(self) -> dict[str, Any]:
        return {"database": self.database, "drafts": self.drafts, "who": self.who, "why": "because", "at": self.now}


NO_TICKS = ApprovalRules(TickRule.NEVER)
