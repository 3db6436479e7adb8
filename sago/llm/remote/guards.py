"""What stands before a provider's client: answers kept for the same question, a breaker, a rate, a budget; and a
second request where the form of the first is refused. Each is a `Line`."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

from pydantic import ValidationError

from sago import telemetry
from sago.domain.model_calls import Budget, ModelJob, Reservation
from sago.errors import HeldBackError, TooDearError, TooLateError, TransientError
from sago.llm.remote.packing import tokens
from sago.llm.remote.question import FormRefusedError, Line, Question, Reply
from sago.model_sections import RemoteSettings
from sago.ports import Answers, Breakers, CallLedger, Clock, RateLimit

LONGEST_WAIT = 5.0
"""Seconds that a task waits for its turn; whoever would wait longer comes again."""
LEAST_TIME = 1.0
"""Seconds left for a call that has waited, whatever it was given."""
LONGEST_HELD = timedelta(hours=1)
"""After which a spent budget is looked at again: it may have been raised."""
RESERVED_FOR = timedelta(minutes=15)
"""Above the longest call: whoever reserved money and has no row by then has died."""
_log = telemetry.logger(__name__)


class AskedAgain:
    """Asks once more where the form was refused, within the question's own time. It stands before all others: either
    request is counted, paid and recorded."""

    def __init__(self, line: Line, provider: str, clock: Clock) -> None:
        self._line = line
        self._provider = provider
        self._clock = clock

    def ask(self, question: Question) -> Reply:
        begun = self._clock.monotonic()
        try:
            return self._line.ask(question)
        except FormRefusedError:
            left = question.timeout - (self._clock.monotonic() - begun)
        if left < LEAST_TIME:
            kind = TransientError if question.is_lone else TooLateError
            raise kind(f"{self._provider} did not answer within {question.timeout:g} s")
        return self._line.ask(question._replace(id=uuid4(), timeout=left))


class Cached:
    """Asks the same about the same messages of a company once. Only whole answers that keep to the schema are kept,
    and none of letters: one that was refused has to be written anew."""

    def __init__(self, line: Line, provider: str, settings: RemoteSettings, answers: Answers) -> None:
        self._line = line
        self._provider = provider
        self._settings = settings
        self._answers = answers

    def ask(self, question: Question) -> Reply:
        if question.job is not ModelJob.EXTRACTION:
            return self._line.ask(question)
        digest = self._digest(question)
        kept = self._answers.get(question.company_id, digest)
        if kept is not None:
            told = {
                "provider": self._provider,
                "model": self._settings.model,
                "prompt_version": question.prompt_version,
            }
            _log.info("answer from the cache", company_id=question.company_id, job=question.job.value, **told)
            return Reply(kept)
        reply = self._line.ask(question)
        if _is_whole(reply, question):
            self._answers.put(question.company_id, digest, reply.value)
        return reply

    def _digest(self, question: Question) -> str:
        """Server, temperature and limits change an answer as well: the whole section counts, but for its key."""
        section = self._settings.model_dump(mode="json", exclude={"api_key"})
        asked = [self._provider, section, question.prompt_version, question.system, question.user]
        schema = question.answer.model_json_schema()
        return hashlib.sha256(json.dumps([*asked, schema]).encode()).hexdigest()


def _is_whole(reply: Reply, question: Question) -> bool:
    try:
        question.answer.model_validate(reply.value)
    except ValidationError:
        return False
    return not reply.is_cut


class Spared:
    """Asks nothing while the breaker of the provider and its model is open: chunks and letters share it, over all
    processes. A kept answer is none of its business."""

    def __init__(self, line: Line, breaker: str, breakers: Breakers) -> None:
        self._line = line
        self._breaker = breaker
        self._breakers = breakers

    def ask(self, question: Question) -> Reply:
        """Raises TransientError with `retry_after` while its breaker is open."""
        return self._breakers.call(self._breaker, lambda: self._line.ask(question))


class Limited:
    """Asks so many times a minute, all processes together. A short wait is waited for here, out of the question's own
    time."""

    def __init__(self, line: Line, provider: str, most: int, rates: RateLimit, clock: Clock) -> None:
        self._line = line
        self._provider = provider
        self._most = most
        self._rates = rates
        self._clock = clock

    def ask(self, question: Question) -> Reply:
        """Raises HeldBackError where its turn would come too late."""
        begun = self._clock.monotonic()
        while wait := self._rates.take(self._provider, self._most):
            if self._clock.monotonic() - begun + wait.total_seconds() > LONGEST_WAIT:
                rule = f"{self._most} requests a minute (models.requests_a_minute.{self._provider})"
                raise HeldBackError(f"{self._provider} has had its {rule}", retry_after=wait)
            self._clock.sleep(wait.total_seconds())
        left = question.timeout - (self._clock.monotonic() - begun)
        return self._line.ask(question._replace(timeout=max(left, LEAST_TIME)))


class Budgeted:
    """Asks only where the day's budget has room for what the answer may cost, an estimate: the question's tokens, as
    packing counts them, and all of `output_tokens`, at the section's prices. The ledger's row of the call takes its
    place."""

    def __init__(
        self, line: Line, provider: str, settings: RemoteSettings, budget: Budget, calls: CallLedger, clock: Clock
    ) -> None:
        self._line = line
        self._provider = provider
        self._settings = settings
        self._budget = budget
        self._calls = calls
        self._clock = clock

    def ask(self, question: Question) -> Reply:
        """Raises HeldBackError where the budget is spent, until midnight UTC or for an hour; TooDearError where it has
        no room for this question on any day."""
        schema = tokens(json.dumps(question.answer.model_json_schema()))
        asked = tokens(question.system) + tokens(question.user) + schema
        most = self._settings.cost(asked, self._settings.output_tokens)
        if most:
            self._reserve(question, most)
        return self._line.ask(question._replace(reserved=most))

    def _reserve(self, question: Question, most: float) -> None:
        self._refuse_too_dear(most)
        now = self._clock.now()
        reservation = Reservation(question.id, question.company_id, most, now, now + RESERVED_FOR)
        limit = self._calls.reserve(reservation, self._budget)
        if limit is None:
            return
        usd, whose = getattr(self._budget, limit), question.company_id if limit == "company" else "all companies"
        line = (
            f"{self._provider} is not asked: it may cost ${most:.4f}, and the ${usd:g} a day of {whose} "
            f"(models.budget_usd_a_day.{limit}) are spent or reserved; they begin anew at 00:00 UTC"
        )
        raise HeldBackError(line, retry_after=min(_midnight_after(now) - now, LONGEST_HELD))

    def _refuse_too_dear(self, most: float) -> None:
        for limit, usd in self._budget._asdict().items():
            if usd is not None and most > usd:
                raise TooDearError(
                    f"{self._provider} is never asked: one question may cost ${most:.4f}, more than the ${usd:g} of a "
                    f"day (models.budget_usd_a_day.{limit}): raise it, or lower {self._provider}.output_tokens or "
                    f"{self._provider}.input_tokens"
                )


def _midnight_after(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
