"""A person asks to be erased, and nothing of theirs is found again, whatever was under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sago.domain.batches import BatchState
from sago.domain.companies import Person
from sago.domain.erasures import NO_WORDS, SETTLES_AFTER, Erased, Erasure
from sago.domain.letters import Letter, LetterState, Receipt
from sago.domain.mails import MailState, new_mail
from sago.domain.messages import MessageRef
from sago.errors import TransientError
from tests.contracts.test_outreach import letter
from tests.unit.pipeline.house import NOW, House, deal, message

SECRET = "Zanzibar"


def asked(**whom: Any) -> Erasure:
    who = whom or {"sender": "ANA"}
    return Erasure(id=uuid4(), company_id="acme", because="asked", requested_by="cli", requested_at=NOW, **who)


def erase(house: House, erasure: Erasure) -> Erased:
    """As the command does."""
    done = house.erasing.erase(erasure, NOW)
    house.recovery.requeue("acme", NOW)
    house.run()
    return done


def flush(house: House) -> None:
    house.batching.flush(timedelta(0), NOW)
    house.run()


def everything(house: House) -> str:
    """All that the stores hold, Kafka left out."""
    buffer = [each for company in house.buffer._companies.values() for each in (company.queue, company.claims)]
    return repr((house.database.state, house.raw.rows, buffer, house.drafts.letters, house.answers._kept))


def test_an_answer_that_was_under_way_is_forgotten_once_nothing_can_be() -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), name="b1")
    erase(house, asked())
    house.answers.put("acme", "d1", {"findings": [{"quote": SECRET}]})
    assert house.erasing.mend(NOW + SETTLES_AFTER) == 1
    assert house.answers.get("acme", "d1") is None


def test_a_persons_words_are_gone_from_every_store_and_counts_stay() -> None:
    house = House(threshold=3)
    house.store(deal(1, SECRET), deal(2, "Delta", sender="ben"), message(3, text=f"of {SECRET}"), name="b1")
    house.run()
    house.store(deal(4, SECRET), name="b2")  # waits in the buffer
    house.answers.put("acme", "d1", {"findings": [{"quote": SECRET}]})
    assert house.deals() == ["Delta", SECRET]
    done = erase(house, asked())
    assert done[:4] == (3, 1, 0, 1)
    assert SECRET not in everything(house)
    assert house.deals() == ["Delta"]
    assert (house.raw.count("acme"), house.buffer.counts()) == (4, {"acme": 1})
    flush(house)
    assert {batch.state for batch in house.database.state.batches.values()} == {BatchState.MERGED}
    assert len(house.database.state.members) == 4
    assert SECRET not in everything(house)


def test_what_comes_later_is_stored_without_words_and_counted_once() -> None:
    house = House(threshold=1)
    erase(house, asked())
    house.store(deal(1, SECRET, sender="Ana"), deal(2, "Delta", sender="ben"), name="b1")
    house.store(deal(1, SECRET, sender="Ana"), name="b2")
    house.store(deal(1, f"{SECRET}Other", sender="Ana"), name="b3")
    house.run()
    assert house.deals() == ["Delta"]
    assert SECRET not in everything(house)
    assert house.raw.count("acme") == 2
    assert house.dead() == []
    assert len(house.database.state.members) == 2


def test_a_message_of_another_company_or_sender_stays() -> None:
    house = House(threshold=1)
    erase(house, asked())
    house.store(deal(1, SECRET, company="other"), deal(2, "Delta", sender="Ana Berg"), name="b1")
    house.run()
    assert (house.deals("other"), house.deals()) == ([SECRET], ["Delta"])


def test_one_message_goes_in_all_its_versions_and_those_that_come() -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), deal(2, "Delta"), name="b1")
    house.run()
    erase(house, asked(message_id="slack:1"))
    house.store(deal(1, f"{SECRET}Two", version=7), name="b2")
    house.run()
    assert house.deals() == ["Delta"]
    assert SECRET not in everything(house)


def test_an_event_that_others_tell_too_is_told_by_them_alone() -> None:
    house = House(threshold=1)
    house.store(deal(1, "Delta", sender="ana"), deal(2, "Delta", sender="ben"), name="b1")
    house.run()
    erase(house, asked())
    with house.database.begin() as tx:
        (event,) = tx.events.find("acme", active=False)
    assert [proof.message_id for proof in event.evidence] == ["slack:2"]


def test_a_text_that_was_under_way_is_taken_once_it_has_settled() -> None:
    """A store task had looked for erasures before there was one, and stored after all rows had been emptied."""
    house = House(threshold=1)
    erasure = asked()
    erase(house, erasure)
    house.raw.store([deal(1, SECRET)], "b1", NOW)
    house.recovery.recover(NOW)
    house.run()
    assert house.deals() == [SECRET]
    later = NOW + SETTLES_AFTER
    house.recovery.recover(later)
    house.run(later)
    assert house.deals() == []
    assert SECRET not in everything(house)
    with house.database.begin() as tx:
        assert all(each.is_settled for each in tx.erasures.of())


def test_a_chunk_that_was_being_read_leaves_nothing() -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), name="b1")
    ((_, (company, batch_id)),) = house.dispatcher.take()
    house.batching.open(company, batch_id, NOW)
    house.dispatcher.take()
    house.extracting.chunk(batch_id, 0, NOW)
    erase(house, asked())
    house.extracting.merge(batch_id, NOW)
    assert house.deals() == []
    assert SECRET not in everything(house)


@pytest.mark.parametrize("has_mirror", [True, False])
def test_an_erasure_that_a_restored_backup_lacks_is_written_back_and_applied(has_mirror: bool) -> None:
    house = House(threshold=1)
    house.generations.advance(NOW)
    house.store(deal(1, SECRET), name="b1")
    house.run()
    saved = house.database.state.copy()
    erase(house, asked())
    house.generations.advance(NOW)
    house.database.state = saved
    if not has_mirror:
        house.mirror._erasures.clear()
    house.dispatcher.recover()
    house.run()
    if has_mirror:
        assert SECRET not in everything(house)
        assert house.deals() == []
        house.store(deal(2, SECRET), name="b2")
        house.run()
        assert SECRET not in everything(house)
    else:
        assert house.deals() == [SECRET]


def test_an_erasure_that_the_mirror_lacks_is_given_to_it() -> None:
    house = House()
    with house.database.begin() as tx:
        tx.erasures.add(asked())
    house.recovery.recover(NOW)
    assert [each.sender for each in house.mirror.erasures()] == ["ANA"]


def cites(house: House, name: str, window: str, state: LetterState) -> Letter:
    with house.database.begin() as tx:
        events = tuple(event.id for event in tx.events.find("acme"))
        proof = tx.events.find("acme")[0].evidence[0]
        receipt = Receipt(
            claim="Contoso", kind="name", where="body", start=0, end=7, event_id=events[0], message_id=proof.message_id,
            quote=proof.quote, sha256="8f4e",
        )  # fmt: skip
        one = letter(name, window, company_id="acme", event_ids=events, state=state, receipts=(receipt,))
        assert tx.outreach.add_letter(one)
    house.drafts.put(one)
    return one


def test_letters_that_cite_the_person_lose_their_text_unless_a_person_let_them_go() -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), name="b1")
    house.run()
    draft = cites(house, "draft", "2026-01", LetterState.DRAFT)
    rejected = cites(house, "rejected", "2026-02", LetterState.REJECTED)
    approved = cites(house, "approved", "2026-03", LetterState.APPROVED)
    queued = cites(house, "queued", "2026-05", LetterState.QUEUED)
    with house.database.begin() as tx:
        tx.outreach.add_letter(letter("free", "2026-04", company_id="acme"))
    done = erase(house, asked())
    assert (done.letters, done.kept_letters) == (4, ())
    with house.database.begin() as tx:
        after = {each.id: each for each in tx.outreach.letters(live=False)}
    assert (after[draft.id].state, after[draft.id].draft) == (LetterState.SUPERSEDED, NO_WORDS)
    assert (after[rejected.id].state, after[rejected.id].draft) == (LetterState.REJECTED, NO_WORDS)
    for one in (approved, queued):
        assert (after[one.id].state, after[one.id].draft) == (LetterState.SUPERSEDED, NO_WORDS)
    assert after[draft.id].receipts == (draft.receipts[0].without_words(),)
    assert house.drafts.letters == {}
    assert erase(house, asked()).letters == 0


@pytest.mark.parametrize("held", [MailState.QUEUED, MailState.CLAIMED, MailState.SENDING])
def test_a_mail_that_has_not_begun_to_leave_is_cancelled_under_a_newer_token(held: MailState) -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), name="b1")
    house.run()
    queued, sent = (cites(house, name, name, LetterState(name)) for name in ("queued", "sent"))
    person = Person(name="Dana", email="dana@northgate.example")
    mail = new_mail("letter", queued.id, person, firm_id="default", company_id="acme", now=NOW)
    with house.database.begin() as tx:
        assert tx.mails.add(mail.model_copy(update={"state": held, "token": 3, "error": SECRET}))
    done = erase(house, asked())
    with house.database.begin() as tx:
        after, left, kept = tx.mails.get(mail.id), tx.outreach.letter(queued.id), tx.outreach.letter(sent.id)
    assert after
    assert left
    assert kept
    assert SECRET not in str(after.error)
    assert (kept.state, kept.draft) == (LetterState.SENT, sent.draft)
    bare = kept.receipts[0]
    assert (bare.claim, bare.quote, bare.sha256) == ("Contoso", "", "8f4e")
    if held is MailState.SENDING:
        assert (after.state, after.token, left.state, left.draft) == (held, 3, LetterState.QUEUED, queued.draft)
        assert set(done.kept_letters) == {queued.id, sent.id}
    else:
        assert (after.state, after.token) == (MailState.CANCELLED, 4)
        assert (left.state, left.draft) == (LetterState.SUPERSEDED, NO_WORDS)


def test_a_file_that_a_killed_run_left_behind_is_taken_away_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=1)
    house.store(deal(1, SECRET), name="b1")
    house.run()
    cites(house, "draft", "2026-01", LetterState.DRAFT)
    filled = cites(house, "before", "2026-02", LetterState.DRAFT)

    def die(_: Letter) -> str:
        raise OSError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(house.drafts, "forget", die)
        with pytest.raises(OSError, match="killed"):
            house.erasing.erase(asked(), NOW)
    successor = filled.model_copy(update={"id": uuid4(), "event_ids": ()})
    with house.database.begin() as tx:
        assert tx.outreach.add_letter(successor)
    house.drafts.put(successor)
    house.erasing.mend(NOW)
    assert list(house.drafts.letters.values()) == [successor]


def test_an_erasure_that_fails_stops_neither_the_others_nor_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(threshold=9)
    house.store(deal(1, SECRET, sender="ben"), message(2, sender="eve"))
    with house.database.begin() as tx:
        tx.erasures.add(asked(sender="eve"))
        tx.erasures.add(asked(sender="ben"))
    find = house.raw.find

    def refuse(erasure: Erasure) -> list[MessageRef]:
        if erasure.sender == "eve":
            raise TransientError("away")
        return find(erasure)

    monkeypatch.setattr(house.raw, "find", refuse)
    house.recovery.recover(NOW)
    assert SECRET not in everything(house)
    assert house.buffer.counts() == {"acme": 2}
    monkeypatch.undo()
    assert house.erasing.mend(NOW) == 1
