"""A letter's claims, looked at one by one: each in its sentence, with the quote that bears it out."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sago.domain.letters import Letter, LetterDraft, LetterState, Receipt
from sago.errors import UsageError
from sago.outreach.checking import written
from sago.outreach.reading import locked_letter, require_as_seen, require_shared
from sago.ports import Database

_ENDS = re.compile(r"\n|(?<=[.!?])\s")


class Claim(NamedTuple):
    """A receipt with the sentence that makes the claim; `number` counts from 0, as `Letter.ticked` does."""

    number: int
    receipt: Receipt
    sentence: str
    is_ticked: bool


def claims_of(letter: Letter) -> list[Claim]:
    """Every claim of the letter, in the order of its receipts."""
    return [
        Claim(number, receipt, _sentence(letter.draft, receipt), number in letter.ticked)
        for number, receipt in enumerate(letter.receipts)
    ]


def tick(letter: Letter, numbers: Collection[int], *, database: Database, who: str, why: str, at: datetime) -> Letter:
    """Tick these claims of a draft as it was read, and their equals; the audit log keeps who and which. Ticked ones
    stay so.

    Raises UsageError for a number that no claim has, a letter that is no draft, or one whose text has changed.
    """
    if wrong := [number for number in numbers if not 0 <= number < len(letter.receipts)]:
        has = f"it has claims 1 to {len(letter.receipts)}" if letter.receipts else "it makes no claim with a receipt"
        raise UsageError(f"letter {letter.id}: has no claim {wrong[0] + 1}; {has}")
    with locked_letter(database, letter) as (tx, found):
        require_draft(found, "ticked")
        require_shared(tx, found, at)
        require_as_seen(tx, found, letter)
        ticked = found.equals(numbers)
        tx.outreach.tick_letter(letter.id, ticked, at, who, why)
        return found.model_copy(update={"ticked": found.ticked | ticked})


def require_draft(letter: Letter, what: str) -> None:
    """Raises UsageError where a person has decided about the letter, or it has gone."""
    if letter.state is not LetterState.DRAFT:
        raise UsageError(f"letter {letter.id}: is {letter.state} and cannot be {what}: {letter.state.instead}")


def carried(before: Letter, draft: LetterDraft, receipts: Collection[Receipt]) -> frozenset[int]:
    """The ticks of a letter in another text of it: those of claims that stand there in the same sentence, with the
    same proof."""
    ticked = {_meaning(before.draft, before.receipts[number]) for number in before.ticked}
    return frozenset(number for number, receipt in enumerate(receipts) if _meaning(draft, receipt) in ticked)


def _sentence(draft: LetterDraft, receipt: Receipt) -> str:
    """The sentence, or the line, in which the letter makes a claim; the claim alone where its words were erased."""
    text = _text(draft, receipt.where)
    if text[receipt.start : receipt.end] != receipt.claim:
        return receipt.claim
    ends = [match.end() for match in _ENDS.finditer(text)]
    begin = max((end for end in ends if end <= receipt.start), default=0)
    return text[begin : min((end for end in ends if end > receipt.start), default=len(text))].strip()


def _text(draft: LetterDraft, where: str) -> str:
    """The text that a receipt's offsets count in; of a highlight that has gone none."""
    if where in ("subject", "body"):
        return draft.subject if where == "subject" else draft.body
    return dict(enumerate(map(written, draft.highlights), start=1)).get(int(where.removeprefix("highlight ")), "")


def _meaning(draft: LetterDraft, receipt: Receipt) -> tuple[object, ...]:
    """What of a claim has to be the same for a tick to hold on."""
    proof = (receipt.event_id, receipt.message_id, receipt.sha256, receipt.transformation)
    return receipt.claim, receipt.kind, _sentence(draft, receipt), proof
