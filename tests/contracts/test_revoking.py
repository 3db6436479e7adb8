"""A revoked share over the real stores: a secret word is looked for in every table, in Redis and on the disk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
import redis
from sqlalchemy import insert, text

from sago.domain.companies import DEFAULT_FIRM, Granularity, Person, Share
from sago.domain.erasures import Erasure
from sago.domain.letters import DueLetter, Letter, LetterState, Receipt
from sago.domain.mails import MailState, Reply, new_mail
from sago.domain.voices import Voice
from sago.domain.watches import Direction
from sago.embedded.servers import Server
from sago.outreach.shared_texts import Coarsening
from sago.pipeline.revoking import Revoking
from sago.sections import RedisSettings
from sago.stores.eml_drafts import EDITS, EmlDrafts, as_mail
from sago.stores.eml_folder import SENT, EmlFolder
from sago.stores.file_mirror import FileMirror
from sago.stores.memory.clock import ManualClock
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.tables import mails, notices, told, verdicts
from sago.stores.redis_answers import RedisAnswers
from sago.stores.redis_buffer import RedisBuffer
from sago.stores.sql_messages import SqlRawStore
from tests.contracts.test_notices import DAY, EMAIL, item, notice
from tests.contracts.test_outreach import letter, watch
from tests.unit.outreach.mailroom import LINKS
from tests.unit.pipeline.house import NOW, House, deal, message

SECRET = "Zanzibar"
FIRM = "northgate"
LATER = NOW + timedelta(minutes=1)
WATCH = watch("revoked", company_id="acme", firm_id=FIRM, direction=Direction.TO_INVESTOR, conditions=())


class RealHouse(House):
    """The house over Postgres, Redis and a folder."""

    def __init__(self, database: PostgresDatabase, urls: tuple[str, str], folder: Path) -> None:
        self.real, self.urls, self.folder = database, urls, folder
        super().__init__(threshold=2)

    def furnish(self) -> None:
        self.database = self.real  # type: ignore[assignment]
        self.raw = SqlRawStore(self.real.connections)  # type: ignore[assignment]
        self.buffer = RedisBuffer(self.urls[0], self.cache)  # type: ignore[assignment]
        self.buffer.clear()
        self.answers = RedisAnswers(self.urls[1], timedelta(hours=1))  # type: ignore[assignment]
        self.mirror = FileMirror(self.folder / "state")  # type: ignore[assignment]
        self.drafts = EmlDrafts(self.folder / "outreach", self.folder / "state" / EDITS)  # type: ignore[assignment]

    @property
    def revoking(self) -> Revoking:
        return Revoking(self.database, self.erasing)

    def close(self) -> None:
        self.buffer.clear()
        self.buffer.close()  # type: ignore[attr-defined]
        self.answers.close()  # type: ignore[attr-defined]


@pytest.fixture
def house(postgres: PostgresDatabase, redis_server: Server, cache_url: str, tmp_path: Path) -> Iterator[RealHouse]:
    buffered = RedisSettings(**redis_server.settings["redis"]).database(2)
    made = RealHouse(postgres, (buffered, cache_url), tmp_path)
    yield made
    made.close()


def places(house: RealHouse) -> set[str]:
    """Where the secret stands: every column of every table as text, every key of Redis, every file."""
    found = set()
    with house.real.connections.begin() as connection:
        tables = list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        for table in tables:
            rows = connection.execute(text(f'SELECT t::text AS row FROM "{table}" t')).scalars()  # noqa: S608
            # bytes show as hex
            if any(SECRET in row or SECRET.encode().hex() in row for row in rows):
                found.add(table)
    for url in house.urls:
        with redis.Redis.from_url(url, decode_responses=True) as client:
            for key in client.scan_iter():
                kind = client.type(key)
                held = {"string": client.get, "hash": client.hgetall, "list": lambda k: client.lrange(k, 0, -1)}
                if SECRET in key or (kind in held and SECRET in str(held[kind](key))):
                    found.add(f"redis:{key}")
    found |= {path.name for path in house.folder.rglob("*") if path.is_file() and SECRET in path.read_text()}
    return found


def shared(house: RealHouse, *firms: str) -> None:
    with house.database.begin() as tx:
        for firm in firms:
            tx.shares.ensure_firm(firm, firm.capitalize())
            tx.shares.put(Share(firm_id=firm, company_id="acme", created_at=NOW))


def told_letter(house: RealHouse, name: str, state: LetterState, firm: str = FIRM) -> Letter:
    receipt = Receipt(claim=SECRET, kind="name", where="body", start=0, end=8, quote=SECRET, sha256="ab" * 32)
    plain = letter(name, name, company_id="acme", firm_id=firm, watch_id=WATCH.id, receipts=(receipt,), state=state)
    with house.database.begin() as tx:
        events = tuple(event.id for event in tx.events.find("acme"))
        draft = plain.draft.model_copy(
            update={"body": f"{SECRET} signed, and {SECRET} it is.", "subject": f"{SECRET} signed"}
        )
        one = plain.model_copy(update={"draft": draft, "event_ids": events})
        assert tx.outreach.add_letter(one)
    house.drafts.put(one)
    return one


def handed_over(house: RealHouse, one: Letter) -> None:
    """As a file, and once more by a process that was killed on the way."""
    person = Person(name="Dana", email="dana@northgate.example")
    mail = new_mail("letter", one.id, person, firm_id=FIRM, company_id="acme", now=NOW)
    folder = house.folder / "outreach" / SENT
    posted = EmlFolder(folder).post(LINKS.dress(as_mail(one), mail, NOW), person.email or "", lambda: True)
    assert posted.reply is Reply.ACCEPTED
    (written,) = folder.iterdir()
    written.with_suffix(".77.partial").write_bytes(written.read_bytes())


def derive(house: RealHouse) -> dict[str, Letter]:
    """All that is made of a company's evidence for a firm, and all that quotes it on the way."""
    house.store(deal(1, SECRET), deal(2, SECRET, sender="ben"), message(3, text=f"of {SECRET}"), name="b1")
    house.run()
    house.store(deal(4, SECRET), name="b2")
    house.answers.put("acme", "d1", {"findings": [{"quote": SECRET}]})
    voice = Voice(sender="mira@acme.example", sign_off=f"Best from {SECRET},", samples=3)
    with house.database.begin() as tx:
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.outreach.add_watch(WATCH.model_copy(update={"voice": voice}))
        event = tx.events.find("acme")[0]
        due = DueLetter(WATCH.id, NOW)
        tx.compositions.add([due], NOW)
        tx.compositions.postpone(due, NOW, f"figure of {SECRET}", is_counted=True)
    letters = {
        state.value: told_letter(house, f"mine-{state}", state)
        for state in (LetterState.DRAFT, LetterState.QUEUED, LetterState.SENT)
    }
    letters["leaving"] = told_letter(house, "leaving", LetterState.QUEUED)
    handed_over(house, letters["sent"])
    edit = house.folder / "state" / EDITS / f"{letters['draft'].id}-1.txt"
    edit.parent.mkdir(parents=True, exist_ok=True)
    edit.write_text(f"Subject: {SECRET}")
    with house.real.connections.begin() as connection:
        judged = {"watch_id": WATCH.id, "day": NOW.date(), "company_id": "acme", "firm_id": FIRM, "outcome": "now"}
        detail = {"because": SECRET, "event": str(event.id)}
        connection.execute(insert(verdicts).values(**judged, score=1.0, detail=detail, judged_at=NOW))
        items = [{"watch_id": str(WATCH.id), "because": SECRET}]
        other = [{"watch_id": str(UUID(int=77)), "because": "of another company"}]
        for number, content in enumerate([items, {"items": [*items, *other], "held_over": []}], start=1):
            notice = {"id": UUID(int=number), "firm_id": FIRM, "email": "dana@northgate.example", "items": content}
            person = {"name": "Dana", "email": "dana@northgate.example"}
            day = date(2026, 3, number)
            connection.execute(insert(notices).values(**notice, recipient=person, day=day, created_at=NOW))
            what = {"email": "dana@northgate.example", "watch_id": WATCH.id, "what": f"event:{number}"}
            connection.execute(insert(told).values(**what, notice_id=UUID(int=number)))
        for kind, ref, state in (
            ("letter", letters["queued"].id, MailState.CLAIMED),
            ("letter", letters["sent"].id, MailState.SENT),
            ("letter", letters["leaving"].id, MailState.SENDING),
            ("notice", UUID(int=1), MailState.QUEUED),
            ("notice", UUID(int=2), MailState.QUEUED),
        ):
            person = Person(name="Dana", email="dana@northgate.example")
            mail = new_mail(kind, ref, person, firm_id=FIRM, company_id="acme", now=NOW)  # type: ignore[arg-type]
            row = mail.model_dump() | {"recipient": person.model_dump(), "state": state.value, "token": 3}
            row["error"] = f"451 4.7.1 {SECRET} is too long" if kind == "letter" else None
            connection.execute(insert(mails).values(**row))
    return letters


