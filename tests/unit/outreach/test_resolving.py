"""What a person says of a letter that may have arrived holds for its mail too."""

from __future__ import annotations

import pytest

from sago.domain.letters import LetterState
from sago.domain.mails import MailState, Posted, Reply
from sago.outreach.deciding import resolve
from tests.unit.outreach.mailroom import DAY, Mailroom, letter


@pytest.mark.parametrize("was_sent", [True, False])
def test_an_unknown_letter_and_its_mail_are_settled_together(was_sent: bool) -> None:
    one, next_one = letter("a"), letter("b", state=LetterState.DRAFT)
    room = Mailroom(one, next_one)
    room.mailer.answers.append(Posted(Reply.UNKNOWN, "did not say"))
    room.deliver()
    at = room.clock.now()
    resolve(one.id, was_sent, database=room.database, drafts=room.drafts, who="ana", why="asked Dana", at=at)
    expected = MailState.SENT if was_sent else MailState.CANCELLED
    assert room.mail(one).state is expected
    beside = room.mail(one).model_copy(update={"id": next_one.id})
    with room.database.begin() as tx:
        counted = tx.mails.beside(beside, at - DAY)
    assert len(counted) == was_sent, "only what was sent counts for a cap"


def test_the_draft_of_a_sent_letter_is_taken_away() -> None:
    one = letter()
    room = Mailroom(one)
    room.drafts.put(one)
    room.deliver()
    assert room.drafts.letters == {}
