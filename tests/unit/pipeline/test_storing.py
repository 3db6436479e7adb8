"""store.batch: what is counted, what is a duplicate, what claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from sago.domain.batches import DeadLetter, Record, StoreOutcome
from sago.domain.dead_letters import from_record
from sago.domain.messages import Message, MessageKey
from sago.errors import PermanentError, TransientError
from tests.unit.pipeline.house import NOW, House, deal, message


def dead_lettered(house: House) -> str:
    """The origin of an open letter."""
    origin = "message:acme/slack:1/0/extract"
    with house.database.begin() as tx:
        letter = DeadLetter(origin=origin, topic="slack-messages", error="e", error_type="E", failed_at=NOW)
        tx.ledger.add_dead_letters([letter])
    return origin


def projected(house: House, record: Record) -> str:
    """The origin of the letter that a record of the dead-letter topic becomes in the ledger."""
    letter = from_record(record, NOW)
    with house.database.begin() as tx:
        tx.ledger.add_dead_letters([letter])
    return letter.origin


def test_the_threshold_fires_one_batch_whatever_is_delivered_twice() -> None:
    house = House(threshold=4)
    house.store(*[message(n) for n in range(3)])
    house.store(*[message(n) for n in range(3)], name="again")
    assert house.dispatcher.take() == []

    house.store(message(3), name="last")
    assert house.run() == ["extract.start", "extract.chunk", "extract.chunk", "extract.merge"]


def test_a_further_attempt_of_the_same_batch_changes_nothing() -> None:
    house = House(threshold=9)
    house.store(message(1), message(2))
    report = house.storing.store(
        "log:slack-messages:0:0-9", [message(1).to_json(), message(2).to_json()], [None, None], NOW
    )
    assert report == (2, 0, 0)
    assert house.buffer.counts() == {"acme": 2}


def test_same_id_with_other_content_is_dead_lettered_and_the_first_stands() -> None:
    house = House(threshold=2)
    house.store(deal(1), name="first")
    house.store(message(1, text="something else"), message(2), name="second")
    house.run()
    assert house.deals() == ["Delta"]
    assert house.dead() == ["same id and version are stored with other content"]


def test_what_names_alone_tell_otherwise_is_no_dead_letter_and_the_first_stands() -> None:
    house = House(threshold=9)
    said = {"user": "U1", "text": "hello <@U2>"}
    pushed, fetched = ({"raw": said, "text": text} for text in ("hello @U2", "hello @Sam"))
    house.store(message(1).model_copy(update=pushed), name="pushed")
    house.store(message(1).model_copy(update=fetched), name="fetched")
    assert house.dead() == []
    assert [row.message.text for row in house.raw.rows.values()] == ["hello @U2"]
    assert house.buffer.counts() == {"acme": 1}


def test_both_contents_in_one_batch_keep_the_first() -> None:
    house = House(threshold=1)
    house.store(deal(1), message(1, text="something else"))
    house.run()
    assert house.deals() == ["Delta"]
    assert len(house.dead()) == 1


def test_an_edit_of_a_read_message_claims_at_once_and_withdraws() -> None:
    house = House(threshold=2)
    house.store(deal(1), message(2))
    house.run()
    assert house.deals() == ["Delta"]

    house.store(message(1, version=7, text="scrap that, not signed"), name="edit")
    assert "extract.merge" in house.run()
    assert house.deals() == []


def test_an_edit_claims_at_once_also_where_its_first_attempt_died_before_it_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(threshold=2)
    house.store(deal(1), message(2))
    house.run()

    def die(*_: object) -> None:
        raise TransientError("redis does not answer")

    edit = message(1, version=7, text="scrap that, not signed")
    monkeypatch.setattr(house.buffer, "claim", die)
    with pytest.raises(TransientError):
        house.store(edit, name="edit")
    monkeypatch.undo()
    house.store(edit, name="edit")
    house.run()
    assert house.deals() == []


def test_an_edit_of_an_unread_message_waits_for_the_threshold() -> None:
    house = House(threshold=9)
    house.store(deal(1))
    house.store(message(1, version=7, text="not signed"), name="edit")
    assert house.dispatcher.take() == []


def test_a_late_lower_version_is_stored_and_never_read() -> None:
    house = House(threshold=1)
    house.store(message(1, version=7, text="not signed"))
    house.run()
    house.store(deal(1), name="late")
    assert house.run() == []
    assert house.raw.count("acme") == 2


def test_a_lost_buffer_is_told_to_recovery() -> None:
    house = House(threshold=9)
    house.store(message(1))
    house.buffer.clear()
    house.store(message(2), name="next")
    assert house.run() == ["upkeep.recover"]
    assert house.buffer.counts() == {"acme": 2}
    assert house.buffer.has_epoch()


def test_a_replay_is_read_again() -> None:
    house = House(threshold=1)
    house.store(message(1))
    house.run()
    house.store(message(1), name="replayed", replay=dead_lettered(house))
    assert "extract.merge" in house.run()


def test_a_replay_of_what_was_refused_leaves_alone_what_was_read_under_its_id() -> None:
    house = House(threshold=1)
    house.store(message(1))
    house.run()
    house.store(message(1, text="another text"), name="conflict")
    (refused,) = house.log.records("slack-messages.dlq")
    house.store(message(1, text="another text"), name="replayed", replay=projected(house, refused))
    assert house.recovery.recover(NOW) == 0
    assert house.run() == []


def test_a_replay_delivered_again_in_the_midst_of_the_first_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=1)
    house.store(message(1))
    house.run()
    origin = dead_lettered(house)
    forget = house.buffer.forget

    def while_another_waits(company_id: str, keys: Sequence[MessageKey]) -> None:
        with pytest.raises(TransientError):  # Postgres lets it wait for the letter's row
            house.store(message(1), name="replayed", replay=origin)
        forget(company_id, keys)

    with monkeypatch.context() as patch:
        patch.setattr(house.buffer, "forget", while_another_waits)
        house.store(message(1), name="replayed", replay=origin)
    house.store(message(1), name="replayed", replay=origin)
    assert house.run().count("extract.merge") == 1


def test_a_replay_that_waits_in_the_queue_is_not_queued_again() -> None:
    house = House(threshold=9)
    house.store(message(1))
    origin = dead_lettered(house)
    house.buffer.forget("acme", [message(1).key])
    house.buffer.clear("acme")
    for _ in range(2):
        house.store(message(1), name="replayed", replay=origin)
    assert house.buffer.counts() == {"acme": 1}


def test_a_second_delivery_of_a_replay_changes_nothing() -> None:
    house = House(threshold=1)
    house.store(message(1))
    house.run()
    origin = dead_lettered(house)
    house.store(message(1), name="replayed", replay=origin)
    assert "extract.merge" in house.run()
    house.store(message(1), name="replayed", replay=origin)
    assert house.run() == []


def test_a_message_that_no_store_takes_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=3)
    store = house.raw.store

    def picky(messages: Sequence[Message], name: str, now: datetime) -> StoreOutcome:
        if any(each.id == "slack:2" for each in messages):
            raise PermanentError("cannot be written")
        return store(messages, name, now)

    monkeypatch.setattr(house.raw, "store", picky)
    house.store(*[message(n) for n in range(4)])
    assert house.raw.count("acme") == 3
    assert house.dead() == ["cannot be written"]


def test_stored_messages_that_cannot_be_queued_are_no_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=2)

    def refuse(*_: object) -> None:
        raise PermanentError("refused")

    with monkeypatch.context() as patched:
        patched.setattr(house.buffer, "add_all", refuse)
        with pytest.raises(TransientError, match="not queued: refused"):
            house.store(deal(1), message(2))
    assert house.dead() == []
    house.store(deal(1), message(2))
    house.run()
    assert house.deals() == ["Delta"]


def test_what_is_stored_or_refused_is_under_way_no_more() -> None:
    house = House()
    with house.database.begin() as tx:
        tx.under_way.note([("acme", message(n).id) for n in range(3)], NOW)
    house.store(message(1), name="first")
    house.store(message(1, text="something else"), message(2), name="second")
    with house.database.begin() as tx:
        assert tx.under_way.companies({message(n).id for n in range(3)}, {"acme"}) == {message(0).id: ["acme"]}