def revoke(house: RealHouse, firm: str) -> None:
    house.revoking.revoke(firm, "acme", "cli:test", "raised elsewhere", LATER, lambda _: None)
    house.recovery.requeue("acme", LATER)
    house.run()


def left(house: RealHouse, firm: str) -> dict[str, int]:
    return house.revoking.left(firm, "acme", LATER).counts


def test_nothing_that_was_derived_for_the_firm_is_left_and_the_evidence_stays_for_others(house: RealHouse) -> None:
    letters = derive(house)
    shared(house, FIRM)
    mine = told_letter(house, "theirs", LetterState.DRAFT, firm=DEFAULT_FIRM)
    before = left(house, FIRM)
    assert before == {
        "share": 1, "letters": 4, "verdicts": 1, "notices": 2, "told": 2, "compositions": 1, "watches": 1, "mails": 3,
        "files": 7,
    }  # fmt: skip
    revoke(house, FIRM)
    assert left(house, FIRM) == {}
    assert {"sql_messages", "observations", "significant_events", "outreach"} <= places(house)
    assert not {"verdicts", "notices", "compositions", "watches", "audit_log", "mails"} & places(house)
    with house.database.begin() as tx:
        assert tx.outreach.letter(mine.id) == mine
        states = {name: found.state for name, each in letters.items() if (found := tx.outreach.letter(each.id))}
    assert states == {
        "draft": LetterState.SUPERSEDED, "queued": LetterState.SUPERSEDED, "sent": LetterState.SENT,
        "leaving": LetterState.QUEUED,
    }  # fmt: skip
    with house.real.connections.begin() as connection:
        rows = connection.execute(text("SELECT kind, state, token FROM mails ORDER BY kind, state")).all()
        content = connection.scalar(text("SELECT items FROM notices WHERE day = '2026-03-02'"))
    assert [tuple(row) for row in rows] == [
        ("letter", "cancelled", 4), ("letter", "sending", 3), ("letter", "sent", 3),
        ("notice", "cancelled", 4), ("notice", "queued", 3),
    ]  # fmt: skip
    assert [each["because"] for each in content["items"]] == ["of another company"]


