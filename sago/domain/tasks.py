"""Tasks that people start by name: what each does, what it takes, who may start it, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sago.domain.keys import OPERATE, WRITE
from sago.domain.messages import Moment
from sago.errors import InvalidMessageError

LINE = 300
"""Characters of a result, or of an error, that are shown."""
KEPT_FOR = "an hour"
"""How long the result of a task is kept (`result_expires` of celeryconfig.py)."""
LOST = f"not known: results are kept for {KEPT_FOR}, and Redis may lose them; starting it again does no harm"


class TaskState(StrEnum):
    """What became of a started task. `waiting` also between attempts."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class TaskOutcome(NamedTuple):
    """As its result is kept; `error_type` is the class of what it failed with."""

    state: TaskState
    ended_at: datetime | None = None
    result: Any = None
    error: str = ""
    error_type: str = ""


class TaskRun(BaseModel):
    """One row of `task_runs`: what somebody started by name. The firm of a firm's own; None of the house's."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    arguments: Mapping[str, Any]
    firm_id: str | None
    who: str
    idempotency_key: str | None = None
    started_at: Moment


def _of_our_days(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if not 1990 <= moment.year <= 2100:
        raise ValueError("is not between 1990 and 2100")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Nothing(BaseModel):
    """No argument."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AtMoment(Nothing):
    """At a moment."""

    as_of: Annotated[datetime | None, AfterValidator(_of_our_days)] = Field(
        None, description="The moment that is taken for now (ISO 8601, UTC unless said)."
    )


class OnePerson(AtMoment):
    """Whose notice."""

    email: str | None = Field(
        None, max_length=320, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$", description="One person's, at any hour."
    )


class Waited(Nothing):
    """For how long."""

    older_than: float | None = Field(
        None, ge=0, le=31_536_000, allow_inf_nan=False, description="Seconds; without it `cache.idle_flush_after`."
    )


class OneConnection(Nothing):
    """Of what is connected."""

    connection_id: UUID = Field(description="`id` of a source in /api/v1/data-flow/health.")


class OneStream(OneConnection):
    """One stream of it."""

    stream: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$", description="Its name there.")


class OneWatch(Nothing):
    """One watch of the firm."""

    watch_id: UUID = Field(description="One of the firm's own watches.")


class Watches(Nothing):
    """One watch of the firm, or all of them."""

    watch_id: UUID | None = Field(None, description="One of the firm's own watches; without it all of them.")


class TaskKind(NamedTuple):
    """A task that can be started by name."""

    name: str
    does: str
    tells: str
    """What its result is, where that is a number or a list."""
    takes: type[Nothing] = Nothing
    scope: str = OPERATE

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the task takes them, those that were given; raises InvalidMessageError with the field."""
        try:
            return self.takes.model_validate_json(json.dumps(arguments)).model_dump(mode="json", exclude_unset=True)
        except ValidationError as error:
            said = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(("arguments", *map(str, said["loc"])))
            taken = ", ".join(self.takes.model_fields) or "nothing"
            reason = f"{self.name} takes {taken}" if said["type"] == "extra_forbidden" else said["msg"]
        except (RecursionError, ValueError):
            field, reason = "arguments", "nested too deeply, or a number too large"
        raise InvalidMessageError(reason, field=field)

    def said(self, result: Any) -> str:
        """Its result in a line."""
        if isinstance(result, int | list):
            return f"{self.tells}: {len(result) if isinstance(result, list) else result}"
        return (result if isinstance(result, str) else json.dumps(result))[:LINE]


COMPOSE, JUDGE = "outreach.compose", "outreach.judge"
WHY, NOTHING_NEW = "why", "nothing new to say"
"""What `outreach.compose` returns where it wrote no letter is under `why`."""
CATALOGUE = {
    kind.name: kind
    for kind in (
        TaskKind(COMPOSE, "Writes the letter of one watch as of now.", "letter", OneWatch, WRITE),
        TaskKind(JUDGE, "Judges watches as of now and keeps the verdicts as today's.", "watches", Watches, WRITE),
        TaskKind("outreach.deliver", "Sends approved letters that may go.", "mails"),
        TaskKind(
            "outreach.digest", "Makes and queues the notices of everybody whose hour has come.", "notices", OnePerson
        ),
        TaskKind("outreach.schedule", "Makes a letter due for each watch.", "letters due", AtMoment),
        TaskKind(
            "outreach.significance", "Judges every watch and keeps the verdicts as that day's.", "watches", AtMoment
        ),
        TaskKind("sources.poll", "Queues each stream and each connection that is due.", "queued"),
        TaskKind("sources.pull", "Reads on in a stream.", "pages", OneStream),
        TaskKind("sources.refresh", "Lists a connection's streams and people.", "streams", OneConnection),
        TaskKind("upkeep.catch_up", "Sends again what was planned or is due and was lost.", "jobs sent again"),
        TaskKind("upkeep.coarsen", "Makes the texts that shares in bands, or without figures, show.", "events"),
        TaskKind("upkeep.end_shares", "Erases what came of shares whose last day is over.", "shares ended"),
        TaskKind("upkeep.flush_idle", "Makes batches of what waits for too long.", "batches", Waited),
        TaskKind("upkeep.reap", "Takes up unfinished batches.", "batches"),
        TaskKind("upkeep.recover", "Queues stored messages that no batch has read.", "messages queued"),
    )
}
"""By name. What is not here is sent by other tasks alone."""

NO_ANSWER, TOO_LONG = "a server or a model did not answer, or not what was asked", "it took too long"
TOLD_TO_FIRMS = {
    "UngroundedError": "the letter said what no evidence says, so it was refused",
    "TransientError": NO_ANSWER,
    "HeldBackError": NO_ANSWER,
    "UnusableAnswerError": NO_ANSWER,
    "TooLateError": NO_ANSWER,
    "SoftTimeLimitExceeded": TOO_LONG,
    "TimeLimitExceeded": TOO_LONG,
}
"""By the class of the error: its own words may name another company of the house."""
FAILED = "it failed; the house's log says why, under the id of the task"


def result_line(run: TaskRun, outcome: TaskOutcome) -> str | None:
    """What came of it, in a line; None before that."""
    if outcome.state is TaskState.UNKNOWN:
        return LOST
    if outcome.state is not TaskState.DONE:
        return None
    if run.name == COMPOSE:
        said = outcome.result or {WHY: NOTHING_NEW}
        return str(said[WHY])[:LINE] if isinstance(said, dict) else f"letter {said}"
    kind = CATALOGUE.get(run.name)
    return kind.said(outcome.result) if kind else "done"


def error_line(run: TaskRun, outcome: TaskOutcome) -> str | None:
    """What it failed with, in a line: to a firm in words that tell nothing of others."""
    if not outcome.error and not outcome.error_type:
        return None
    if run.firm_id is not None:
        return TOLD_TO_FIRMS.get(outcome.error_type, FAILED)
    return " ".join(outcome.error.split())[:LINE]
