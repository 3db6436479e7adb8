"""Dead letters, watermarks and planned runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sago.domain.batches import (
    DeadLetter,
    Progress,
    Tick,
    TickRun,
)
from sago.domain.pages import DeadLettersAsked


class Ledger(Protocol):
    """Dead letters as projected from Kafka, the bridge's watermarks, and ticks."""

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> int:
        """Project; how many origins were new. One that fails at or after its replay is open again."""

    def dead_letters(
        self, *, topic: str | None = None, within: str = "", error: str = "", replayed: bool = False, limit: int = 100
    ) -> list[DeadLetter]:
        """Newest first, of those whose origins begin as `within` and whose errors as `error`."""

    def dead_letters_asked(self, asked: DeadLettersAsked) -> list[DeadLetter]:
        """A page of them, without their bytes."""

    def dead_letter(self, origin: str) -> DeadLetter | None:
        """One by its origin."""

    def dead_letters_called(self, short: str) -> list[str]:
        """Origins whose short id this is; more than one hardly ever."""

    def dead_letter_counts(self) -> dict[str, int]:
        """Topic → letters that were not replayed; a topic without any is left out."""

    def known_origins(self, origins: Sequence[str]) -> set[str]:
        """Which of these origins are dead-lettered."""

    def mark_replayed(self, origin: str, at: datetime) -> bool:
        """Note the replay of an open letter, to the millisecond, as `failed_at` is kept; False where there is none."""

    def withdraw(self, message_id: str, within: str, but: str, at: datetime) -> None:
        """Empty and close the open letters of a message whose origins begin so, but one."""

    def save_progress(self, progress: Sequence[Progress], at: datetime) -> None:
        """Advance watermarks; a lower one than is stored is ignored."""

    def progress(self, log_id: str) -> list[Progress]:
        """Watermarks of one log."""

    def last_progress(self) -> dict[str, datetime]:
        """Topic → when one of its watermarks last advanced, in whichever log."""

    def planned_since(self, job: str, cron: str, now: datetime) -> datetime:
        """Since when the job has had this cron line; one not seen before has it from now on."""

    def tick_runs(self, job: str, since: datetime) -> dict[datetime, TickRun]:
        """What became of the job's ticks due at `since` or later, by instant; one that nobody took is left out."""

    def hours_ago(self, job: str, count: int) -> datetime | None:
        """When the last but `count` of the hours began in which the job was done; None where there are fewer. Hours in
        which all stood still are not counted."""

    def skip_ticks(self, ticks: Sequence[Tick], now: datetime) -> None:
        """Note ticks that are not made up: those that nobody took, or whose run was lost. Others stay as they are."""

    def begin_tick(self, tick: Tick, lease_until: datetime, now: datetime) -> bool:
        """Take the tick: True when it is ours to run, False when it is done or another's lease holds."""

    def end_tick(self, tick: Tick) -> None:
        """Done."""

    def release_tick(self, tick: Tick, now: datetime) -> None:
        """Give up a run that failed: from `now` on the tick may be taken again. One that is done stays done."""
