"""A letter in a person's own words: held against its events like any other."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sago.domain.letters import Letter, LetterState
from sago.errors import UngroundedError, UsageError
from sago.outreach.permission import unticked
from tests.unit.outreach.desks import NO_TICKS, Desk
from tests.unit.outreach.stories import ARR, CFO, DEAL, EVENTS, NRR, event, metric, watch

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
        ("reached $2.1M", "reached $2.6M", "figure '$2.6M' stands in no cited event"),
        ("14 November", "16 November", "date '16 November' is the day of no cited event"),
        ("signed Kestrel Air", "signed Fjord Bank", "name 'Fjord Bank' stands in no cited event"),
        ("in at 143%", "in at 240%", "figure '240%' stands in no cited event"),
    ],
)
def test_words_that_no_event_bears_out_are_refused_by_name_and_change_nothing(old: str, new: str, named: str) -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    with pytest.raises(UngroundedError, match=f"not changed; .*{re.escape(named)}"):
        desk.edit(letter, body=body_with(letter, old, new))
    assert (desk.letter(letter.id), desk.actions(letter)) == (letter, [])


def test_a_highlights_line_is_still_held_against_its_own_event() -> None:
    """$2.1M is the ARR's, which the letter tells too, and not the deal's."""
    desk = Desk(FIRING)
    desk.hear(*EVENTS, CFO)
    letter = desk.composed(FIRING)
    assert [line.event_id for line in letter.draft.highlights] == [DEAL.id, NRR.id, CFO.id]
    with pytest.raises(UngroundedError, match=r"highlight 1: figure '\$2\.1M a year' stands in no cited event"):
        desk.edit(letter, body=body_with(letter, "Kestrel Air at $240k", "Kestrel Air at $2.1M"))
    edited = desk.edit(letter, body=body_with(letter, "Your NRR came in at 143%", "Your NRR was 143%"))
    assert [line.event_id for line in edited.draft.highlights] == [DEAL.id, NRR.id, CFO.id]
    assert edited.draft.highlights[1].text == "Your NRR was 143% on 15 November."
    assert {each.where for each in edited.receipts if each.claim == "143%"} == {"subject", "highlight 2"}


def test_a_line_that_tells_two_facts_can_be_edited() -> None:
    desk = Desk(FIRING)
    other = "Merlin Rail signed a contract worth $180k a year", "Merlin Rail signed, $180k a year"
    desk.hear(*EVENTS, CFO, event("enterprise_deal", *other, metric("contract_value", 180_000), days_ago=9))
    letter = desk.composed(FIRING)
    line = "- Customers: You signed Kestrel Air at $240k a year on 10 November. You signed Merlin Rail at $180k a year"
    assert line in letter.draft.body
    assert [each.event_id for each in letter.draft.highlights] == [NRR.id, CFO.id]
    edited = desk.edit(letter, body=body_with(letter, "You signed Merlin Rail", "And you signed Merlin Rail"))
    claims = {receipt.claim: receipt.quote for receipt in edited.receipts}
    assert claims["$180k a year"] == other[1]
    with pytest.raises(UngroundedError, match=r"figure '\$240k"):
        desk.edit(edited, body=body_with(edited, "Merlin Rail at $180k", "Merlin Rail at $240k"))


def test_an_edit_takes_the_ticks_of_changed_claims_and_leaves_the_others() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    ticked = desk.tick(letter, *range(len(letter.receipts)))
    edited = desk.edit(ticked, body=body_with(letter, "Beyond that, you signed", "I was glad that you signed"))
    assert [receipt.claim for receipt in edited.receipts] == [receipt.claim for receipt in letter.receipts]
    assert all(
        edited.draft.body[each.start : each.end] == each.claim for each in edited.receipts if each.where == "body"
    )
    with pytest.raises(
        UsageError, match=r"3 of 10 claims are not ticked: 11 'Kestrel Air', 12 '\$240k a year', 13 '10 November';"
    ):
        desk.approve(edited)


def test_a_tick_is_for_the_proof_that_was_seen() -> None:
    """The same words under another quote are another claim."""
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    ticked = desk.tick(letter, *range(len(letter.receipts)))
    quote = DEAL.evidence[0].model_copy(update={"quote": "signed: Kestrel Air, $240k a year", "message_id": "gmail:9"})
    desk.hear(ARR, NRR, DEAL.model_copy(update={"evidence": (quote,)}))
    edited = desk.edit(ticked, "Orchard, again")
    left = [edited.receipts[number].claim for number in unticked(edited, desk.rules.tick)]
    assert left == ["Kestrel Air", "$240k a year", "10 November"]


def test_a_claim_that_is_edited_away_takes_its_receipt_along() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    edited = desk.edit(desk.tick(letter, *range(len(letter.receipts))), "Time to talk", SHORT)
    assert [(receipt.claim, receipt.where) for receipt in edited.receipts] == [
        ("Nell", "body"),
        ("$2.1M", "body"),
        ("14 November", "body"),
        ("Ivo", "body"),
    ]
    assert [edited.receipts[number].claim for number in edited.ticked] == ["Nell"], "its sentence is as it was"


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


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (lambda desk, letter: desk.edit(letter, subject="Good news"), LetterState.DRAFT),
        (lambda desk, letter: desk.tick(letter, 0), LetterState.DRAFT),
        (lambda desk, letter: desk.undo(letter), LetterState.APPROVED),
        (lambda desk, letter: desk.undo(letter), LetterState.REJECTED),
        (lambda desk, letter: desk.approve(letter), LetterState.DRAFT),
    ],
)
def test_nothing_is_done_to_a_letter_once_its_share_has_ended_but_rejecting_it(
    act: Callable[[Desk, Letter], Letter], state: LetterState
) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    if state is not LetterState.DRAFT:
        desk.decide(letter, state)
    desk.pass_time(seconds=9)
    before = desk.letter(letter.id)
    with desk.database.begin() as tx:
        share = tx.shares.get(letter.firm_id, letter.company_id)
        assert share is not None
        tx.shares.put(share.model_copy(update={"until": desk.now}))
    with pytest.raises(UsageError, match="the founder shares nothing with default any more"):
        act(desk, before)
    assert desk.letter(letter.id) == before
    if state is not LetterState.REJECTED:
        assert desk.reject(letter).state is LetterState.REJECTED
