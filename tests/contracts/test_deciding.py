"""People who decide about one letter at once, on memory and on Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.mails import MailState, new_mail
from sago.errors import UsageError
from sago.outreach.deciding import decide, resolve, undo
from sago.outreach.editing import edit
from sago.outreach.ticking import tick
from sago.pipeline.generations import Generations
from sago.ports import Database
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.postgres import PostgresDatabase
from tests.contracts.test_outreach import NOW, RECEIPT, letter, watch

PLAIN = letter(
    "plain",
    event_ids=(),
    draft=LetterDraft(subject="A short word", body="All is well with all of us here."),
)


@pytest.fixture
def known(database: Database) -> Database:
    """A database with one draft that nothing speaks against."""
    with database.begin() as tx:
        tx.companies.ensure(PLAIN.company_id, NOW)
        tx.outreach.add_watch(watch())
        tx.outreach.add_letter(PLAIN)
    return database


def decided(database: Database, state: LetterState, who: str, seen: Letter | None = PLAIN) -> Letter:
    return decide(
        PLAIN.id,
        state,
        database=database,
        drafts=MemoryDrafts(),
        announce=Generations(database, MemoryMirror()).announce,
        who=who,
        why="read",
        at=NOW,
        seen=seen,
    )


def at_once(*calls: Callable[[], Letter]) -> list[Letter | UsageError]:
    """What each of them came to, begun at one moment."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], Letter]) -> Letter | UsageError:
        gate.wait()
        try:
            return call()
        except UsageError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def actions(database: Database) -> list[str]:
    with database.begin() as tx:
        return [change.action.removeprefix("letter.") for change in tx.outreach.history(PLAIN.id)]


def test_five_approvals_at_once_are_one_and_all_are_told_whose(known: Database) -> None:
    names = [f"person {number}" for number in range(5)]
    told = at_once(*[lambda name=name: decided(known, LetterState.APPROVED, name) for name in names])
    with known.begin() as tx:
        (change,) = tx.outreach.history(PLAIN.id)
    assert change.action == "letter.approved"
    assert [each.approved_by for each in told if isinstance(each, Letter)] == [change.who] * 5


@pytest.mark.parametrize("_", range(5))
def test_of_an_approval_and_a_rejection_at_once_one_wins_and_the_other_is_told(known: Database, _: int) -> None:
    told = at_once(
        lambda: decided(known, LetterState.APPROVED, "ana"),
        lambda: decided(known, LetterState.REJECTED, "kim"),
    )
    (refused,) = [each for each in told if isinstance(each, UsageError)]
    (winner,) = [each for each in told if isinstance(each, Letter)]
    assert actions(known) == [winner.state.value]
    who = "ana" if winner.state is LetterState.APPROVED else "kim"
    assert f"is {winner.state} by now, by {who}" in str(refused) or "cannot become approved" in str(refused)


@pytest.mark.parametrize("_", range(5))
def test_of_an_approval_and_an_edit_at_once_no_text_is_approved_that_nobody_read(known: Database, _: int) -> None:
    def rewrite() -> Letter:
        words = "Another text", "All is still well with all of us here."
        return edit(PLAIN, *words, database=known, drafts=MemoryDrafts(), who="kim", why="", at=NOW)

    at_once(lambda: decided(known, LetterState.APPROVED, "ana"), rewrite)
    with known.begin() as tx:
        found, history = tx.outreach.letter(PLAIN.id), tx.outreach.history(PLAIN.id)
    assert found is not None
    assert len(history) == 1
    if found.state is LetterState.APPROVED:
        assert found.draft.sha256 == history[-1].detail["text"] == PLAIN.draft.sha256
    else:
        assert (found.state, found.draft.subject) == (LetterState.DRAFT, "Another text")


def test_an_undo_and_a_rejection_at_once_leave_a_letter_that_does_not_go(known: Database) -> None:
    approved = decided(known, LetterState.APPROVED, "ana")
    rules: dict[str, Any] = {"database": known, "drafts": MemoryDrafts(), "who": "kim", "why": "", "at": NOW}
    at_once(
        lambda: undo(PLAIN.id, **rules, within=timedelta(seconds=60)),
        lambda: decided(known, LetterState.REJECTED, "ana", seen=approved),
    )
    with known.begin() as tx:
        found = tx.outreach.letter(PLAIN.id)
    assert found is not None
    assert found.state in (LetterState.DRAFT, LetterState.REJECTED)
    assert (found.approved_by is None) == (found.state is LetterState.DRAFT)


def test_ticks_of_two_people_at_once_are_both_kept(known: Database) -> None:
    proven = PLAIN.model_copy(update={"receipts": (RECEIPT, RECEIPT)})
    with known.begin() as tx:
        tx.outreach.rewrite_letter(proven, NOW, "sago", "")
    at_once(
        *[
            lambda number=number: tick(proven, [number], database=known, who=f"{number}", why="", at=NOW)
            for number in (0, 1)
        ]
    )
    with known.begin() as tx:
        found = tx.outreach.letter(PLAIN.id)
    assert found is not None
    assert found.ticked == {0, 1}


def test_a_decision_waits_for_a_merge_under_way_and_finds_what_it_has_left(known: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with known.begin() as tx:
            tx.events.lock(PLAIN.company_id)
            told = pool.submit(decided, known, LetterState.APPROVED, "ana")
            with pytest.raises(TimeoutError):
                told.result(timeout=0.3)
            tx.outreach.set_letter_state(PLAIN.id, LetterState.SUPERSEDED, NOW, "sago", "denied")
        with pytest.raises(UsageError, match=r"cannot become approved|is superseded by now"):
            told.result(timeout=9)
    assert actions(known) == ["superseded"]


def test_a_persons_word_and_a_late_answer_never_wait_for_each_other(postgres: PostgresDatabase) -> None:
    """Whoever records an answer holds the mail first and then its letter."""
    lost = letter("lost", event_ids=(), state=LetterState.UNKNOWN)
    person = Person(name="Dana", email="dana@northgate.example")
    mail = new_mail("letter", lost.id, person, firm_id=lost.firm_id, company_id=lost.company_id, now=NOW)
    with postgres.begin() as tx:
        tx.companies.ensure(lost.company_id, NOW)
        tx.outreach.add_watch(watch())
        assert tx.outreach.add_letter(lost)
        assert tx.mails.add(mail.model_copy(update={"state": MailState.UNKNOWN}))
    is_held = Event()

    def record() -> None:
        with postgres.begin() as tx:
            assert tx.mails.get(mail.id)
            is_held.set()
            time.sleep(0.5)
            assert tx.outreach.letter(lost.id)

    def say() -> Letter:
        is_held.wait(10)
        drafts = MemoryDrafts()
        return resolve(lost.id, was_sent=True, database=postgres, drafts=drafts, who="ana", why="asked", at=NOW)

    with ThreadPoolExecutor(2) as pool:
        recording, saying = pool.submit(record), pool.submit(say)
        recording.result(20)
        assert saying.result(20).state is LetterState.SENT
