"""A letter in a person's own words: checked like any other, and never lost when it is refused."""

from __future__ import annotations

import re
from datetime import datetime

from pydantic import ValidationError

from sago.domain.letters import Highlight, Letter, LetterDraft, LetterState
from sago.errors import UngroundedError, UsageError, WrongFieldError
from sago.outreach.checking import examine, written
from sago.outreach.permission import untraceable
from sago.outreach.reading import locked_letter, require_as_seen, require_shared, the_letter
from sago.outreach.requesting import request_of
from sago.outreach.standing import lay_out
from sago.outreach.ticking import carried
from sago.ports import Database, Drafts

EDITABLE = (LetterState.DRAFT, LetterState.APPROVED)
_LINE = re.compile(r"^- (?P<heading>[^:\n]+): (?P<text>.+)$", re.M)


def edit(
    based_on: Letter,
    subject: str,
    body: str,
    *,
    database: Database,
    drafts: Drafts,
    who: str,
    why: str,
    at: datetime,
) -> Letter:
    """Put a person's words in the place of the letter's that they edited; an approved letter is a draft again.

    The same words change nothing. Ticks of claims that are as they were stay. Raises UngroundedError, naming each
    claim that no event of the letter bears out; UsageError where it is no letter, has changed since, or is past it.
    """
    with locked_letter(database, based_on) as (tx, letter):
        if letter.state not in EDITABLE:
            raise UsageError(f"letter {letter.id}: is {letter.state} and cannot be edited: {letter.state.instead}")
        require_shared(tx, letter, at)
        require_as_seen(tx, letter, based_on)
        draft = rewritten(letter, subject, body)
        if draft.sha256 == letter.draft.sha256:
            return letter
        request = request_of(tx, letter)
        if problems := untraceable(letter, draft, request):
            said = "; ".join(map(str, problems))
            claims = [(problem.where, str(problem)) for problem in problems]
            raise UngroundedError(f"letter {letter.id}: not changed; {said}", claims)
        proofs = examine(draft, request).receipts
        if letter.state is LetterState.APPROVED:
            tx.outreach.set_letter_state(letter.id, LetterState.DRAFT, at, who, f"edited: {why}")
        ticked = carried(letter, draft, proofs)
        new = letter.model_copy(update={"draft": draft, "receipts": proofs, "ticked": ticked})
        tx.outreach.rewrite_letter(new, at, who, why)
        edited = the_letter(tx, letter.id)
    lay_out(edited, database, drafts)
    return edited


def rewritten(letter: Letter, subject: str, body: str) -> LetterDraft:
    """The letter with these words. A line `- Heading: …` under a heading that it had still tells of the same event;
    all other lines are held against all events. Raises WrongFieldError where they make no letter."""
    before = letter.draft
    unwritten = [line for line in before.highlights if f"- {written(line)}" not in before.body]
    lines = _highlights(body, [line for line in before.highlights if line not in unwritten])
    words = {"subject": " ".join(subject.split()), "body": body.strip(), "highlights": (*lines, *unwritten)}
    try:
        return LetterDraft.model_validate(before.model_dump() | words)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongFieldError(str(first["loc"][0]), first["msg"]) from None


def _highlights(body: str, before: list[Highlight]) -> list[Highlight]:
    """The lines of the body that were highlights before: first those that are as they were, then, in their order, those
    with the same heading."""
    lines = [(match["heading"], match["text"].rstrip()) for match in _LINE.finditer(body)]
    left = [line for line in before if (line.heading, line.text) not in lines]
    found = []
    for heading, text in lines:
        as_it_was = next((line for line in before if (line.heading, line.text) == (heading, text)), None)
        of = as_it_was or next((line for line in left if line.heading == heading), None)
        if of in left:
            left.remove(of)
        if of:
            found.append(Highlight(heading=heading, text=text, event_id=of.event_id))
    return found
