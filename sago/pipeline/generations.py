"""Whether Postgres is the newest there was: a restored backup is seen by its generation, and holds letters back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sago.domain.generations import Announced, Generation
from sago.domain.letters import SYSTEM, Letter, LetterState
from sago.errors import RestoredError
from sago.ports import Database, Mirror, Transaction
from sago.telemetry import logger

OVERLAP = 10
"""Generations before the backup's own whose letters are looked at too: they may have been under way as it was made."""
LOST = "let go after the backup that Postgres was restored from"
BEHIND = "Postgres is an older backup (generation {inside}, {outside} outside): recovery brings back what is missing"
HELD = "Postgres was restored from a backup; letters approved since are `unknown`"

log = logger(__name__)


class Restored(NamedTuple):
    """A backup that was restored: what it knows, and the number outside."""

    inside: Generation
    outside: int


@dataclass(frozen=True)
class Generations:
    """Ask `check` before anything leaves the house, and `announce` each letter before it goes."""

    database: Database
    mirror: Mirror

    def restored(self) -> Restored | None:
        """What was restored and not recovered yet; None where Postgres is the newest there was."""
        outside = self.mirror.generation()  # first: the number inside, read later, can only have grown
        with self.database.begin() as tx:
            inside = tx.generation.get()
        return Restored(inside, outside) if outside > inside.number else None

    def problem(self) -> str | None:
        """Why nothing leaves the house, in one line that says what comes next; None where it may."""
        if restored := self.restored():
            return BEHIND.format(inside=restored.inside.number, outside=restored.outside)
        with self.database.begin() as tx:
            return HELD if tx.generation.get().held else None

    def check(self) -> None:
        """Raise RestoredError where nothing may leave the house."""
        problem = self.problem()
        if problem is not None:
            raise RestoredError(
                f"{problem}; nothing leaves the house until each is resolved: "
                "`sago outreach list`, then `sago outreach resolve ID --sent` or `--not-sent`"
            )

    def advance(self, now: datetime) -> bool:
        """Begin a new generation, inside first; False, and nothing done, where a backup was restored."""
        if self.restored():
            return False
        with self.database.begin() as tx:
            number = tx.generation.advance(now)
        self.mirror.raise_generation(number)
        return True

    def announce(self, letter: Letter, state: LetterState, now: datetime) -> None:
        """Note outside that a letter is about to reach `state`. Raises RestoredError as `check` does."""
        self.check()
        with self.database.begin() as tx:
            number = tx.generation.advance(now)
        self.mirror.announce(Announced.of(letter, state, number, now))
        self.mirror.raise_generation(number)

    def hold(self, restored: Restored, now: datetime) -> int:
        """Make `unknown` what the backup does not know to have been let go; how many letters."""
        notes = self.mirror.announced(after=restored.inside.number - OVERLAP)
        with self.database.begin() as tx:
            known = {letter.id: letter for letter in tx.outreach.letters(live=False)}
            return sum(_hold(tx, known.get(note.letter_id), note, now) for note in notes)

    def accept(self, restored: Restored, now: datetime) -> None:
        """Take over the number outside, once everything is recovered; letters stay held while one is unknown."""
        with self.database.begin() as tx:
            held = any(letter.state is LetterState.UNKNOWN for letter in tx.outreach.letters())
            tx.generation.accept(restored.outside, now, held=held)
        log.warning("a restored backup was recovered", generation=restored.outside, letters_held=held)


def _hold(tx: Transaction, letter: Letter | None, note: Announced, now: datetime) -> bool:
    if letter is not None and not note.may_follow(letter.state):
        return False
    live = tx.outreach.live_letter(note.watch_id, note.window)
    if live is not None and live.id != note.letter_id and live.state is LetterState.DRAFT:
        tx.outreach.set_letter_state(live.id, LetterState.SUPERSEDED, now, SYSTEM, LOST)
    if letter is None and not tx.outreach.add_letter(note.lost_letter()):
        return False  # noted twice, as approved and as sent
    tx.outreach.set_letter_state(note.letter_id, LetterState.UNKNOWN, now, SYSTEM, LOST)
    return True
