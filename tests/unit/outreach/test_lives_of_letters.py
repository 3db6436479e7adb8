"""Any sequence of decisions, moves of the clock and changes of events: what never happens to a letter."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from sago.domain.letters import Letter, LetterChange, LetterState
from sago.errors import UngroundedError, UsageError
from sago.outreach.permission import objections, unticked
from tests.unit.outreach.desks import Desk
from tests.unit.outreach.stories import ARR, DEAL, EVENTS, NRR, metric, watch

WATCHES = [watch(name="update"), watch("arr >= 2M", name="firing"), watch("enterprise_deal >= 1", name="deal")]
HIRE = DEAL.model_copy(update={"id": UUID(int=5), "title": "Merlin Rail signed for three years"})
CORRECTED = ARR.model_copy(
    update={
        "title": "ARR reached $2.2M",
        "metrics": (metric("arr", 2.2e6),),
        "evidence": (ARR.evidence[0].model_copy(update={"quote": "We just passed $2.2M ARR!"}),),
    }
)
TOLD = [EVENTS, [ARR, NRR], [DEAL], [CORRECTED, DEAL, NRR], [*EVENTS, HIRE]]
SUBJECTS = ["Orchard, again", "Orchard: $2.1M ARR", "Orchard: $9.9M ARR"]
PEOPLE = st.sampled_from(["ana", "kim"])


class Lives(RuleBasedStateMachine):
    """People at a desk, the schedule, and whoever mails; each does what it likes whenever it likes."""

    seen = Bundle("letters as somebody saw them")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(*WATCHES)
        self.composed: dict[UUID, str] = {}
        """Letter → the hash of its first text."""
        self.sent: dict[UUID, str] = {}

    def may_refuse(self, what: Any, *arguments: Any, **other: Any) -> Letter | None:
        try:
            found: Letter = what(*arguments, **other)
        except (UsageError, UngroundedError):
            return None
        return found

    @initialize(target=seen)
    def begin(self) -> Any:
        return self.compose(WATCHES[1])

    @rule(target=seen, of=st.sampled_from(WATCHES))
    def compose(self, of: Any) -> Any:
        letter = self.desk.compose(of)
        if letter is None:
            return multiple(*self.desk.letters()[:1])
        self.composed[letter.id] = letter.draft.sha256
        assert letter.receipts
        return letter

    @rule(target=seen, letter=seen)
    def look(self, letter: Letter) -> Letter:
        return self.desk.letter(letter.id)

    @rule(letter=seen, who=PEOPLE)
    def tick(self, letter: Letter, who: str) -> None:
        self.desk.who = who
        self.may_refuse(self.desk.tick, letter, *range(len(letter.receipts)))

    @rule(letter=seen, who=PEOPLE)
    def approve(self, letter: Letter, who: str) -> None:
        self.desk.who = who
        approved = self.may_refuse(self.desk.decide, letter, LetterState.APPROVED, seen=letter)
        assert approved is None or not unticked(approved, self.desk.rules.tick)

    @rule(letter=seen, who=PEOPLE, is_queued=st.booleans())
    def read_tick_and_approve(self, letter: Letter, who: str, is_queued: bool = False) -> None:
        """What people do most, and what follows if they do no more: the other rules alone seldom get so far."""
        self.tick(self.desk.letter(letter.id), who)
        self.approve(self.desk.letter(letter.id), who)
        if is_queued:
            self.queue(wait=True)

    @rule(letter=seen, who=PEOPLE)
    def reject(self, letter: Letter, who: str) -> None:
        self.desk.who = who
        self.may_refuse(self.desk.decide, letter, LetterState.REJECTED, seen=letter)

    @rule(letter=seen, who=PEOPLE)
    def undo(self, letter: Letter, who: str) -> None:
        self.desk.who = who
        before = self.desk.history(letter)
        if self.may_refuse(self.desk.undo, letter):
            assert self.desk.now - before[-1].at <= self.desk.rules.undo

    @rule(target=seen, letter=seen, subject=st.sampled_from(SUBJECTS), has_looked=st.booleans())
    def edit(self, letter: Letter, subject: str, has_looked: bool) -> Any:
        edited = self.may_refuse(self.desk.edit, self.desk.letter(letter.id) if has_looked else letter, subject)
        return edited or multiple()

    @rule(told=st.sampled_from(TOLD))
    def hear(self, told: Any) -> None:
        self.desk.hear(*told)

    @rule(length=st.sampled_from([{"seconds": 40}, {"hours": 5}, {"days": 6}]))
    def pass_time(self, length: Any) -> None:
        self.desk.pass_time(**length)

    @rule()
    def tidy(self) -> None:
        self.desk.tidy()

    @rule(wait=st.booleans())
    def queue(self, wait: bool = False) -> None:
        """Approvals that can no longer be undone, as the mailer takes them."""
        if wait:
            self.pass_time({"seconds": 61})
        for letter in self.desk.letters():
            approved_at = letter.approved_at if letter.state is LetterState.APPROVED else None
            if approved_at and self.desk.now - approved_at > self.desk.rules.undo:
                self.desk.set_state(letter, LetterState.QUEUED)

    @rule()
    def send(self) -> None:
        """As the mailer claims what is queued: asked again in the transaction, then let go or taken back."""
        with self.desk.database.begin() as tx:
            for letter in tx.outreach.letters():
                if letter.state is LetterState.QUEUED:
                    against = objections(tx, letter, self.desk.now, self.desk.rules.fresh_for)
                    state = LetterState.SUPERSEDED if against else LetterState.SENT
                    tx.outreach.set_letter_state(letter.id, state, self.desk.now, "sago", "; ".join(against))
                    if state is LetterState.SENT:
                        self.sent[letter.id] = letter.draft.sha256

    @invariant()
    def nothing_was_sent_but_exactly_what_was_approved(self) -> None:
        for letter_id, text in self.sent.items():
            changes = [each for each in self.desk.history(self.desk.letter(letter_id)) if _state(each) != "ticked"]
            assert [_state(each) for each in changes[-3:]] == ["approved", "queued", "sent"]
            assert {each.detail["text"] for each in changes[-3:]} == {text}
            assert changes[-3].who in ("ana", "kim")

    @invariant()
    def a_window_has_one_live_letter(self) -> None:
        windows = Counter((letter.watch_id, letter.window) for letter in self.desk.letters())
        assert max(windows.values(), default=1) == 1

    @invariant()
    def the_log_tells_every_change(self) -> None:
        """State, text, ticks and approver are what the log alone would make of the first draft."""
        for letter in self.desk.letters(live=False):
            state, text, approver = LetterState.DRAFT, self.composed[letter.id], None
            for change in self.desk.history(letter):
                assert change.who in ("ana", "kim", "sago")
                if _state(change) == "edited":
                    assert (change.detail["before"], state) == (text, LetterState.DRAFT)
                    text = change.detail["after"]
                elif _state(change) != "ticked":
                    assert change.detail["from"] == state
                    assert state.may_become(LetterState(_state(change)))
                    state = LetterState(_state(change))
                    assert change.detail.get("text", text) == text
                    approver = {"approved": change.who, "draft": None}.get(_state(change), approver)
            assert (letter.state, letter.draft.sha256, letter.approved_by) == (state, text, approver)


def _state(change: LetterChange) -> str:
    return change.action.removeprefix("letter.")


TestLivesOfLetters = Lives.TestCase
TestLivesOfLetters.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


def test_the_machine_gets_as_far_as_sending() -> None:
    """So that what it holds about sent letters is not held about none."""
    lives = Lives()
    letter = lives.begin()
    lives.read_tick_and_approve(letter, "ana")
    lives.pass_time({"seconds": 61})
    lives.queue()
    lives.send()
    assert list(lives.sent) == [letter.id]
    lives.nothing_was_sent_but_exactly_what_was_approved()
    lives.the_log_tells_every_change()