def test_with_the_last_share_nothing_but_hashes_is_left_anywhere(house: RealHouse) -> None:
    letters = derive(house)
    shared(house, FIRM)
    told_letter(house, "theirs", LetterState.SENT, firm=DEFAULT_FIRM)
    found = places(house)
    assert {"sql_messages", "observations", "significant_events", "batch_chunks", "outreach"} <= found
    assert any(place.startswith("redis:messages") for place in found)
    assert any(place.startswith("redis:answers") for place in found)
    revoke(house, FIRM)
    revoke(house, DEFAULT_FIRM)
    assert places(house) == set()
    assert (left(house, FIRM), left(house, DEFAULT_FIRM)) == ({}, {})
    with house.real.connections.begin() as connection:
        query = text("SELECT detail FROM audit_log WHERE action = 'letter.erased' AND subject = :letter")
        (detail,) = connection.scalars(query, {"letter": str(letters["sent"].id)})
        kept = connection.scalar(text("SELECT receipts FROM outreach WHERE id = :id"), {"id": letters["sent"].id})
    assert len(detail["sha256"]) == 64
    assert [each["sha256"] for each in kept] == ["ab" * 32]
    assert SECRET not in json.dumps(kept)


def test_what_one_sender_said_goes_from_texts_that_were_made_ahead(house: RealHouse) -> None:
    also = message(2, sender="ben", text=f"[[event enterprise_deal subject=Delta note={SECRET}]]")
    house.store(deal(1, "Delta"), also, message(3), name="b1")
    house.run()
    with house.database.begin() as tx:
        (event,) = tx.events.find("acme")
        assert SECRET in event.evidence[1].quote
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.shares.put(Share(firm_id=FIRM, company_id="acme", granularity=Granularity.BANDS, created_at=NOW))
    made = Coarsening(house.database, ManualClock(NOW)).make()
    assert made == 1
    assert "shared_texts" in places(house)
    gone = Erasure(
        id=UUID(int=1), company_id="acme", sender="ben", because="asked", requested_by="cli", requested_at=NOW
    )
    house.erasing.erase(gone, LATER)
    with house.database.begin() as tx:
        assert [each.id for each in tx.events.find("acme")] == [event.id]
    assert "shared_texts" not in places(house)


