"""A backup of Postgres restored under a Redis, a raw store and a mirror that are newer."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from sago.domain.batches import LIVE_RUN, BatchState, DeadLetter
from sago.domain.erasures import Erasure
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.messages import MessageKey
from sago.errors import RestoredError, TransientError, UsageError
from sago.outreach.deciding import decide, resolve, undo
from sago.stores.memory.state import State
from tests.contracts.test_outreach import letter, watch
from tests.unit.pipeline.house import NOW, House, deal, message

HOUR = timedelta(hours=1)


def backup(house: House) -> State:
    return house.database.state.copy()


def restore(house: House, state: State) -> None:
    house.database.state = state.copy()


def settle(house: House, now: datetime = NOW) -> None:
    """What upkeep does until nothing is left."""
    house.run(now)
    if not house.generations.advance(now):
        house.dispatcher.recover()
    house.run(now)
    house.batching.flush(timedelta(0), now)
    house.run(now)
    house.reaper.reap(now + HOUR)
    house.run(now + HOUR)


def read_in(house: House, company: str = "acme") -> dict[MessageKey, BatchState]:
    """Message version → the state of its batch."""
    state = house.database.state
    return {
        MessageKey(key[1], key[2]): state.batches[member.batch_id].state
        for key, member in state.members.items()
        if key[0] == company and key[3] == LIVE_RUN
    }


def keep(house: House, *letters: Letter) -> None:
    with house.database.begin() as tx:
        tx.companies.ensure(watch().company_id, NOW)
        tx.outreach.add_watch(watch())
        for each in letters:
            tx.companies.ensure(each.company_id, NOW - timedelta(days=1))
            tx.outreach.add_letter(each)


def states(house: House) -> dict[str, LetterState]:
    with house.database.begin() as tx:
        return {each.window: each.state for each in tx.outreach.letters()}


def approve(house: House, one: Letter, now: datetime = NOW) -> Letter:
    return decide(
        one.id,
        LetterState.APPROVED,
        database=house.database,
        drafts=house.drafts,
        announce=house.generations.announce,
        who="ana",
        why="good",
        at=now,
    )


def say(house: House, one: Letter, *, sent: bool) -> Letter:
    return resolve(one.id, sent, database=house.database, drafts=house.drafts, who="ana", why="looked", at=NOW)


def with_events(*letters: Letter) -> tuple[Letter, ...]:
    """Letters that cite nothing and claim nothing: they can be approved without events."""
    plain = {
        "event_ids": (),
        "draft": LetterDraft(subject="A short word", body="Thank you for your time; we speak again next week."),
    }
    return tuple(each.model_copy(update=plain) for each in letters)


@pytest.mark.parametrize("cut", ["stored", "queued", "claimed", "planned", "merged"])
def test_all_that_came_after_the_backup_is_read_again_once(cut: str) -> None:
    house = House(threshold=100)
    names, later = ("Anvil", "Borealis", "Cobalt", "Dorian"), ("Ember", "Fjord", "Granite", "Helix")
    house.store(*(deal(number, name) for number, name in enumerate(names)), message(9), name="b1")
    house.generations.advance(NOW)
    saved = backup(house)
    if cut != "stored":
        house.store(*(deal(10 + number, name) for number, name in enumerate(later)), name="b2")
    if cut in ("claimed", "planned", "merged"):
        batch_id = house.buffer.claim("acme", NOW)
        assert batch_id is not None
    if cut in ("planned", "merged"):
        house.batching.open("acme", batch_id, NOW)
    if cut == "planned":
        saved = backup(house)  # extracting, as far as the backup knows
    if cut in ("planned", "merged"):
        house.run()
    house.generations.advance(NOW)
    restore(house, saved)
    settle(house)
    expected = sorted([*names, *(later if cut != "stored" else ())])
    assert house.deals() == expected
    assert set(read_in(house).values()) == {BatchState.MERGED}
    assert len(read_in(house)) == len(expected) + 1
    assert house.generations.problem() is None
    settle(house)
    assert house.deals() == expected


def test_without_the_generation_the_marks_would_swallow_what_was_lost() -> None:
    """The reason for all this: an unseen restore leaves messages to their marks for two days."""
    house = House(threshold=1)
    house.generations.advance(NOW)
    saved = backup(house)
    house.store(deal(1))
    house.run()
    restore(house, saved)
    settle(house)
    assert house.deals() == []
    restore(house, saved)
    house.mirror.raise_generation(2)
    settle(house)
    assert house.deals() == ["Delta"]


def test_a_backup_older_than_recovery_looks_back_is_mended_too() -> None:
    house = House(threshold=1)
    house.ran(100, NOW)
    house.generations.advance(NOW)
    saved = backup(house)
    house.store(deal(1))
    house.run()
    late = NOW + timedelta(days=9)
    house.ran(200, late)
    house.generations.advance(late)
    restore(house, saved)
    settle(house, late)
    assert house.deals() == ["Delta"]


def test_dead_letters_that_the_backup_lacks_are_projected_again_those_of_the_erased_without_bytes() -> None:
    house = House()
    erasure = Erasure(
        id=uuid4(), company_id="acme", sender="eve", because="asked", requested_by="cli", requested_at=NOW
    )
    house.generations.advance(NOW)
    saved = backup(house)
    house.erasing.erase(erasure, NOW)
    for number, sender in enumerate(("ana", "eve")):
        value = deal(number, sender=sender).to_json()
        dead = DeadLetter(
            origin=f"o{number}", topic="slack-messages", error="why", error_type="X", failed_at=NOW, value=value
        )
        house.log.dead_letter(dead, "acme")
    house.generations.advance(NOW)
    restore(house, saved)
    settle(house)
    letters = house.database.state.dead_letters
    assert {origin: bool(each.value) for origin, each in letters.items()} == {"o0": True, "o1": False}


def test_a_database_made_anew_is_filled_from_the_first_day() -> None:
    house = House(threshold=1)
    house.generations.advance(NOW)
    house.store(deal(1))
    house.run()
    restore(house, State())
    settle(house, NOW + timedelta(days=400))
    assert house.deals() == ["Delta"]


def test_chunk_tasks_of_batches_that_the_backup_does_not_know_are_skipped() -> None:
    house = House(threshold=1)
    saved = backup(house)
    house.store(deal(1))
    ((_, arguments),) = house.dispatcher.take()
    house.batching.open(*arguments, NOW)
    work = house.dispatcher.take()
    restore(house, saved)
    batch_id = arguments[1]
    assert work
    assert house.extracting.chunk(batch_id, 0, NOW) == "skipped"
    assert house.extracting.merge(batch_id, NOW) == "skipped"


def test_a_recovery_that_fails_half_way_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=1)
    house.generations.advance(NOW)
    saved = backup(house)
    house.store(deal(1))
    house.run()
    house.generations.advance(NOW)
    restore(house, saved)

    def away(*_: object) -> None:
        raise TransientError("Cassandra does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(house.raw, "read_day", away)
        with pytest.raises(TransientError):
            house.recovery.recover(NOW)
    assert house.generations.problem() is not None
    settle(house)
    assert house.deals() == ["Delta"]


def test_letters_let_go_after_the_backup_are_unknown_and_hold_all_others() -> None:
    house = House()
    before, draft, lost, other = with_events(
        letter("before", "2026-01"), letter("draft", "2026-02"), letter("lost", "2026-03"), letter("other", "2026-04")
    )
    keep(house, before, draft)
    approve(house, before)
    house.generations.advance(NOW)
    saved = backup(house)
    keep(house, lost, other)
    for each in (draft, lost):
        approve(house, each)
    restore(house, saved)
    with pytest.raises(RestoredError, match="older backup"):
        approve(house, draft)
    settle(house)
    unknown = {"2026-02": LetterState.UNKNOWN, "2026-03": LetterState.UNKNOWN}
    assert states(house) == {"2026-01": LetterState.APPROVED} | unknown
    keep(house, other)
    with pytest.raises(RestoredError, match="resolve"):
        approve(house, other)
    assert say(house, draft, sent=True).state is LetterState.SENT
    with pytest.raises(RestoredError):
        approve(house, other)
    assert say(house, lost, sent=False).state is LetterState.SUPERSEDED
    assert approve(house, other).state is LetterState.APPROVED
    with pytest.raises(UsageError, match="only unknown"):
        say(house, draft, sent=True)


def test_an_unknown_letter_fills_its_window() -> None:
    house = House()
    (lost,) = with_events(letter("lost"))
    house.generations.advance(NOW)
    saved = backup(house)
    keep(house, lost)
    approve(house, lost)
    restore(house, saved)
    (meanwhile,) = with_events(letter("meanwhile"))
    keep(house, meanwhile)  # composed before recovery ran
    settle(house)
    assert states(house) == {lost.window: LetterState.UNKNOWN}
    with house.database.begin() as tx:
        assert not tx.outreach.add_letter(letter("second"))
    say(house, lost, sent=False)
    with house.database.begin() as tx:
        assert tx.outreach.add_letter(letter("third"))


def test_what_the_backup_knows_as_let_go_or_rejected_stays_so() -> None:
    house = House()
    approved, rejected = with_events(letter("approved", "2026-01"), letter("rejected", "2026-02"))
    keep(house, approved, rejected)
    for each in (approved, rejected):
        approve(house, each)
    with house.database.begin() as tx:
        tx.outreach.set_letter_state(rejected.id, LetterState.REJECTED, NOW, "ana", "no")
    saved = backup(house)
    house.generations.advance(NOW)
    restore(house, saved)
    settle(house)
    assert states(house) == {"2026-01": LetterState.APPROVED}
    assert house.generations.problem() is None


def test_a_letter_that_was_sent_after_the_backup_is_not_sent_again() -> None:
    house = House()
    (one,) = with_events(letter("one"))
    keep(house, one)
    approved = approve(house, one)
    saved = backup(house)
    house.generations.announce(approved, LetterState.SENT, NOW)
    restore(house, saved)
    settle(house)
    assert states(house) == {one.window: LetterState.UNKNOWN}


@pytest.mark.parametrize(
    ("inside", "noted", "after"),
    [
        (LetterState.DRAFT, LetterState.APPROVED, LetterState.UNKNOWN),
        (LetterState.DRAFT, LetterState.QUEUED, LetterState.UNKNOWN),
        (LetterState.APPROVED, LetterState.APPROVED, LetterState.APPROVED),
        (LetterState.APPROVED, LetterState.QUEUED, LetterState.UNKNOWN),
        (LetterState.APPROVED, LetterState.SENT, LetterState.UNKNOWN),
        (LetterState.QUEUED, LetterState.APPROVED, LetterState.QUEUED),
        (LetterState.QUEUED, LetterState.QUEUED, LetterState.QUEUED),
        (LetterState.QUEUED, LetterState.SENT, LetterState.UNKNOWN),
        (LetterState.SENT, LetterState.SENT, LetterState.SENT),
        (LetterState.REJECTED, LetterState.APPROVED, LetterState.REJECTED),
        (LetterState.EXPIRED, LetterState.APPROVED, LetterState.EXPIRED),
    ],
)
def test_a_letter_of_which_more_is_noted_outside_than_the_backup_knows_is_unknown(
    inside: LetterState, noted: LetterState, after: LetterState
) -> None:
    house = House()
    (one,) = with_events(letter("one", state=inside))
    keep(house, one)
    saved = backup(house)
    house.generations.announce(one, noted, NOW)
    house.generations.advance(NOW)
    restore(house, saved)
    settle(house)
    with house.database.begin() as tx:
        assert [each.state for each in tx.outreach.letters(live=False)] == [after]
    assert (house.generations.problem() is None) == (after is not LetterState.UNKNOWN)


def test_an_approval_that_was_undone_after_the_backup_is_unknown_until_a_person_says_so() -> None:
    house = House()
    (one,) = with_events(letter("one"))
    keep(house, one)
    saved = backup(house)
    approve(house, one)
    how = {"database": house.database, "drafts": house.drafts, "who": "ana", "why": "", "at": NOW}
    assert undo(one.id, **how, within=timedelta(seconds=60)).state is LetterState.DRAFT
    restore(house, saved)
    settle(house)
    assert states(house) == {one.window: LetterState.UNKNOWN}
    assert say(house, one, sent=False).state is LetterState.SUPERSEDED
    assert house.generations.problem() is None


def test_an_approval_under_way_as_the_backup_was_made_is_unknown() -> None:
    """Announced under the backup's own generation, approved after it."""
    house = House()
    (one,) = with_events(letter("one"))
    keep(house, one)
    house.generations.announce(one, LetterState.APPROVED, NOW)
    saved = backup(house)
    house.generations.advance(NOW)
    restore(house, saved)
    settle(house)
    assert states(house) == {one.window: LetterState.UNKNOWN}


def test_nothing_is_approved_where_the_mirror_does_not_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    (one,) = with_events(letter("one"))
    keep(house, one)

    def away(*_: object) -> None:
        raise TransientError("Cassandra does not answer")

    monkeypatch.setattr(house.mirror, "announce", away)
    with pytest.raises(TransientError):
        approve(house, one)
    assert states(house) == {one.window: LetterState.DRAFT}


def test_a_mirror_that_is_behind_catches_up_and_is_no_restore() -> None:
    house = House()
    with house.database.begin() as tx:
        tx.generation.advance(NOW)
        tx.generation.advance(NOW)
    assert house.generations.problem() is None
    assert house.generations.advance(NOW)
    assert house.mirror.generation() == 3


def test_many_restores_in_a_row_are_each_seen() -> None:
    house = House(threshold=1)
    for number, name in enumerate(("Anvil", "Borealis", "Cobalt")):
        house.generations.advance(NOW)
        saved = backup(house)
        house.store(deal(number, name), name=f"b{number}")
        house.run()
        house.generations.advance(NOW)
        restore(house, saved)
        settle(house)
        assert len(house.deals()) == number + 1
