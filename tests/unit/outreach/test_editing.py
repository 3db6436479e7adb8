"""A letter in a person's own words: held against its events like any other."""

from __future__ import annotations

import pytest

from sago.domain.letters import Letter, LetterState
from sago.errors import UngroundedError, UsageError
from tests.unit.outreach.desks import NO_TICKS, Desk
from tests.unit.outreach.stories import ARR, DEAL, NRR, watch

FIRING = watch("arr >= 2M", name="firing")
SHORT = "Hi Nell,\n\nYour ARR reached $2.1M on 14 November. Shall we talk?\n\nIvo"


def body_with(letter: Letter, old: str, new: str) -> str:
    assert old in letter.draft.body
    return letter.draft.body.replace(old, new)


def test_true_words_take_the_place_of_the_letters_and_the_log_keeps_both_hashes() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    edited = desk.edit(letter, "Orchard, again", SHORT)
    assert (edited.draft.subject, edited.draft.body, edited.draft.highlights) == ("Orchard, again", SHORT, ())
    assert (desk.letter(letter.id), list(desk.drafts.letters.values())) == (edited, [edited])
    (change,) = desk.history(letter)
    assert (change.action, change.who, change.why) == ("letter.edited", "ana", "because")
    assert change.detail == {"before": letter.draft.sha256, "after": edited.draft.sha256}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("reached $2.1M", "reached $2.6M", "figure '$2.6M'"),
        ("(14 November)", "(16 November)", "date '16 November'"),
        ("Kestrel Air signed", "Fjord Bank signed", "name 'Fjord'"),
        ("NRR was 143%", "NRR was 240%", "figure '240%'"),
    ],
)
def test_words_that_no_event_bears_out_are_refused_by_name_and_change_nothing(old: str, new: str, named: str) -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    with pytest.raises(UngroundedError, match=f"not changed; .*{named.replace('$', '.')} stands in no cited event"):
        desk.edit(letter, body=body_with(letter, old, new))
    assert (desk.letter(letter.id), desk.actions(letter)) == (letter, [])


def test_a_highlights_line_is_still_held_against_its_own_event() -> None:
    """$240k is Kestrel Air's, not the ARR's; NRR stands under the same heading as ARR."""
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    with pytest.raises(UngroundedError, match=r"highlight 1: figure '\$240k'"):
        desk.edit(letter, body=body_with(letter, "ARR reached $2.1M", "ARR grew by $240k to $2.1M"))
    edited = desk.edit(letter, body=body_with(letter, "NRR was 143%", "NRR came in at 143%"))
    assert [line.event_id for line in edited.draft.highlights] == [ARR.id, DEAL.id, NRR.id]
    assert edited.draft.highlights[2].text == "NRR came in at 143% (15 November)."


def test_an_edit_takes_the_ticks_of_changed_claims_and_leaves_the_others() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    ticked = desk.tick(letter, 0, 1, 2)
    edited = desk.edit(ticked, body=body_with(letter, "signed a contract worth", "signed for"))
    assert [receipt.claim for receipt in edited.receipts] == ["$2.1M", "$240k", "Kestrel Air"]
    assert edited.ticked == {0, 1}
    start, end = edited.receipts[2].start, edited.receipts[2].end
    line = edited.draft.highlights[1]
    assert f"{line.heading}: {line.text}"[start:end] == "Kestrel Air"
    with pytest.raises(UsageError, match="1 of 3 claims is not ticked: 3 'Kestrel Air'"):
        desk.approve(edited)


def test_a_claim_that_is_edited_away_takes_its_receipt_along() -> None:
    desk = Desk(FIRING)
    ticked = desk.tick(desk.composed(FIRING), 0, 1, 2)
    edited = desk.edit(ticked, "Time to talk", SHORT)
    assert [(receipt.claim, receipt.where) for receipt in edited.receipts] == [("$2.1M", "body")]
    assert edited.ticked == frozenset()


def test_an_edit_takes_an_approval_back_and_the_new_text_wants_its_own() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    approved = desk.approve(desk.composed(FIRING))
    edited = desk.edit(approved, "Orchard, again")
    assert (edited.state, edited.approved_by, edited.approved_at) == (LetterState.DRAFT, None, None)
    assert desk.actions(edited) == ["approved", "draft", "edited"]
    desk.approve(edited)
    texts = [change.detail["text"] for change in desk.history(edited) if change.action == "letter.approved"]
    assert texts == [approved.draft.sha256, edited.draft.sha256]


def test_a_refused_edit_leaves_an_approval_as_it_is() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    approved = desk.approve(desk.composed(FIRING))
    with pytest.raises(UngroundedError):
        desk.edit(approved, body=body_with(approved, "$2.1M", "$9.9M"))
    assert desk.letter(approved.id) == approved


def test_an_edit_of_a_text_that_changed_meanwhile_is_refused() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    mine = desk.edit(letter, "Orchard, again")
    desk.who = "kim"
    with pytest.raises(UsageError, match="has another text by now, by ana"):
        desk.edit(letter, "Orchard, once more")
    assert desk.letter(letter.id) == mine


@pytest.mark.parametrize("state", [LetterState.QUEUED, LetterState.SENT, LetterState.REJECTED, LetterState.SUPERSEDED])
def test_a_letter_that_is_past_editing_says_what_can_be_done(state: LetterState) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.approve(desk.composed(FIRING))
    desk.set_state(letter, state)
    with pytest.raises(UsageError, match=f"is {state} and cannot be edited: {state.instead.split('`')[0]}"):
        desk.edit(desk.letter(letter.id), "Orchard, again")


def test_the_same_words_change_nothing() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    approved = desk.approve(desk.composed(FIRING))
    assert desk.edit(approved, approved.draft.subject, f"{approved.draft.body}\n\n") == approved
    assert desk.actions(approved) == ["approved"]


@pytest.mark.parametrize(
    ("subject", "body", "named"), [("x" * 91, None, "subject"), ("Hi", None, "subject"), (None, "Short.", "body")]
)
def test_what_makes_no_letter_is_refused(subject: str | None, body: str | None, named: str) -> None:
    desk = Desk(FIRING)
    with pytest.raises(UsageError, match=f"{named}: String should have at"):
        desk.edit(desk.composed(FIRING), subject, body)


def test_a_line_end_in_a_subject_is_a_space() -> None:
    desk = Desk(FIRING)
    assert desk.edit(desk.composed(FIRING), "Orchard,\r\nagain").draft.subject == "Orchard, again"