def test_what_only_an_ended_share_covered_goes_from_texts_that_were_made_ahead(house: RealHouse) -> None:
    said = deal(1, "Delta"), message(2, text=f"[[event enterprise_deal subject=Delta note={SECRET}]]")
    house.store(said[0].model_copy(update={"id": "gmail:1", "source": "gmail"}), name="b1")
    house.store(said[1], name="b2")
    while house.run():
        house.batching.flush(timedelta(0), NOW)
    given = {FIRM: {"granularity": Granularity.BANDS}, "alder": {"sources": ("gmail",)}, DEFAULT_FIRM: {"until": NOW}}
    with house.database.begin() as tx:
        for firm, fields in given.items():
            tx.shares.ensure_firm(firm, firm.capitalize())
            tx.shares.put(Share.model_validate({"firm_id": firm, "company_id": "acme", "created_at": NOW} | fields))
    assert Coarsening(house.database, ManualClock(NOW)).make() == 2
    assert "shared_texts" in places(house)
    house.revoking.begin(FIRM, "acme", "cli:test", "raised elsewhere", LATER)
    assert "shared_texts" not in left(house, FIRM)
    with house.real.connections.begin() as connection:
        connection.execute(text("UPDATE shared_texts SET made_of = made_of - interval '1 day'"))
    assert left(house, FIRM)["shared_texts"] == 2
    revoke(house, FIRM)
    assert left(house, FIRM) == {}
    assert "shared_texts" not in places(house)


def test_a_second_run_changes_nothing_and_later_words_are_not_stored(house: RealHouse) -> None:
    derive(house)
    revoke(house, DEFAULT_FIRM)
    assert house.revoking.revoke(DEFAULT_FIRM, "acme", "cli", "again", LATER, lambda _: None).letters == 0
    house.store(deal(8, SECRET), deal(9, SECRET), name="b8")
    house.run()
    assert places(house) == set()
    assert house.raw.count("acme") == 6


@pytest.mark.parametrize("claims", [True, False])
def test_revoking_and_sending_a_notice_never_wait_for_each_other(postgres: PostgresDatabase, claims: bool) -> None:
    """Whoever claims a mail, or records its end, holds the mail first and then its notice."""
    told_now = notice(item("now").model_copy(update={"watch_id": WATCH.id}), day=DAY, email=EMAIL)
    mail = new_mail("notice", told_now.id, told_now.recipient, firm_id=FIRM, company_id=None, now=NOW)
    with postgres.begin() as tx:
        tx.companies.ensure("acme", NOW)
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.outreach.add_watch(WATCH)
        assert tx.notices.add(told_now)
        assert tx.mails.add(mail)
    is_held = Event()

    def send() -> None:
        with postgres.begin() as tx:
            if claims:
                tx.mails.lock()
            assert tx.mails.get(mail.id)
            is_held.set()
            time.sleep(0.5)
            tx.notices.lock(EMAIL)
            tx.notices.replace(told_now)

    def take() -> int:
        is_held.wait(10)
        with postgres.begin() as tx:
            tx.events.lock("acme")
            return tx.erasures.take_derived(FIRM, "acme").notices

    with ThreadPoolExecutor(2) as pool:
        sending, taking = pool.submit(send), pool.submit(take)
        sending.result(20)
        assert taking.result(20) == 1


def test_looking_for_what_is_left_waits_for_nobody(postgres: PostgresDatabase) -> None:
    told_now = notice(item("now").model_copy(update={"watch_id": WATCH.id}), day=DAY, email=EMAIL)
    with postgres.begin() as tx:
        tx.companies.ensure("acme", NOW)
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.outreach.add_watch(WATCH)
        assert tx.notices.add(told_now)

    def look() -> dict[str, int]:
        with postgres.begin() as tx:
            return tx.erasures.left_of_firm(FIRM, "acme")

    with ThreadPoolExecutor(1) as pool, postgres.begin() as tx:
        tx.notices.replace(told_now)
        assert pool.submit(look).result(10) == {"notices": 1, "told": 1}
