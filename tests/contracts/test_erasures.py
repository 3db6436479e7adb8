"""One suite for the ErasureStore and GenerationStore ports, run on memory and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from sago.domain.batches import Batch, BatchPlan, BatchState, ChunkResult, DeadLetter
from sago.domain.companies import Person
from sago.domain.connections import Connection, connection_id_of
from sago.domain.erasures import Erasure
from sago.domain.events import EventType, Extraction, Observation, Severity, Status
from sago.domain.generations import Generation
from sago.domain.letters import DueLetter, LetterDraft, Receipt
from sago.domain.mails import new_mail
from sago.domain.messages import MessageKey, MessageRef
from sago.errors import InvalidMessageError
from sago.pipeline.extraction import refold
from sago.pipeline.item_letters import letter_of
from sago.ports import Database, Item, Transaction
from tests.contracts.test_outreach import EVENT, letter, watch

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = "scale-flow"


def erasure(**whom: Any) -> Erasure:
    fields: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, str(whom)),
        "company_id": COMPANY,
        "because": "asked",
        "requested_by": "cli:ana",
        "requested_at": NOW,
    }
    return Erasure(**(fields | whom))


def said(number: int, sender: str, subject: str = "Delta", company: str = COMPANY) -> Observation:
    return Observation(
        company_id=company,
        message_id=f"slack:{number}",
        source="slack",
        sender=sender,
        start=0,
        end=5,
        quote=f"{subject} signed {number}",
        event_type=EventType.ENTERPRISE_DEAL,
        status=Status.ACTUAL,
        severity=Severity.HIGH,
        title=f"Enterprise deal: {subject} {number}",
        subject=subject,
        extractor="marker",
        extractor_version="1",
        said_at=NOW + timedelta(minutes=number),
        recorded_at=NOW,
    )


def tell(database: Database, *observations: Observation) -> None:
    """Observations as a merge leaves them."""
    with database.begin() as tx:
        readings = [
            Extraction(
                **each.model_dump(include={"company_id", "message_id", "version", "extractor", "extractor_version"}),
                finished_at=NOW,
            )
            for each in observations
        ]
        tx.events.append(observations, readings)
        for company in {each.company_id for each in observations}:
            refold(tx, company, NOW)


def take(database: Database, gone: Erasure, ids: set[str]) -> tuple[int, int, tuple[UUID, ...]]:
    with database.begin() as tx:
        tx.events.lock(gone.company_id)
        taken = tx.erasures.take_words(gone, ids)
        refold(tx, gone.company_id, NOW)
        tx.erasures.take_events(gone.company_id, taken.event_ids)
    return taken


def test_an_erasure_is_kept_once_and_knows_when_it_was_applied(database: Database) -> None:
    mine, other = erasure(sender="Ana"), erasure(message_id="gmail:1", company_id="other")
    with database.begin() as tx:
        assert [tx.erasures.add(each) for each in (mine, other, mine)] == [True, True, False]
        tx.erasures.mark_applied(mine.id, NOW)
    with database.begin() as tx:
        assert tx.erasures.of({COMPANY}) == [mine.model_copy(update={"applied_at": NOW})]
        assert {each.id for each in tx.erasures.of()} == {mine.id, other.id}
        assert tx.erasures.of(()) == []


@pytest.mark.parametrize("sender", ["Åsa <ÅSA@x.example>", "åsa <åsa@x.example>"])
def test_the_words_of_a_sender_go_and_those_of_others_stay(database: Database, sender: str) -> None:
    tell(
        database,
        said(1, "Åsa <Åsa@x.example>", "Delta"),
        said(2, "ben", "Delta"),
        said(3, "Åsa <Åsa@x.example>", "Gamma"),
        said(4, "Åsa <Åsa@x.example>", "Gamma", company="other"),
    )
    with database.begin() as tx:
        before = {event.title: event.id for event in tx.events.find(COMPANY)}
    taken = take(database, erasure(sender=sender), set())
    assert (taken[0], set(taken[2])) == (2, set(before.values()))
    with database.begin() as tx:
        assert [each.message_id for each in tx.events.current(COMPANY)] == ["slack:2"]
        assert [event.title for event in tx.events.find(COMPANY, active=False)] == ["Enterprise deal: Delta 2"]
        assert len(tx.events.find("other")) == 1


def test_an_erased_message_takes_its_events_and_no_others_of_the_sender(database: Database) -> None:
    tell(database, said(1, "ana", "Delta"), said(2, "ana", "Gamma"))
    take(database, erasure(message_id="slack:1"), {"slack:1"})
    with database.begin() as tx:
        assert [event.title for event in tx.events.find(COMPANY, active=False)] == ["Enterprise deal: Gamma 2"]


def test_a_company_goes_whole_also_what_no_row_is_known_of(database: Database) -> None:
    tell(database, said(1, "ana", "Delta"), said(2, "ben", "Gamma"), said(3, "ana", "Delta", company="other"))
    taken = take(database, erasure(), set())
    assert (taken[0], len(taken[2])) == (2, 2)
    with database.begin() as tx:
        assert tx.events.find(COMPANY, active=False) == []
        assert len(tx.events.find("other")) == 1
        assert tx.erasures.add(erasure())
        assert tx.erasures.of({COMPANY})[0].is_whole


def test_what_a_chunk_found_goes_before_it_is_merged(database: Database) -> None:
    refs = [MessageRef(COMPANY, NOW, f"slack:{number}", 0) for number in (1, 2)]
    batch = Batch(id="b", company_id=COMPANY, state=BatchState.CLAIMED, claimed_at=NOW)
    found = (said(1, "ana"), said(2, "ben"))
    read = tuple(MessageKey(ref.message_id, ref.version) for ref in refs)
    with database.begin() as tx:
        tx.batches.open(batch, [(ref, "slack") for ref in refs])
        tx.batches.plan(BatchPlan("b", [refs]))
        result = ChunkResult(extractor="marker", extractor_version="1", read=read, observations=found)
        tx.batches.finish_chunk("b", 0, result)
    take(database, erasure(sender="ANA"), set())
    with database.begin() as tx:
        (left,) = tx.batches.results("b")
    assert (left.observations, left.read) == ((found[1],), read)


def reasons(database: Database, batch_id: str) -> set[str | None]:
    with database.begin() as tx:
        batch, (chunk,) = tx.batches.get(batch_id), tx.batches.chunks(batch_id)
        mails = [mail.error for mail in tx.mails.find()]
        return {batch and batch.error, chunk.error, *mails, *(row.error for row in tx.compositions.find())}


def test_reasons_that_may_quote_somebody_go_with_their_words(database: Database) -> None:
    ref = MessageRef(COMPANY, NOW, "slack:1", 0)
    due = DueLetter(watch().id, NOW)
    with database.begin() as tx:
        tx.outreach.add_watch(watch())
        person = Person(name="Dana", email="dana@northgate.example")
        mail = new_mail("letter", due.watch_id, person, firm_id="default", company_id=COMPANY, now=NOW)
        tx.mails.add(mail.model_copy(update={"error": "secret"}))
        tx.compositions.add([due], NOW)
        tx.compositions.postpone(due, NOW, "secret", is_counted=True)
        tx.batches.open(Batch(id="b", company_id=COMPANY, state=BatchState.CLAIMED, claimed_at=NOW), [(ref, "slack")])
        tx.batches.plan(BatchPlan("b", [[ref]]))
        tx.batches.fail_chunk("b", 0, "secret", "UngroundedError")
        tx.batches.set_state("b", BatchState.FAILED, at=NOW, error="secret")
    take(database, erasure(company_id="other", sender="ana"), set())
    assert reasons(database, "b") == {"secret"}
    take(database, erasure(sender="ana"), set())
    assert reasons(database, "b") == {"(erased)"}
    with database.begin() as tx:
        assert [chunk.error_type for chunk in tx.batches.chunks("b")] == ["UngroundedError"]


def test_dead_letters_lose_their_bytes_and_keep_their_reason(database: Database) -> None:
    def dead(origin: str, value: bytes, **other: Any) -> DeadLetter:
        fields: dict[str, Any] = {"company_id": COMPANY, "error": "why", "error_type": "X", "failed_at": NOW}
        return DeadLetter(origin=origin, topic="slack-messages", value=value, **(fields | other))

    letters = [
        dead("1", b'{"sender": "Ana", "text": "secret"}'),
        dead("2", b'{"sender": "ben", "text": "kept"}'),
        dead("3", b"{half of a secret", message_id="slack:3"),
        dead("4", b"no json, nobody's"),
        dead("5", b'{"sender": "Ana", "text": "of another company"}', company_id="other"),
    ]
    with database.begin() as tx:
        tx.ledger.add_dead_letters(letters)
    assert take(database, erasure(sender="ana"), {"slack:3"})[1] == 2
    with database.begin() as tx:
        left = {each.origin: each.value for each in tx.ledger.dead_letters()}
    assert left == {each.origin: b"" if each.origin in "13" else each.value for each in letters}


def of_item(company_id: str | None, account: str, number: int, sender: str, *addresses: str) -> DeadLetter:
    connection = Connection(
        id=connection_id_of("gmail", account), source="gmail", account=account, name=account, created_at=NOW
    )
    return letter_of(
        connection,
        Item({"id": number, "text": "secret"}, "INBOX", addresses, sender),
        InvalidMessageError("over 2 MB", message_id=f"gmail:{number}"),
        topic="gmail-messages",
        company_id=company_id,
        message=None,
        now=NOW,
    )


ITEMS = [
    of_item(COMPANY, "a", 1, "", "Ana@x.example", "ben@x.example"),
    of_item(COMPANY, "a", 2, "", "ben@x.example", "ana@x.example"),
    of_item(None, "a", 3, "ana@x.example"),
    of_item(None, "b", 4, "ana@x.example"),
    of_item("other", "a", 5, "ana@x.example"),
]


def counted(tx: Transaction, *sources: str) -> int:
    """Dead letters with words, those that are nobody's but of account a too."""
    found = tx.erasures.left_of_company(COMPANY, sources or None, ["item:gmail/a/"])
    return found.get("dead_letters", 0)


