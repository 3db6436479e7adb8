"""Which watches are due and what each of them says; letters that are due, kept until each is composed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sago import telemetry
from sago.domain.letters import CompositionState, DueLetter, Letter
from sago.domain.significance import DEFAULT_SCALE, Scale
from sago.domain.watches import Outcome, Verdict
from sago.errors import ConfigError, InvalidMessageError, PermanentError, TransientError, UnusableAnswerError
from sago.outreach.knowledge import known_to
from sago.ports import Clock, Database, Dispatcher

LEASE = timedelta(seconds=330)
"""How long one attempt holds its letter: longer than any task may run."""
SENT_AGAIN_AFTER = timedelta(minutes=2)
"""From a letter's task to the next one for it, where nobody has begun it."""
RETRY_AFTER = timedelta(minutes=1)
"""From a failed attempt to the next one, unless the other side asked for more."""
ATTEMPTS = 5
"""Of one letter, each of which may have cost: those that met an outage or a wrong setting are not counted."""

_ORDER = [Outcome.NOW, Outcome.NOT_YET, Outcome.DO_NOT_WRITE, Outcome.UPDATE]
_log = telemetry.logger(__name__)


@dataclass(frozen=True)
class DueLetters:
    """The use cases behind `outreach.schedule` and `outreach.compose`: each letter's row owns its retries."""

    database: Database
    dispatcher: Dispatcher
    clock: Clock
    write: Callable[[UUID, datetime], Letter | None]
    """Composes the letter of a watch as of a moment."""

    def plan(self, as_of: datetime) -> int:
        """Make a letter due for each watch of which something is known by then, and send them; how many."""
        due = [DueLetter(watch_id, as_of) for watch_id in due_watches(self.database, as_of)]
        with self.database.begin() as tx:
            tx.compositions.add(due, self.clock.now())
        self._end_overtaken([letter.watch_id for letter in due])
        self.send()
        return len(due)

    def send(self) -> int:
        """Enqueue each due letter whose time has come, those whose task was lost too; how many. None while others
        wait in the queue: theirs may only wait behind them, and the queue would grow without end."""
        if self.dispatcher.waiting("outreach"):
            return 0
        now = self.clock.now()
        sent = 0
        while True:
            with self.database.begin() as tx:
                letters = tx.compositions.take_due(now, now + SENT_AGAIN_AFTER)
            for letter in letters:
                self.dispatcher.compose(*letter)
            sent += len(letters)
            if not letters:
                return sent

    def compose(self, watch_id: UUID, as_of: datetime) -> Letter | None:
        """Compose a due letter; None where there is nothing new to say, it has to wait, is another's or overtaken.

        An outage and a wrong setting are waited for, however long. What may have cost is tried ATTEMPTS times, a run
        that was killed too; then, and at once where no attempt can help, the letter has failed: raises PermanentError.
        """
        letter, now = DueLetter(watch_id, as_of), self.clock.now()
        self._end_overtaken([watch_id])
        with self.database.begin() as tx:
            attempt = tx.compositions.begin(letter, now + LEASE, now)
        if attempt is None:
            return None
        try:
            if attempt > ATTEMPTS:
                raise PermanentError(f"letter of watch {watch_id}: {ATTEMPTS} attempts did not end")
            written = self.write(watch_id, as_of)
        except Exception as error:
            if not self._postpone(letter, attempt, error):
                raise PermanentError(str(error) or repr(error)) from error
            return None
        with self.database.begin() as tx:
            tx.compositions.end(letter, CompositionState.DONE)
        return written

    def _end_overtaken(self, watch_ids: list[UUID]) -> None:
        """An old letter would take the place of a newer one."""
        with self.database.begin() as tx:
            tx.compositions.end_overtaken(watch_ids)

    def _postpone(self, letter: DueLetter, attempt: int, error: Exception) -> bool:
        """Keep what an attempt failed of; whether there will be another."""
        reason = str(error) or repr(error)
        is_passing = isinstance(error, TransientError | ConfigError) and not isinstance(error, UnusableAnswerError)
        is_hopeless = isinstance(error, PermanentError | InvalidMessageError) or attempt >= ATTEMPTS
        with self.database.begin() as tx:
            if is_hopeless and not is_passing:
                tx.compositions.end(letter, CompositionState.FAILED, reason)
                return False
            asked = error.retry_after if isinstance(error, TransientError) else None
            retry_at = self.clock.now() + max(asked or RETRY_AFTER, RETRY_AFTER)
            tx.compositions.postpone(letter, retry_at, reason, is_counted=not is_passing)
        _log.warning("letter waits", watch_id=str(letter.watch_id), until=retry_at.isoformat(), reason=reason)
        return True


def due_watches(database: Database, as_of: datetime) -> list[UUID]:
    """Active watches of companies of which something is known by `as_of`, whoever may see it; composing decides about
    each, and withdraws the drafts of those whose firm may see nothing any more."""
    with database.begin() as transaction:
        heard_of = {event.company_id for event in transaction.events.find() if event.occurred_at <= as_of}
        return [watch.id for watch in transaction.outreach.watches() if watch.company_id in heard_of]


def verdicts(
    database: Database,
    as_of: datetime,
    setback_days: int,
    scale: Scale = DEFAULT_SCALE,
    *,
    now: datetime | None = None,
) -> list[Verdict]:
    """What every active watch says as of a moment, judged on what its firm may see, and nothing where its share has
    ended by `now`: NOW first, then NOT YET, DO NOT WRITE and updates."""
    with database.begin() as transaction:
        judged = [
            known.judge(as_of, setback_days, scale)
            for watch in transaction.outreach.watches()
            if (known := known_to(transaction, watch, as_of, now))
        ]
    return sorted(judged, key=lambda verdict: (_ORDER.index(verdict.outcome), verdict.watch.company_id))
