"""Letters: their text, what became of them, and where each claim comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sago.api.shapes.audit import action_shown
from sago.api.shapes.sent import TEXT_SHA, Because, Line, Sent
from sago.domain.letters import Letter, LetterState
from sago.domain.messages import Moment
from sago.outreach.firm_desk import Told
from sago.outreach.firm_words import told_who
from sago.outreach.receipts import CHECKS, Proven, Standing
from sago.ports import AuditLine

MOST_NUMBERS = 150
_NUMBER = re.compile(r"\d+")
SHA = "7b1c9a52f3a84e0f9d0c6f1f2f3d9a4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
LETTER: dict[str, Any] = {
    "id": "77c0d1aa-4a0f-4a51-8c8f-0c3d1c5a9f21",
    "company_id": "scaleflow",
    "watch_id": "0b5c1c1e-6f0f-4d9c-8f43-5f6f6f0a7f10",
    "state": "draft",
    "subject": "ScaleFlow: ARR passed $2M",
    "sender": "Dana Reed",
    "recipient": "Mira Sol",
    "created_at": "2026-03-03T07:00:00Z",
    "approved_by": None,
    "approved_at": None,
    "sha256": SHA,
}
READ: dict[str, Any] = {
    "body": "Dear Mira,\n\nwhen we met, ARR was below $2M. …",
    "highlights": [
        {"heading": "Revenue", "text": "ARR is $2.1M", "event_id": "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11"},
    ],
    "event_ids": ["0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11"],
    "composed_by": "offline",
    "ticked": [],
    "to_tick": [0, 2],
    "needed": [],
    "doubts": [],
    "possible": ["approve", "edit", "reject"],
    "history": [],
}
RECEIPT: dict[str, Any] = {
    "number": 0,
    "claim": "$2.1M",
    "kind": "figure",
    "where": "highlight 1",
    "start": 16,
    "end": 21,
    "event_id": "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "message_id": "slack:C024BE91L:1771952651.000200",
    "quote": "we just passed $2.1M ARR",
    "sha256": "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
    "transformation": "",
    "standing": "proof stands",
    "title": "ARR is $2.1M",
    "sender": "Dana",
    "said_at": "2026-02-24T17:04:11Z",
    "ticked": False,
}


class LetterShown(BaseModel):
    """A letter in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [LETTER]})

    id: UUID
    company_id: str
    watch_id: UUID
    state: LetterState = Field(
        description="draft → approved → queued → sent; or rejected, expired (old news), superseded (what it told has "
        "changed, or is shared no more), unknown (whether it was sent a person of the house must say)."
    )
    subject: str
    sender: str = Field(description="Their name. No answer holds a founder's address.")
    recipient: str | None = Field(description="Their name.")
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    sha256: str = Field(description="Of subject and body: send it back with an act, so that it is about this text.")

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Of a letter of the firm."""
        return cls(**_told(letter))


class HighlightShown(BaseModel):
    """One line of a letter, and the event it rests on."""

    model_config = ConfigDict(from_attributes=True)

    heading: str
    text: str
    event_id: UUID


class ChangeShown(BaseModel):
    """What was done about a letter."""

    at: Moment
    who: str = Field(description="A key by its prefix, `the house`, or `sago` by itself.", examples=["key:1f0c93ab"])
    action: str = Field(
        description="`letter.` and its new state, or `letter.edited`, `letter.ticked`, `letter.reopened`."
    )
    because: str = Field(description="Empty where people of the house typed it.")

    @classmethod
    def of(cls, line: AuditLine) -> Self:
        """Of a line of the audit log."""
        return cls(at=line.at, who=line.who, action=action_shown(line.action), because=line.detail.get("why", ""))


Act = Literal["approve", "edit", "reject", "undo"]


class LetterRead(LetterShown):
    """A letter, and what can be done about it."""

    model_config = ConfigDict(json_schema_extra={"examples": [LETTER | READ]})

    body: str
    highlights: list[HighlightShown]
    event_ids: list[UUID] = Field(description="What it rests on.")
    composed_by: str = Field(description="The model that wrote it; `offline`: sentences of this house alone.")
    ticked: list[int] = Field(description="Claims that somebody has looked at, as they are numbered in its receipts.")
    to_tick: list[int] = Field(description="Claims to look at before it is approved.")
    needed: list[str] = Field(description="What speaks against sending it.")
    doubts: list[str] = Field(
        description="What only whoever approves it can answer for: words that no event says, figures that another "
        "event states otherwise. It is approved with `stand_by`."
    )
    possible: list[Act] = Field(
        description="What its state allows; an approval also takes the claims of `to_tick`, and `stand_by` where there "
        "are `doubts`."
    )
    history: list[ChangeShown] = Field(description="What was done about it, oldest first.")

    @classmethod
    def told(cls, told: Told) -> Self:
        """Of what the use case returns."""
        letter = told.letter
        return cls(
            **_told(letter),
            body=letter.draft.body,
            highlights=[HighlightShown.model_validate(line) for line in letter.draft.highlights],
            event_ids=list(letter.event_ids),
            composed_by=letter.composed_by,
            ticked=sorted(letter.ticked),
            history=[ChangeShown.of(line) for line in told.history],
            **{name: getattr(told, name) for name in ("to_tick", "needed", "doubts", "possible")},
        )


class ReceiptShown(BaseModel):
    """One claim of a letter, and where it comes from."""

    number: int
    claim: str = Field(description="As the letter writes it; empty where it was erased.")
    kind: Literal["figure", "date", "name"]
    where: str = Field(description="`subject`, `body` or `highlight 2`; `start` and `end` count its code points.")
    start: int
    end: int
    event_id: UUID | None = Field(description="Null where the watch or the company's profile says it.")
    message_id: str | None
    quote: str = Field(description="Empty where it was erased, or is shared no more.")
    sha256: str = Field(description="Of the quote.")
    transformation: str = Field(description="What was done to it; empty where the claim stands in the quote.")
    standing: Standing = Field(description="What became of the proof since.")
    title: str = Field(description="Of the event, as it is shared.")
    sender: str
    said_at: datetime | None
    ticked: bool


class ReceiptsShown(BaseModel):
    """Where each figure, date and name of a letter comes from."""

    letter: UUID
    state: LetterState
    subject: str
    sha256: str
    composed_by: str
    prompt_version: str = Field(description="Of the prompt it was asked with; empty where none was used.")
    approved_by: str | None
    checks: list[str] = Field(description="What a letter with receipts has passed.")
    receipts: list[ReceiptShown]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "letter": LETTER["id"],
                    "state": "draft",
                    "subject": LETTER["subject"],
                    "sha256": SHA,
                    "composed_by": "offline",
                    "prompt_version": "",
                    "approved_by": None,
                    "checks": [CHECKS[0]],
                    "receipts": [RECEIPT],
                }
            ]
        }
    )

    @classmethod
    def of(cls, letter: Letter, proofs: Sequence[Proven]) -> Self:
        """Of a letter and its proofs, in the order of its claims."""
        return cls(
            letter=letter.id,
            state=letter.state,
            subject=letter.draft.subject,
            sha256=letter.draft.sha256,
            composed_by=letter.composed_by,
            prompt_version=letter.prompt_version,
            approved_by=_approver(letter),
            checks=list(CHECKS) if letter.receipts else [],
            receipts=[
                ReceiptShown(
                    number=number,
                    ticked=number in letter.ticked,
                    standing=each.standing,
                    title=each.title,
                    sender=each.sender,
                    said_at=each.said_at,
                    **each.receipt.model_dump(),
                )
                for number, each in enumerate(proofs)
            ],
        )


Seen = Field(
    None,
    pattern=TEXT_SHA,
    description="Of the letter as you have seen it; or the same in the header `If-Match`.",
    examples=[SHA],
)


def _few_numbers(text: str) -> str:
    """Each is held against each other one of its clause, and against every event."""
    if len(_NUMBER.findall(text)) > MOST_NUMBERS:
        raise ValueError(f"a letter holds at most {MOST_NUMBERS} numbers")
    return text


class EditSent(Because):
    """A letter in your own words."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"subject": LETTER["subject"], "body": READ["body"], "sha256": SHA}]}
    )

    subject: Line = Field(min_length=5, max_length=90)
    body: Annotated[str, AfterValidator(_few_numbers)] = Field(
        min_length=20,
        max_length=5_000,
        description="A line `- Heading: …` under a heading that the letter had still tells of the same event. At most "
        f"{MOST_NUMBERS} numbers.",
    )
    sha256: str | None = Seen


class ApprovalSent(Because):
    """That a letter may go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sha256": SHA, "tick": READ["to_tick"]}]})

    sha256: str | None = Seen
    tick: list[int] = Field(
        [], max_length=1000, description="Claims that you have looked at, as they are numbered in its receipts."
    )
    stand_by: Annotated[bool, Field(description="You have read it, and stand by what `doubts` names.")] = False


class RejectionSent(Sent):
    """That a letter must not go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"because": "we met them last week", "sha256": SHA}]})

    because: Line = Field(min_length=1, max_length=500, description="Your reason, kept in the audit log.")
    sha256: str | None = Seen


def _told(letter: Letter) -> dict[str, Any]:
    same = letter.model_dump(include={"id", "company_id", "watch_id", "state", "created_at", "approved_at"})
    return same | {
        "approved_by": _approver(letter),
        "subject": letter.draft.subject,
        "sender": letter.sender.name,
        "recipient": letter.recipient.name if letter.recipient else None,
        "sha256": letter.draft.sha256,
    }


def _approver(letter: Letter) -> str | None:
    return letter.approved_by and told_who(letter.approved_by, letter.firm_id)