@pytest.mark.parametrize(
    ("whom", "gone"), [({"sender": "ana@x.example"}, "13"), ({"message_id": "gmail:"}, "123"), ({}, "123")]
)
def test_what_a_vendor_sent_and_nobody_could_read_goes_with_its_sender(
    database: Database, whom: dict[str, str], gone: str
) -> None:
    with database.begin() as tx:
        tx.ledger.add_dead_letters(ITEMS)
        assert (counted(tx, "gmail"), counted(tx, "slack"), counted(tx)) == (3, 0, 3)
        assert tx.erasures.take_words(erasure(**whom), set(), ["item:gmail/a/"]).dead_letters == len(gone)
        assert counted(tx) == 3 - len(gone)
        emptied = {each.message_id for each in tx.ledger.dead_letters() if not each.value}
    assert emptied == {f"gmail:{number}" for number in gone}


def test_a_letter_loses_its_text_and_nothing_else(database: Database) -> None:
    draft = LetterDraft(subject="(erased)", body="What this said is gone, as was asked.")
    with database.begin() as tx:
        tx.outreach.add_letter(letter("a"))
        tx.erasures.take_letter(letter("a").model_copy(update={"draft": draft}))
    with database.begin() as tx:
        assert tx.outreach.letters() == [letter("a").model_copy(update={"draft": draft})]


