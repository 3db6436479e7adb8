"""A person's work on one letter: ticked, approved, rejected, undone; and what speaks against it."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest

from sago.domain.events import Event
from sago.domain.letters import LetterState
from sago.domain.mails import Suppression
from sago.errors import UngroundedError, UsageError
from sago.outreach.permission import ApprovalRules, TickRule, doubts, notes, unticked
from sago.outreach.ticking import claims_of
from tests.unit.outreach.desks import NO_TICKS, Desk
from tests.unit.outreach.stories import ARR, CFO, COMPANY, DEAL, EVENTS, EXPORT, NRR, event, metric, watch

UPDATE, FIRING = watch(name="update"), watch("arr >= 2M", name="firing")
PAST = [LetterState.EXPIRED, LetterState.SUPERSEDED, LetterState.REJECTED]


def test_an_offline_letter_is_approved_once_each_of_its_claims_is_ticked() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    *_, before, last = (number for number in sorted(letter.to_tick) if letter.equals([number]) == {number})
    others = letter.to_tick - {before, last}
    desk.tick(letter, *others)
    names = [re.escape(f"{number + 1} {letter.receipts[number].claim!r}") for number in (before, last)]
    with pytest.raises(UsageError, match=f"2 of 10 claims are not ticked: {', '.join(names)}; `sago"):
        desk.approve(letter)
    desk.tick(desk.letter(letter.id), before)
    with pytest.raises(UsageError, match=f"1 of 10 claims is not ticked: {names[1]}"):
        desk.approve(letter)
    desk.tick(desk.letter(letter.id), last)
    approved = desk.approve(letter)
    assert (approved.state, approved.approved_by, approved.approved_at) == (LetterState.APPROVED, "ana", desk.now)
    assert desk.actions(letter) == ["ticked", "ticked", "ticked", "approved"]
    assert desk.history(letter)[-1].detail["text"] == letter.draft.sha256


@pytest.mark.parametrize(
    ("rule", "composed_by", "asked"),
    [
        (TickRule.OFFLINE, "offline", True),
        (TickRule.OFFLINE, "rules", True),
        (TickRule.OFFLINE, "gemini", False),
        (TickRule.ALWAYS, "gemini", True),
        (TickRule.NEVER, "offline", False),
    ],
)
def test_whose_claims_are_ticked_is_a_setting(rule: TickRule, composed_by: str, asked: bool) -> None:
    letter = Desk(FIRING).composed(FIRING).model_copy(update={"composed_by": composed_by})
    assert unticked(letter, rule) == (sorted(letter.to_tick) if asked else [])
    assert unticked(letter.model_copy(update={"receipts": ()}), rule) == []


def test_what_rests_on_no_event_needs_no_tick_and_a_tick_holds_for_its_equals() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    free = {each.claim for number, each in enumerate(letter.receipts) if number not in letter.to_tick}
    assert {"Orchard", "Ivo Brandt"} <= free
    first = next(number for number, each in enumerate(letter.receipts) if each.claim == "$2.1M")
    again = letter.receipts[first].model_copy(update={"where": "highlight 1"})
    other = again.model_copy(update={"message_id": "gmail:77"})
    twice = letter.model_copy(update={"receipts": (*letter.receipts, again, other)})
    count = len(letter.receipts)
    assert {first, count} <= twice.equals([first])
    assert count + 1 not in twice.equals([first]), "another message says it"
    ticked = desk.tick(letter, first).ticked
    assert ticked == desk.letter(letter.id).ticked == letter.equals([first])


def test_a_claim_is_shown_in_its_sentence() -> None:
    """Of a subject it is the whole, of the body a sentence, of a list its line."""
    desk = Desk(FIRING)
    desk.hear(*EVENTS, CFO, EXPORT)
    letter = desk.composed(FIRING)
    shown = [(each.receipt.claim, each.sentence) for each in claims_of(letter)]
    assert shown[1] == ("$2.1M", letter.draft.subject)
    assert ("$2M", "Your ARR reached $2.1M on 14 November, past the $2M I had asked for.") in shown
    assert ("Kestrel Air", "Customers: You signed Kestrel Air at $240k a year on 10 November.") in shown
    assert shown[-1] == ("13 November", "Team: Tom Reyes joined as CFO (13 November).")
    ticked = letter.model_copy(update={"ticked": frozenset({1})})
    assert [each.number for each in claims_of(ticked) if each.is_ticked] == [1]


def test_a_tick_for_a_claim_that_is_not_there_names_those_that_are() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    with pytest.raises(UsageError, match="has no claim 17; it has claims 1 to 16"):
        desk.tick(letter, 0, 16)
    assert desk.letter(letter.id).ticked == frozenset()


def test_ticks_are_for_the_text_that_was_read() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    desk.edit(letter, subject="Orchard: time to talk")
    with pytest.raises(UsageError, match="has another text by now, by ana"):
        desk.tick(letter, 0)
    desk.tick_and_approve(desk.letter(letter.id))
    with pytest.raises(UsageError, match="is approved and cannot be ticked"):
        desk.tick(desk.letter(letter.id), 0)


@pytest.mark.parametrize("state", PAST)
def test_a_letter_that_is_past_it_is_not_approved_and_says_what_can_be_done(state: LetterState) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.set_state(letter, state)
    with pytest.raises(UsageError, match=f"is {state} and cannot become approved: {state.instead.split('`')[0]}"):
        desk.approve(letter)
    assert desk.actions(letter) == [state.value]
    assert desk.mirror.announced(after=-1) == []


def test_a_letter_that_has_gone_or_is_going_is_neither_approved_nor_rejected() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.approve(letter)
    for state, why in ((LetterState.QUEUED, "it is on its way"), (LetterState.SENT, "it has left the house")):
        desk.set_state(letter, state)
        for decision in (LetterState.APPROVED, LetterState.REJECTED):
            with pytest.raises(UsageError, match=f"is {state} and cannot become {decision}: {why}"):
                desk.decide(letter, decision)
    assert desk.actions(letter) == ["approved", "queued", "sent"]


def test_an_approval_of_what_is_approved_changes_nothing_and_names_the_first() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    first = desk.approve(letter)
    desk.who = "kim"
    desk.pass_time(seconds=30)
    assert desk.approve(letter) == first
    assert desk.letter(letter.id).approved_by == "ana"
    assert desk.actions(letter) == ["approved"]


def test_whoever_decides_about_what_somebody_else_changed_meanwhile_is_told() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    seen = desk.composed(FIRING)
    desk.who = "kim"
    desk.approve(seen)
    with pytest.raises(UsageError, match=r"is approved by now, by kim at 09:00:00; nothing was changed"):
        desk.decide(seen, LetterState.REJECTED, seen=seen)
    desk.reject(seen)
    assert desk.actions(seen) == ["approved", "rejected"]


def test_a_letter_of_a_removed_watch_is_not_approved() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    with desk.database.begin() as tx:
        tx.outreach.remove_watch(FIRING.id)
    with pytest.raises(UsageError, match="its watch was removed: reject it"):
        desk.approve(letter)


def test_a_claim_whose_quote_has_gone_keeps_the_letter_back_though_its_event_stays() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    other = DEAL.evidence[0].model_copy(update={"message_id": "gmail:7", "quote": "Kestrel Air: $240k a year, signed"})
    desk.hear(ARR, NRR, DEAL.model_copy(update={"evidence": (other,)}))
    assert desk.objections(letter) == [
        "the proof of 'Kestrel Air', '$240k a year', '10 November' is no longer held; let `outreach.schedule` renew it"
    ]
    with pytest.raises(UsageError, match="the proof of 'Kestrel Air'"):
        desk.approve(letter)


def test_a_figure_that_was_corrected_since_keeps_the_letter_back() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    quote = ARR.evidence[0].model_copy(update={"quote": "We just passed $2.2M ARR!"})
    new = {"title": "ARR reached $2.2M", "metrics": (metric("arr", 2.2e6),), "evidence": (quote,)}
    desk.hear(ARR.model_copy(update=new), DEAL, NRR)
    _, told = desk.objections(letter)
    assert "body: figure '$2.1M' stands in no cited event" in told
    assert told.endswith("edit it, or let `outreach.schedule` renew it")


def test_a_figure_that_another_event_states_otherwise_is_a_doubt_that_names_the_other() -> None:
    desk = Desk(FIRING)
    letter = desk.composed(FIRING)
    other = event("revenue_milestone", "ARR reached $1.8M", "ARR is $1.8M", metric("arr", 1.8e6), days_ago=6)

    def told() -> list[str]:
        draft = desk.letter(letter.id)
        with desk.database.begin() as tx:
            return doubts(tx, draft)

    assert told() == []
    desk.hear(*EVENTS, other)
    assert told() == ["another event says otherwise: $2.1M ARR here, $1.8M ARR there, both for November 2026"]


def test_what_a_loss_costs_is_no_doubt() -> None:
    desk = Desk(FIRING)
    lost = event(
        "setback",
        "Helvetia Grid will not renew, losing $60k",
        "Helvetia Grid cancelled, $60k ARR gone.",
        metric("lost arr", 60e3),
        severity="medium",
    )
    desk.hear(*EVENTS, lost)
    letter = desk.composed(FIRING)
    assert "which costs you $60k" in letter.draft.body
    with desk.database.begin() as tx:
        assert doubts(tx, letter) == []


def test_a_letter_may_name_its_sender_and_reader_when_the_profile_names_others_by_now() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    assert "Hi Nell," in letter.draft.body
    with desk.database.begin() as tx:
        tx.companies.save(COMPANY.model_copy(update={"founder": "Mira Sol"}))
    assert desk.objections(letter) == []
    with pytest.raises(UngroundedError, match="name 'Quentin'"):
        desk.edit(letter, body=letter.draft.body.replace("Hi Nell", "Hi Quentin"))


def test_a_letter_to_somebody_who_wants_no_mail_is_not_approved() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    with desk.database.begin() as tx:
        tx.contacts.suppress(Suppression(email="Nell@Orchard.example", because="asked", who="kim", at=desk.now))
    with pytest.raises(UsageError, match="its reader wants no mail"):
        desk.approve(letter)


def test_news_that_is_old_is_not_approved() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.pass_time(days=9)
    assert desk.objections(letter) == []
    desk.pass_time(days=5)
    with pytest.raises(
        UsageError, match=r"its newest fact is 19 days old, of 15 November 2026; after 14 days it is no"
    ):
        desk.approve(letter)
    assert desk.letter(letter.id) == letter


def test_what_a_reader_without_an_address_needs_is_said() -> None:
    letter = Desk(FIRING).composed(FIRING)
    assert notes(letter) == []
    assert letter.recipient is not None
    unknown = letter.model_copy(update={"recipient": letter.recipient.model_copy(update={"email": None})})
    assert notes(unknown) == ["no mail address of its reader is known: it is laid out as a file, and not mailed"]


@pytest.mark.parametrize("decision", [LetterState.APPROVED, LetterState.REJECTED])
def test_a_fresh_decision_can_be_undone_and_the_draft_approved_again(decision: LetterState) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.decide(letter, decision)
    desk.pass_time(seconds=60)
    undone = desk.undo(letter)
    assert (undone, desk.actions(letter)) == (letter, [decision.value, "draft"])
    assert list(desk.drafts.letters.values()) == [letter]
    assert desk.approve(letter).state is LetterState.APPROVED


@pytest.mark.parametrize(
    ("decision", "instead"),
    [(LetterState.APPROVED, "reject it instead"), (LetterState.REJECTED, "the next letter of this watch")],
)
def test_an_old_decision_stands_and_says_what_is_possible(decision: LetterState, instead: str) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.decide(letter, decision)
    desk.pass_time(seconds=61)
    with pytest.raises(UsageError, match=rf"was {decision}, 61 s ago; that can be undone for 60 s .*; {instead}"):
        desk.undo(letter)
    assert desk.letter(letter.id).state is decision


@pytest.mark.parametrize("state", [None, LetterState.QUEUED, LetterState.EXPIRED])
def test_there_is_nothing_to_undo_about_a_letter_that_nobody_just_decided_about(state: LetterState | None) -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    if state:
        desk.approve(letter)
        desk.set_state(letter, state)
    with pytest.raises(UsageError, match=f"is {state or 'a draft'}; there is nothing to undo"):
        desk.undo(letter)


def test_how_long_a_decision_can_be_undone_is_a_setting() -> None:
    desk = Desk(FIRING, rules=ApprovalRules(TickRule.NEVER, undo=timedelta(0)))
    letter = desk.composed(FIRING)
    desk.approve(letter)
    desk.pass_time(seconds=1)
    with pytest.raises(UsageError, match="can be undone for 0 s"):
        desk.undo(letter)


def test_letters_whose_news_is_old_expire_and_leave_the_folder_and_are_not_written_again() -> None:
    desk = Desk(FIRING, UPDATE, rules=NO_TICKS)
    draft, approved = desk.composed(UPDATE), desk.composed(FIRING)
    desk.approve(approved)
    assert desk.tidy() == []
    desk.pass_time(days=10)
    assert {each.id for each in desk.tidy()} == {draft.id, approved.id}
    assert desk.drafts.letters == {}
    (change,) = desk.history(draft)
    assert (change.action, change.who) == ("letter.expired", "sago")
    assert change.why.startswith("its newest fact is 15 days old")
    assert desk.letter(approved.id).approved_by == "ana"
    assert desk.tidy() == []
    assert [desk.compose(each) for each in (FIRING, UPDATE)] == [None, None]


def test_a_queued_letter_does_not_expire_here() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.approve(letter)
    desk.set_state(letter, LetterState.QUEUED)
    desk.pass_time(days=30)
    assert desk.tidy() == []
    assert any("newest fact" in told for told in desk.objections(letter))


def test_an_expired_draft_makes_room_where_there_is_news_and_an_approved_one_does_not() -> None:
    """Somebody may have sent what was approved from its file."""
    for is_approved in (False, True):
        desk = Desk(FIRING, rules=NO_TICKS)
        letter = desk.composed(FIRING)
        if is_approved:
            desk.approve(letter)
        desk.pass_time(days=10)
        desk.tidy()
        desk.hear(ARR, NRR)
        again = desk.compose(FIRING)
        assert (again is None) == is_approved
        if again:
            assert (again.window, set(again.event_ids)) == (letter.window, {ARR.id, NRR.id})


def test_a_file_that_a_killed_run_has_left_is_taken_away_by_the_next() -> None:
    desk = Desk(FIRING, rules=NO_TICKS)
    letter = desk.composed(FIRING)
    desk.set_state(letter, LetterState.REJECTED)
    assert desk.drafts.letters
    assert desk.tidy() == []
    assert desk.drafts.letters == {}


def test_a_letter_is_withdrawn_when_its_event_goes_whether_approved_or_not() -> None:
    desk = Desk(FIRING, UPDATE, rules=NO_TICKS)
    draft, approved = desk.composed(UPDATE), desk.composed(FIRING)
    desk.approve(approved)
    desk.hear(ARR, DEAL)
    assert {each.id for each in desk.tidy()} == {draft.id, approved.id}
    assert [each.action for each in desk.history(approved)] == ["letter.approved", "letter.superseded"]
    assert desk.history(approved)[-1].why == "what it tells was denied, corrected or deleted"
    assert desk.drafts.letters == {}


def test_an_approved_letter_stands_when_an_earlier_proof_renames_its_event_and_a_draft_is_renewed() -> None:
    def renamed(event: Event) -> Event:
        """With an earlier proof before the one it had."""
        earlier = event.evidence[0].model_copy(update={"message_id": "slack:0"})
        other = {"id": UUID(int=7), "evidence": (earlier, *event.evidence)}
        return event.model_copy(update=other)

    desk = Desk(FIRING, UPDATE, rules=NO_TICKS)
    draft, approved = desk.composed(UPDATE), desk.composed(FIRING)
    desk.approve(approved)
    desk.hear(ARR, NRR, renamed(DEAL))
    assert desk.objections(approved) == []
    assert [each.id for each in desk.tidy()] == [draft.id]
    assert desk.letter(approved.id).state is LetterState.APPROVED


def test_an_approved_letter_waits_for_the_next_window_where_a_draft_is_renewed() -> None:
    desk = Desk(UPDATE, rules=NO_TICKS)
    letter = desk.composed(UPDATE)
    desk.approve(letter)
    title, quote = "Merlin Rail signed a contract worth $180k a year", "Merlin Rail signed, $180k a year"
    desk.hear(*EVENTS, event("enterprise_deal", title, quote, metric("contract_value", 180_000), days_ago=1))
    assert desk.compose(UPDATE) is None
    assert desk.letters() == [desk.letter(letter.id)]
    desk.pass_time(days=12)
    later = desk.compose(UPDATE)
    assert later is not None
    assert later.window == "2026-12"
    assert desk.letter(letter.id).state is LetterState.APPROVED
