"""`/api/v1/outreach`: a firm's letters, read, edited and decided about."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from sago.api.access import Reader, Writer
from sago.api.bodies import described, json_of
from sago.api.desk import read_long
from sago.api.moments import wrong
from sago.api.paging import Paged, PageQuery, cursor_of, page_of, place_of
from sago.api.problems import ProblemError, answers
from sago.api.routes.data_flow import Wired
from sago.api.shapes.letters import (
    ApprovalSent,
    EditSent,
    LetterRead,
    LetterShown,
    ReceiptsShown,
    RejectionSent,
)
from sago.api.shapes.sent import TEXT_SHA, Because
from sago.domain.letters import LetterState
from sago.domain.messages import COMPANY_ID
from sago.domain.pages import LettersAsked
from sago.outreach.firm_desk import FirmDesk, Told

Answer = TypeVar("Answer")

router = APIRouter(prefix="/api/v1/outreach", tags=["outreach"])

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=100, description="The `sha256` of the letter as you have seen it, in quotes."),
]
ACT = answers(404, 408, 409, 413, 415, 422, 503)
ON_TEXT = answers(404, 408, 409, 413, 415, 422, 428, 503)


class LetterQuery(PageQuery):
    """Which letters."""

    company_id: str | None = Field(None, pattern=COMPANY_ID, description="About this company alone.")
    watch_id: UUID | None = Field(None, description="Of this watch alone.")
    state: list[LetterState] = Field([], max_length=len(LetterState), description="In these states alone.")

    @property
    def asked(self) -> LettersAsked:
        """As the use case is asked, for one row more than the page has."""
        return LettersAsked(
            self.company_id, self.watch_id, self.state, place_of("outreach", self.cursor), self.limit + 1
        )


class Letters(NamedTuple):
    """The letters of a firm that asks. What one of them needs is judged on all that the firm sees of its company: such
    questions take long."""

    desk: FirmDesk
    request: Request

    async def long(self, question: Callable[[FirmDesk], Answer]) -> Answer:
        """What `question` returns or raises."""
        return await read_long(self.request, self.desk.firm_id, partial(question, self.desk))

    async def told(self, question: Callable[[FirmDesk], Told], response: Response) -> LetterRead:
        """The letter that `question` returns, under the tag of its text."""
        told = await self.long(question)
        response.headers["ETag"] = f'"{told.letter.draft.sha256}"'
        return LetterRead.told(told)


async def letters_of(caller: Reader, container: Wired, request: Request) -> Letters:
    """Those of a firm, to be read."""
    return Letters(container.firm_desk(caller.firm_id, caller.who), request)


async def letters_to_act_on(caller: Writer, container: Wired, request: Request) -> Letters:
    """Those of a firm, to act on."""
    return Letters(container.firm_desk(caller.firm_id, caller.who), request)


Read = Annotated[Letters, Depends(letters_of)]
Write = Annotated[Letters, Depends(letters_to_act_on)]


@router.get("", responses=answers(422, 503))
def list_letters(letters: Read, query: Annotated[LetterQuery, Query()]) -> Paged[LetterShown]:
    """The firm's letters, newest first; none about companies that share nothing with it any more."""
    found = letters.desk.letters(query.asked)
    return page_of(
        found, query.limit, LetterShown.of, lambda letter: cursor_of("outreach", letter.created_at, letter.id)
    )


@router.get("/{letter_id}", responses=answers(404, 422, 503))
async def read_letter(letters: Read, letter_id: UUID, response: Response) -> LetterRead:
    """A letter as it would be read, what it needs before it can go, and what was done about it."""
    return await letters.told(lambda desk: desk.letter(letter_id), response)


@router.get("/{letter_id}/receipt", responses=answers(404, 422, 503))
async def read_receipt(letters: Read, letter_id: UUID) -> ReceiptsShown:
    """Where each figure, date and name of a letter comes from, and whether its proof still stands."""
    return ReceiptsShown.of(*await letters.long(lambda desk: desk.receipts(letter_id)))


@router.put("/{letter_id}", responses=ON_TEXT, openapi_extra=described(EditSent))
async def edit_letter(
    letters: Write,
    letter_id: UUID,
    sent: Annotated[EditSent, Depends(json_of(EditSent))],
    response: Response,
    if_match: IfMatch = None,
) -> LetterRead:
    """Put your words in the place of a letter's; an approved one is a draft again. The same words change nothing.

    A figure, a date or a name that no event of the letter bears out is refused, each under `errors`. Other words that
    no event says are kept, and told in `doubts`: who approves the letter stands by them.
    """
    seen = _seen(sent.sha256, if_match)
    return await letters.told(lambda desk: desk.edit(letter_id, sent.subject, sent.body, seen, sent.because), response)


@router.post("/{letter_id}/approve", responses=ON_TEXT, openapi_extra=described(ApprovalSent))
async def approve_letter(
    letters: Write,
    letter_id: UUID,
    sent: Annotated[ApprovalSent, Depends(json_of(ApprovalSent))],
    response: Response,
    if_match: IfMatch = None,
) -> LetterRead:
    """Approve a draft in your name, the very text that you have seen. Again has no further effect.

    It takes what the letter lists: `tick` the claims of `to_tick`, and `stand_by` where it has `doubts`; 409 without.
    What is `needed` only a change of it can give. It can be undone for `outreach.undo` seconds; then it goes as far as
    the house's windows and caps allow.
    """
    seen = _seen(sent.sha256, if_match)
    return await letters.told(
        lambda desk: desk.approve(letter_id, seen, sent.because, sent.tick, stands_by=sent.stand_by), response
    )


@router.post("/{letter_id}/reject", responses=ACT, openapi_extra=described(RejectionSent))
async def reject_letter(
    letters: Write,
    letter_id: UUID,
    sent: Annotated[RejectionSent, Depends(json_of(RejectionSent))],
    response: Response,
    if_match: IfMatch = None,
) -> LetterRead:
    """Reject a letter; its window gets no other. Again has no further effect."""
    seen = _seen(sent.sha256, if_match) if sent.sha256 or if_match else None
    return await letters.told(lambda desk: desk.reject(letter_id, sent.because, seen), response)


@router.post("/{letter_id}/undo", responses=ACT, openapi_extra=described(Because, is_required=False))
async def undo_decision_on_letter(
    letters: Write, letter_id: UUID, sent: Annotated[Because, Depends(json_of(Because))], response: Response
) -> LetterRead:
    """Take a fresh approval or rejection back: the letter is a draft again. Again has no further effect."""
    return await letters.told(lambda desk: desk.undo(letter_id, sent.because), response)


def _seen(sha256: str | None, if_match: str | None) -> str:
    """Which text an act is about; raises a problem with status 422 or 428."""
    named = if_match.strip().strip('"') if if_match else None
    if named is not None and not re.fullmatch(TEXT_SHA, named):
        raise wrong("If-Match", "is no sha256 of a letter's text, in quotes")
    if sha256 and named and sha256 != named:
        raise wrong("sha256", "is another than that of If-Match")
    if seen := sha256 or named:
        return seen
    raise ProblemError(428, "say which text you have seen: its sha256 in the body, or in the header If-Match")