def test_receipts_outlive_their_quotes_as_hashes(database: Database) -> None:
    receipt = Receipt(
        claim="$2.1M", kind="figure", where="body", start=3, end=8, event_id=EVENT, message_id="slack:1",
        quote="We just passed $2.1M ARR!", sha256="8f4e", transformation="$2,104,000 → $2.1M",
    )  # fmt: skip
    written = letter("a", receipts=(receipt,))
    with database.begin() as tx:
        tx.outreach.add_letter(written)
    with database.begin() as tx:
        assert tx.outreach.letters() == [written]
        tx.erasures.take_letter(written.model_copy(update={"receipts": (receipt.without_words(),)}))
    with database.begin() as tx:
        (left,) = tx.outreach.letters()[0].receipts
    assert (left.claim, left.quote, left.transformation) == ("", "", "")
    assert (left.sha256, left.event_id, left.where, left.start) == ("8f4e", EVENT, "body", 3)


def test_the_generation_advances_by_one_and_is_accepted_only_upwards(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    with database.begin() as tx:
        assert tx.generation.get() == Generation(0, None, held=False)
        assert [tx.generation.advance(NOW) for _ in range(3)] == [1, 2, 3]
        assert tx.generation.get() == Generation(3, NOW, held=False)
    with database.begin() as tx:
        tx.generation.accept(2, later, held=True)
        assert tx.generation.get() == Generation(3, NOW, held=True)
        tx.generation.accept(9, later, held=True)
        assert tx.generation.get() == Generation(9, later, held=True)
        assert tx.generation.advance(later) == 10
        assert tx.generation.get().held
        tx.generation.release()
        assert tx.generation.get() == Generation(10, later, held=False)


def test_a_database_made_anew_accepts_a_generation(database: Database) -> None:
    with database.begin() as tx:
        tx.generation.accept(7, NOW, held=False)
        assert tx.generation.get() == Generation(7, NOW, held=False)
