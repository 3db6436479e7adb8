"""`/api/v1/dead-letters`: what could not be taken, why, and once more when the cause is mended."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sago.api.access import House
from sago.api.bodies import described, json_of
from sago.api.paging import Paged, PageQuery, cursor_of, page_of, place_of
from sago.api.problems import ProblemError, answers
from sago.api.routes.data_flow import Wired
from sago.domain.batches import DeadLetter
from sago.domain.dead_letters import headers_of, letter_id, short_id
from sago.domain.messages import COMPANY_ID
from sago.domain.pages import DeadLettersAsked
from sago.pipeline.replaying import Replay, Replayed

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])

LONGEST = 6000
"""Characters of a cursor: it holds an origin, which may hold a mail's id."""
LETTER_ID = "bG9nLTEvc2xhY2stbWVzc2FnZXMvMC80Mg"


LetterInPath = Annotated[
    str, Path(description="As the list has it, or the short id of `sago dlq list`.", examples=[LETTER_ID])
]


class Row(BaseModel):
    """A dead letter in a list."""

    id: str = Field(description="As the paths here take it.", examples=[LETTER_ID])
    short_id: str = Field(description="As `sago dlq` names it; taken here too.", examples=["3f1c9a02"])
    origin: str = Field(description="Where it came from; unique.", examples=["log-1/slack-messages/0/42"])
    topic: str = Field(examples=["slack-messages"])
    company_id: str | None = Field(description="Whose it is, where that could be told.", examples=["acme"])
    message_id: str | None = Field(examples=["slack:m-1042"])
    error: str = Field(description="Why it could not be taken.", examples=["text is empty"])
    error_type: str = Field(examples=["InvalidMessageError"])
    failed_at: datetime = Field(description="The last time.", examples=["2026-03-02T16:04:11Z"])
    attempts: int = Field(examples=[1])
    replayed_at: datetime | None = Field(description="Null while it is open.")


class Value(BaseModel):
    """The original bytes."""

    base64: str = Field(examples=["eyJpZCI6IDF9"])
    text: str | None = Field(description="The same where it is UTF-8.", examples=['{"id": 1}'])


class Whole(Row):
    """One dead letter."""

    headers: dict[str, str] = Field(description="As in its topic.", examples=[{"error": "text is empty"}])
    size: int = Field(description="Of the original in bytes; 0 where it was erased.", examples=[9])
    value: Value | None = Field(None, description="Only with `?value=true`.")


class Answer(BaseModel):
    """What became of a replay."""

    id: str = Field(examples=[LETTER_ID])
    outcome: Replayed = Field(
        description="`sent`: on its way, and the letter is cleared once it is stored. `stored already`: the letter is "
        "cleared. `replayed before`: nothing was done. `refused`: see `reason`."
    )
    message_id: str | None = Field(examples=["slack:m-1042"])
    reason: str | None = Field(None, description="What to mend first.")


class Which(BaseModel):
    """Open dead letters to replay: at least one of topic, company and error type."""

    model_config = ConfigDict(extra="forbid")

    topic: str | None = Field(None, max_length=300)
    company_id: str | None = Field(None, pattern=COMPANY_ID)
    error_type: str | None = Field(None, max_length=300)
    limit: int = Field(50, ge=1, le=200, description="At most so many now.")
    cursor: str | None = Field(None, max_length=LONGEST, description="`next` of the answer before.")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.topic, self.company_id, self.error_type) == (None, None, None):
            raise ValueError("say which: topic, company_id or error_type")
        return self


class LetterQuery(PageQuery):
    """Which dead letters."""

    topic: str | None = Field(
        None, max_length=300, description="The topic it was meant for.", examples=["slack-messages"]
    )
    company_id: str | None = Field(None, pattern=COMPANY_ID, description="Whose they are.")
    error_type: str | None = Field(
        None, max_length=300, description="The class of the error.", examples=["InvalidMessageError"]
    )
    replayed: bool | None = Field(None, description="True: those replayed. False: those open.")
    cursor: str | None = Field(
        None, max_length=LONGEST, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before."
    )

    @property
    def asked(self) -> DeadLettersAsked:
        """As the store is asked, for one row more than the page has."""
        after = place_of("dead-letters", self.cursor, is_id=False)
        return DeadLettersAsked(self.topic, self.company_id, self.error_type, self.replayed, after, self.limit + 1)


EXAMPLE = {"topic": "slack-messages", "error_type": "InvalidMessageError", "limit": 50}


@router.get("", responses=answers(414, 422, 503))
def list_dead_letters(_: House, container: Wired, query: Annotated[LetterQuery, Query()]) -> Paged[Row]:
    """Dead letters, newest first."""
    with container.database.begin() as tx:
        letters = tx.ledger.dead_letters_asked(query.asked)
    return page_of(letters, query.limit, lambda letter: Row(**_fields(letter)), _after)


@router.get("/{letter_id}", responses=answers(404, 422, 503))
def show_dead_letter(
    _: House,
    container: Wired,
    letter_id: LetterInPath,
    value: Annotated[bool, Query(description="With the original bytes: they may hold a message.")] = False,
) -> Whole:
    """One dead letter."""
    letter = container.replaying.find(letter_id)
    shown = _value(letter.value) if value else None
    return Whole(**_fields(letter), headers=headers_of(letter), size=len(letter.value), value=shown)


@router.post("/{letter_id}/replay", responses=answers(404, 409, 503))
def replay_dead_letter(_: House, container: Wired, letter_id: LetterInPath) -> Answer:
    """Send its message again, once the cause is mended; what a vendor sent is read and routed anew. One replayed before
    is not sent again, and one whose id is stored with other content is refused, as it would be refused again."""
    replayed = container.replaying.once(letter_id)
    if replayed.outcome is Replayed.REFUSED:
        raise ProblemError(409, str(replayed.reason))
    return _answer(replayed)


@router.post(
    "/replay", responses=answers(408, 413, 415, 422, 503), openapi_extra=described(Which, topic=EXAMPLE)
)  # fmt: skip
def replay_dead_letters(_: House, container: Wired, which: Annotated[Which, Depends(json_of(Which))]) -> Paged[Answer]:
    """Replay open dead letters, newest first; one that is refused does not hold back the others."""
    place = place_of("dead-letters", which.cursor, is_id=False)
    asked = DeadLettersAsked(which.topic, which.company_id, which.error_type, after=place, limit=which.limit)
    done = container.replaying.page(asked)
    is_full = len(done) == which.limit
    return Paged(items=[_answer(each) for each in done], next=_after(done[-1].letter) if is_full else None)


def _fields(letter: DeadLetter) -> dict[str, object]:
    return {"id": letter_id(letter.origin), "short_id": short_id(letter.origin)} | letter.model_dump(exclude={"value"})


def _answer(replayed: Replay) -> Answer:
    letter = replayed.letter
    return Answer(
        id=letter_id(letter.origin), outcome=replayed.outcome, message_id=replayed.message_id, reason=replayed.reason
    )


def _after(letter: DeadLetter) -> str:
    return cursor_of("dead-letters", letter.failed_at, letter.origin)


def _value(value: bytes) -> Value:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = None
    return Value(base64=base64.b64encode(value).decode(), text=text)
