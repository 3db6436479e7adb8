"""One suite for the OutreachStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Event
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy import text

from sago.domain.companies import Person
from sago.domain.events import EventType, Metric
from sago.domain.letters import Highlight, Letter, LetterChange, LetterDraft, LetterState, Receipt
from sago.domain.watches import Condition, Direction, Watch
from sago.errors import PermanentError, UsageError
from sago.outreach.conditions import parse_all
from sago.ports import Database
from sago.stores.postgres import PostgresDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = "scale-flow"
EVENT = uuid5(NAMESPACE_URL, "event")
RECEIPT = Receipt(
    claim="2.1M", kind="figure", where="highlight 1", start=13, end=17, event_id=EVENT, message_id="slack:1",
    quote="We passed 2.1M ARR", sha256="f00d", transformation="",
)  # fmt: skip


def watch(name: str = "w", **other: Any) -> Watch:
    fields: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, name),
        "company_id": COMPANY,
        "investor": Person(name="Dana Reed", email="dana@northgate.example"),
        "met_on": date(2026, 3, 2),
        "reason": "ARR below 2M",
        "conditions": (Condition(text="arr >= 2M", kind="metric", name="arr", op=">=", value=2e6),),
        "direction": Direction.TO_FOUNDER,
        "created_at": NOW,
    }
    return Watch(**(fields | other))


def letter(name: str, window: str = "2026-03", **other: Any) -> Letter:
    draft = LetterDraft(
        subject="ScaleFlow: ARR passed 2M",
        body="Dear Dana, you asked for 2M ARR.",
        highlights=(Highlight(heading="Revenue", text="ARR 2.1M", event_id=EVENT),),
        metrics=(Metric(name="arr", value=2.1e6, unit="USD"),),
    )
    fields: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, name),
        "watch_id": watch().id,
        "company_id": COMPANY,
        "window": window,
        "sender": Person(name="Mira Sol"),
        "recipient": None,
        "draft": draft,
        "event_ids": (EVENT,),
        "composed_by": "offline",
        "created_at": NOW,
    }
    return Letter(**(fields | other))


def test_a_new_watch_is_kept_once_and_one_that_was_removed_does_not_come_back(database: Database) -> None:
    first, other = watch(), watch(reason="no chemistry")
    with database.begin() as tx:
        tx.companies.ensure(COMPANY, NOW)
        assert tx.outreach.insert_watch(first)
        assert not tx.outreach.insert_watch(first)
    with database.begin() as tx:
        assert not tx.outreach.insert_watch(other)
        assert tx.outreach.watch(first.id) == first
        tx.outreach.remove_watch(first.id)
        assert not tx.outreach.insert_watch(first)
        assert tx.outreach.watch(first.id) is None


def test_watches_come_back_as_they_went_in_oldest_first(database: Database) -> None:
    old = watch("old", investor=None, met_on=None, conditions=(), created_at=NOW - timedelta(days=1))
    with database.begin() as tx:
        for each in (watch(), old, watch("other", company_id="other", created_at=NOW + timedelta(days=1))):
            tx.outreach.add_watch(each)
    with database.begin() as tx:
        assert tx.outreach.watches(COMPANY) == [old, watch()]
        assert [each.company_id for each in tx.outreach.watches()] == [COMPANY, COMPANY, "other"]


def test_a_watch_keeps_periods_severities_and_weights(database: Database) -> None:
    conditions = parse_all(["mrr growth 3m >= 20%", "enterprise_deal high >= 2 in 90d", "no setback high in 60d"])
    kept = watch(conditions=conditions, weights={EventType.ENTERPRISE_DEAL: 1.0, EventType.HIRING: 0.0})
    with database.begin() as tx:
        tx.companies.ensure(COMPANY, NOW)
        tx.outreach.add_watch(kept)
        assert kept in tx.outreach.watches(COMPANY)


def test_the_same_id_replaces_a_watch_and_a_removed_one_is_gone(database: Database) -> None:
    with database.begin() as tx:
        tx.outreach.add_watch(watch())
        tx.outreach.add_watch(watch(reason="no enterprise deal"))
        assert [each.reason for each in tx.outreach.watches(COMPANY)] == ["no enterprise deal"]
        assert tx.outreach.watch(watch().id) == watch(reason="no enterprise deal")
        assert tx.outreach.remove_watch(watch().id)
        assert tx.outreach.watch(watch().id) is tx.outreach.watch(UUID(int=7)) is None
        assert not tx.outreach.remove_watch(watch().id)
        assert not tx.outreach.remove_watch(UUID(int=7))
        assert tx.outreach.watches(COMPANY) == []


def test_letters_come_back_as_they_went_in_newest_first(database: Database) -> None:
    second = letter("b", "2026-04", recipient=Person(name="Dana"), created_at=NOW + timedelta(days=30))
    with database.begin() as tx:
        assert tx.outreach.add_letter(letter("a"))
        assert tx.outreach.add_letter(second)
    with database.begin() as tx:
        assert tx.outreach.letters(COMPANY) == tx.outreach.letters() == [second, letter("a")]
        assert tx.outreach.letters("other") == []
        assert tx.outreach.live_letter(watch().id, "2026-03") == letter("a")
        assert tx.outreach.live_letter(watch().id, "2026-05") is None


def test_letters_that_ended_are_found_by_when_they_were_changed(database: Database) -> None:
    later = NOW + timedelta(days=40)
    first, second, live = letter("a"), letter("b", "2026-04"), letter("c", "2026-05")
    with database.begin() as tx:
        for each in (first, second, live):
            tx.outreach.add_letter(each)
        tx.outreach.set_letter_state(first.id, LetterState.REJECTED, NOW, "ana", "no")
        tx.outreach.set_letter_state(second.id, LetterState.EXPIRED, later, "sago", "old")
    with database.begin() as tx:
        assert {each.id for each in tx.outreach.ended_letters(NOW)} == {first.id, second.id}
        assert [each.id for each in tx.outreach.ended_letters(NOW + timedelta(days=1))] == [second.id]
        assert tx.outreach.ended_letters(later + timedelta(days=1)) == []


def test_a_window_holds_one_live_letter(database: Database) -> None:
    with database.begin() as tx:
        assert tx.outreach.add_letter(letter("a"))
        assert not tx.outreach.add_letter(letter("a"))
        assert not tx.outreach.add_letter(letter("b"))
        assert tx.outreach.add_letter(letter("of another watch", watch_id=UUID(int=1)))
        tx.outreach.set_letter_state(letter("a").id, LetterState.SUPERSEDED, NOW, "sago", "its events changed")
        assert tx.outreach.live_letter(watch().id, "2026-03") is None
        assert tx.outreach.add_letter(letter("b"))
        assert tx.outreach.live_letter(watch().id, "2026-03") == letter("b")
        assert len(tx.outreach.letters(COMPANY)) == 2
        assert len(tx.outreach.letters(COMPANY, live=False)) == 3


def test_letters_added_at_once_leave_one_live(database: Database) -> None:
    gate = Barrier(4)

    def add(number: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            return tx.outreach.add_letter(letter(str(number)))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(4))) == [False, False, False, True]
    with database.begin() as tx:
        assert len(tx.outreach.letters(COMPANY)) == 1


def test_a_letter_is_locked_until_its_reader_has_decided(database: Database) -> None:
    with database.begin() as tx:
        tx.outreach.add_letter(letter("a"))
        assert tx.outreach.letter(UUID(int=7)) is None
    asked = Event()

    def read() -> LetterState:
        with database.begin() as tx:
            asked.set()
            found = tx.outreach.letter(letter("a").id)
        assert found is not None
        return found.state

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as tx:
            assert tx.outreach.letter(letter("a").id) == letter("a")
            seen = pool.submit(read)
            asked.wait(0.3)  # in memory the other transaction waits before it begins
            with pytest.raises(TimeoutError):
                seen.result(timeout=0.3)
            tx.outreach.set_letter_state(letter("a").id, LetterState.SUPERSEDED, NOW, "sago", "erased")
        assert seen.result(timeout=9) is LetterState.SUPERSEDED


def test_a_letter_nobody_knows_has_no_state(database: Database) -> None:
    with pytest.raises(PermanentError, match="unknown"), database.begin() as tx:
        tx.outreach.set_letter_state(UUID(int=7), LetterState.APPROVED, NOW, "dana", "")


def test_a_letter_does_not_come_alive_beside_another(database: Database) -> None:
    with database.begin() as tx:
        tx.outreach.add_letter(letter("a", state=LetterState.REJECTED))
        tx.outreach.add_letter(letter("b"))
    with pytest.raises(PermanentError), database.begin() as tx:
        tx.outreach.set_letter_state(letter("a").id, LetterState.DRAFT, NOW, "dana", "")


@pytest.mark.parametrize("before", LetterState)
def test_every_change_of_state_that_the_table_forbids_is_refused_and_leaves_no_trace(
    database: Database, before: LetterState
) -> None:
    with database.begin() as tx:
        tx.outreach.add_letter(letter("a", state=before))
    for state in set(LetterState) - {before}:
        if before.may_become(state):
            continue
        with pytest.raises(UsageError, match=f"is {before} and cannot become {state}: .+"), database.begin() as tx:
            tx.outreach.set_letter_state(letter("a").id, state, NOW, "dana", "")
    with database.begin() as tx:
        assert (tx.outreach.letter(letter("a").id), tx.outreach.history(letter("a").id)) == (
            letter("a", state=before),
            [],
        )


def test_the_approver_stays_with_the_letter_until_it_is_a_draft_again(database: Database) -> None:
    one = letter("a")
    later = NOW + timedelta(hours=1)

    def now_as(state: LetterState, who: str, at: datetime) -> tuple[str | None, datetime | None]:
        with database.begin() as tx:
            tx.outreach.set_letter_state(one.id, state, at, who, "why")
            found = tx.outreach.letter(one.id)
        assert found is not None
        return found.approved_by, found.approved_at

    with database.begin() as tx:
        tx.outreach.add_letter(one)
    assert now_as(LetterState.APPROVED, "dana", NOW) == ("dana", NOW)
    assert now_as(LetterState.QUEUED, "sago", later) == ("dana", NOW)
    assert now_as(LetterState.APPROVED, "sago", later) == ("dana", NOW)
    assert now_as(LetterState.DRAFT, "kim", later) == (None, None)
    assert now_as(LetterState.APPROVED, "kim", later) == ("kim", later)
    with database.begin() as tx:
        history = tx.outreach.history(one.id)
    assert [(each.who, each.action, each.detail["from"]) for each in history] == [
        ("dana", "letter.approved", "draft"),
        ("sago", "letter.queued", "approved"),
        ("sago", "letter.approved", "queued"),
        ("kim", "letter.draft", "approved"),
        ("kim", "letter.approved", "draft"),
    ]
    assert history[0].detail["text"] == one.draft.sha256
    assert "text" not in history[3].detail


def test_a_rewritten_letter_keeps_its_place_and_the_log_the_hashes(database: Database) -> None:
    one = letter("a", receipts=(RECEIPT, RECEIPT), ticked=frozenset({1}))
    draft = one.draft.model_copy(update={"subject": "ScaleFlow: 2.1M ARR"})
    new = one.model_copy(update={"draft": draft, "receipts": (RECEIPT,), "ticked": frozenset(), "window": "other"})
    with database.begin() as tx:
        tx.outreach.add_letter(one)
        tx.outreach.rewrite_letter(new, NOW, "dana", "shorter")
        assert tx.outreach.letter(one.id) == new.model_copy(update={"window": one.window})
        (change,) = tx.outreach.history(one.id)
    hashes = {"before": one.draft.sha256, "after": draft.sha256}
    assert change == LetterChange(at=NOW, who="dana", action="letter.edited", why="shorter", detail=hashes)
    with pytest.raises(PermanentError, match="unknown"), database.begin() as tx:
        tx.outreach.rewrite_letter(letter("nobody's"), NOW, "dana", "")


def test_claims_are_ticked_once_each(database: Database) -> None:
    one = letter("a", receipts=(RECEIPT,) * 3)
    with database.begin() as tx:
        tx.outreach.add_letter(one)
        tx.outreach.tick_letter(one.id, [2, 0], NOW, "dana", "looked")
        tx.outreach.tick_letter(one.id, [0], NOW, "kim", "")
        tx.outreach.tick_letter(one.id, [0, 1], NOW, "kim", "")
        found = tx.outreach.letter(one.id)
        assert found is not None
        assert found.ticked == {0, 1, 2}
        assert [(each.who, each.action, each.detail) for each in tx.outreach.history(one.id)] == [
            ("dana", "letter.ticked", {"claims": [0, 2]}),
            ("kim", "letter.ticked", {"claims": [1]}),
        ]
        assert tx.outreach.history(letter("b").id) == []


def test_of_approvals_at_once_one_stands_in_the_log(database: Database) -> None:
    with database.begin() as tx:
        tx.outreach.add_letter(letter("a"))
    gate = Barrier(5)

    def approve(number: int) -> None:
        gate.wait()
        with database.begin() as tx:
            tx.outreach.set_letter_state(letter("a").id, LetterState.APPROVED, NOW, f"person {number}", "")

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(approve, range(5)))
    with database.begin() as tx:
        (change,) = tx.outreach.history(letter("a").id)
        (found,) = tx.outreach.letters(COMPANY)
    assert found.approved_by == change.who


def test_the_audit_log_names_who_changed_what_once(postgres: PostgresDatabase) -> None:
    with postgres.begin() as tx:
        tx.outreach.add_letter(letter("a"))
        for _ in range(2):
            tx.outreach.set_letter_state(letter("a").id, LetterState.APPROVED, NOW, "dana", "reads well")
        assert [each.state for each in tx.outreach.letters(COMPANY)] == [LetterState.APPROVED]
    with postgres.connections.begin() as connection:
        row = connection.execute(text("SELECT at, who, action, subject, company_id, detail FROM audit_log")).one()
    detail = {"from": "draft", "text": letter("a").draft.sha256, "why": "reads well"}
    assert tuple(row) == (NOW, "dana", "letter.approved", str(letter("a").id), COMPANY, detail)
