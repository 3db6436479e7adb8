"""Shares given and ended by their use cases, over both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sago.domain.companies import DEFAULT_FIRM, Granularity, Share
from sago.domain.erasures import NO_WORDS
from sago.domain.events import Fold
from sago.domain.letters import Letter, LetterDraft, LetterState, Receipt
from sago.domain.mails import MailState, mail_id, new_mail
from sago.domain.pages import AuditAsked, LettersAsked
from sago.errors import NotThereError, UsageError
from sago.outreach.giving import Giving, Wish
from sago.outreach.permission import objections
from sago.pipeline.ending import Ending
from sago.pipeline.revoking import Revoked, Revoking
from sago.ports import SHARE_ERASED, Database, Tenants, Transaction
from sago.stores.memory.clock import ManualClock
from tests.contracts.test_outreach import letter, watch
from tests.unit.outreach.stories import ARR, CFO, EXPORT, INVESTOR, point
from tests.unit.pipeline.house import NOW, House, deal

WISH = Wish(("slack",), Granularity.BANDS, NOW + timedelta(days=90))
TELLING = LetterDraft(subject="ARR passed two million", body="You said: we just passed $2.1M ARR.")


class Over(House):
    """The house over one of the databases, where a company has told of one deal."""

    def __init__(self, database: Database) -> None:
        self.given = database
        super().__init__(threshold=1)
        self.clock = ManualClock(NOW)
        self.giving = Giving(self.database, self.clock, 60, self.erasing.drafts)
        revoking = Revoking(self.database, self.erasing)
        self.ending = Ending(self.database, self.clock, revoking, self.recovery, self.log)
        self.store(deal(1))
        self.run()

    def end(self, firm_id: str, company_id: str, who: str, why: str) -> Revoked:
        return self.ending.end(self.ending.begin(firm_id, company_id, who, why), who, why)

    def furnish(self) -> None:
        super().furnish()
        self.database = self.given  # type: ignore[assignment]


@pytest.fixture
def house(database: Database) -> Over:
    return Over(database)


def noted(tenants: Tenants, firm: str = "northgate") -> list[str]:
    with tenants.view(firm) as view:
        return [f"{line.action} {line.who}" for line in view.audit(AuditAsked())][::-1]


def test_a_share_is_previewed_given_once_and_listed(house: Over, tenants: Tenants) -> None:
    before = house.giving.preview("acme", "northgate", WISH)
    assert (before.is_given, len(before.seen.events)) == (False, 1)
    assert noted(tenants) == []
    given = house.giving.give("acme", "northgate", "Northgate", WISH, "key:1f0c93ab")
    house.clock.advance(timedelta(days=1))
    assert house.giving.give("acme", "northgate", "Another name", WISH, "key:2") == given
    assert noted(tenants) == ["share.granted key:1f0c93ab"]
    assert [(each.share.firm_id, each.firm) for each in house.giving.of("acme")] == [
        (DEFAULT_FIRM, "This house"),
        ("northgate", "Northgate"),
    ]
    assert house.giving.preview("acme", "northgate", Wish()).is_given is True
    house.clock.advance(timedelta(days=90))
    again = house.giving.give("acme", "northgate", "Northgate", WISH._replace(until=None), "key:3").share
    assert again.created_at == house.clock.now()


def test_a_preview_of_the_latest_events_does_not_look_at_what_the_firm_watches_for(house: Over) -> None:
    with house.database.begin() as tx:
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.outreach.add_watch(watch("mine", company_id="acme", firm_id="northgate"))
    asked = "acme", "northgate", Wish()
    assert [len(house.giving.preview(*asked, most).verdicts) for most in (None, 1)] == [1, 0]


def test_a_share_ends_once_and_takes_the_evidence_with_the_last_one(house: Over, tenants: Tenants) -> None:
    house.giving.give("acme", "northgate", "Northgate", WISH, "key:1f0c93ab")
    first = house.end("northgate", "acme", "key:1f0c93ab", "closed")
    assert first.evidence is None
    assert house.ending.proof("northgate", "acme").left.counts == {}
    assert noted(tenants)[1:] == ["share.revoked key:1f0c93ab", f"{SHARE_ERASED} key:1f0c93ab"]
    house.clock.advance(timedelta(hours=1))
    assert house.end("northgate", "acme", "key:2", "again") == first
    assert len(noted(tenants)) == 3
    last = house.end(DEFAULT_FIRM, "acme", "key:1f0c93ab", "closed")
    assert last.evidence is not None
    assert (last.evidence.rows, last.evidence.events) == (1, 1)
    assert house.ending.proof(DEFAULT_FIRM, "acme").left.counts == {}
    assert house.deals() == []


def test_a_share_that_is_given_anew_before_its_revocation_has_its_turn_stays_as_given(house: Over) -> None:
    house.giving.give("acme", "northgate", "Northgate", Wish(), "key:1")
    ended = house.ending.begin("northgate", "acme", "key:1", "closed")
    assert not ended.holds_at(house.clock.now())
    house.clock.advance(timedelta(seconds=2))
    given = house.giving.give("acme", "northgate", "Northgate", Wish(), "key:1").share
    mine = letter("mine", company_id="acme", firm_id="northgate")
    with house.database.begin() as tx:
        assert tx.outreach.add_letter(mine)
    with pytest.raises(UsageError, match="given anew meanwhile"):
        house.ending.end(ended, "key:1", "closed")
    with house.database.begin() as tx:
        assert tx.shares.get("northgate", "acme") == given
        assert tx.outreach.letter(mine.id) == mine


def test_what_is_not_known_is_not_there(house: Over) -> None:
    with pytest.raises(NotThereError):
        house.giving.of("nobody")
    with pytest.raises(NotThereError):
        house.giving.preview("nobody", "northgate", Wish())
    with pytest.raises(NotThereError):
        house.giving.give("nobody", "northgate", "Northgate", Wish(), "key:1")
    with pytest.raises(NotThereError):
        house.end("northgate", "acme", "key:1", "never given")
    with pytest.raises(NotThereError):
        house.ending.proof("northgate", "acme")


@pytest.fixture
def outbox(database: Database) -> dict[LetterState, Letter]:
    """Letters of one firm that tell an exact figure, in each state that a letter is in while its mail is one."""
    fresh, at = ARR.model_copy(update={"occurred_at": NOW}), {"now": NOW, "expires_at": NOW + timedelta(days=9)}
    with database.begin() as tx:
        tx.companies.ensure("orchard", NOW)
        tx.events.replace("orchard", Fold([fresh], [point(fresh, "arr", 2.1e6)]), NOW)
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.shares.put(Share(firm_id="northgate", company_id="orchard", created_at=NOW))
        states = (LetterState.DRAFT, LetterState.QUEUED, LetterState.UNKNOWN, LetterState.SENT)
        return {state: _told(tx, state, at) for state in states}


def _told(tx: Transaction, state: LetterState, at: dict[str, Any]) -> Letter:
    """`unknown`: queued, and its mail has begun to leave."""
    to = {"company_id": "orchard", "firm_id": "northgate", "watch_id": watch(state).id}
    begun = state is LetterState.UNKNOWN
    one = letter(state, state, event_ids=(ARR.id,), draft=TELLING, receipts=(), recipient=INVESTOR, **to)
    one = one.model_copy(update={"state": LetterState.QUEUED if begun else state})
    tx.outreach.add_watch(watch(state, company_id="orchard", firm_id="northgate"))
    assert tx.outreach.add_letter(one)
    if one.state is LetterState.QUEUED:
        mail = new_mail("letter", one.id, INVESTOR, firm_id="northgate", company_id="orchard", **at)
        assert tx.mails.add(mail)
        if begun:
            assert tx.mails.replace(mail, mail.claimed(at["expires_at"]).sending(NOW, at["expires_at"]))
    return one


def test_a_narrower_share_holds_back_what_has_not_left_and_keeps_no_words_of_the_rest(
    house: Over, tenants: Tenants, outbox: dict[LetterState, Letter]
) -> None:
    def found(asked: LetterState) -> tuple[LetterState, MailState | None]:
        with house.database.begin() as tx:
            one, mail = tx.outreach.letter(outbox[asked].id), tx.mails.get(mail_id("letter", outbox[asked].id))
        assert one is not None
        assert one.draft == NO_WORDS
        return one.state, mail and mail.state

    for one in outbox.values():
        house.drafts.put(one)
    house.giving.give("orchard", "northgate", "Northgate", Wish(granularity=Granularity.BANDS), "key:1")
    assert found(LetterState.DRAFT) == (LetterState.SUPERSEDED, None)
    assert found(LetterState.QUEUED) == (LetterState.SUPERSEDED, MailState.CANCELLED)
    assert found(LetterState.UNKNOWN) == (LetterState.QUEUED, MailState.SENDING)
    assert found(LetterState.SENT) == (LetterState.SENT, None)
    assert [house.drafts.files(one) for one in outbox.values()] == [[], [], [], []]
    with tenants.view("northgate") as view:
        assert {one.draft.subject for one in view.letters(LettersAsked())} == {NO_WORDS.subject}
    lines = noted(tenants)
    assert lines.count("letter.erased key:1") == 4
    assert lines.count("letter.superseded key:1") == 2
    house.giving.give("orchard", "northgate", "Northgate", Wish(granularity=Granularity.NONE), "key:1")
    assert noted(tenants)[:-1] == lines


def test_a_letter_without_words_never_goes_though_its_mail_had_begun(
    house: Over, outbox: dict[LetterState, Letter]
) -> None:
    house.giving.give("orchard", "northgate", "Northgate", Wish(granularity=Granularity.BANDS), "key:1")
    with house.database.begin() as tx:
        one = tx.outreach.letter(outbox[LetterState.UNKNOWN].id)
        assert one is not None
        assert "erased" in objections(tx, one, NOW, timedelta(days=14))[0]


def test_a_narrower_share_of_one_firm_leaves_the_letters_of_others(house: Over) -> None:
    house.giving.give("acme", "northgate", "Northgate", Wish(), "key:1")
    house.giving.give("acme", "alder", "Alder", Wish(), "key:1")
    with house.database.begin() as tx:
        told = tuple(event.id for event in tx.events.find("acme"))
        mine, theirs = (
            letter(firm, firm, company_id="acme", firm_id=firm, event_ids=told) for firm in ("northgate", "alder")
        )
        assert [tx.outreach.add_letter(each) for each in (mine, theirs)] == [True, True]
    for each in (mine, theirs):
        house.drafts.put(each)
    house.giving.give("acme", "northgate", "Northgate", Wish(("gmail",)), "key:1")
    with house.database.begin() as tx:
        kept = [tx.outreach.letter(each.id) for each in (mine, theirs)]
    assert [each and (each.state, each.draft == NO_WORDS) for each in kept] == [
        (LetterState.SUPERSEDED, True),
        (LetterState.DRAFT, False),
    ]
    assert [len(house.drafts.files(each)) for each in (mine, theirs)] == [0, 1]


def test_of_a_narrower_share_only_the_cited_events_are_read_and_letters_that_read_the_same_stay(
    house: Over, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = CFO.model_copy(update={"id": uuid4(), "is_active": False})
    mailed = Receipt(claim="audit", kind="name", where="body", start=0, end=5, event_id=EXPORT.id, message_id="gmail:1")
    figure = mailed.model_copy(update={"event_id": ARR.id, "message_id": ARR.evidence[0].message_id})
    cites = {
        "same": {"event_ids": (CFO.id,)},
        "same too": {"event_ids": (CFO.id, EXPORT.id)},
        "coarser": {"event_ids": (CFO.id, ARR.id)},
        "coarser by a receipt": {"event_ids": (CFO.id,), "receipts": (figure,)},
        "of a source that is not shared": {"event_ids": (EXPORT.id,), "receipts": (mailed,)},
        "gone": {"event_ids": (gone.id,)},
        "never held": {"event_ids": (uuid4(),)},
    }
    with house.database.begin() as tx:
        tx.companies.ensure("orchard", NOW)
        tx.events.replace("orchard", Fold([CFO, EXPORT, ARR, gone], [point(ARR, "arr", 2.1e6)]), NOW)
        tx.events.replace("orchard", Fold([CFO, EXPORT, ARR], [point(ARR, "arr", 2.1e6)]), NOW)
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.shares.put(Share(firm_id="northgate", company_id="orchard", granularity=Granularity.BANDS, created_at=NOW))
        kind = type(tx.events)
        for name, fields in cites.items():
            of = {"company_id": "orchard", "firm_id": "northgate", "watch_id": watch(name).id} | fields
            tx.outreach.add_watch(watch(name, company_id="orchard", firm_id="northgate"))
            assert tx.outreach.add_letter(letter(name, **of))

    read: list[UUID] = []
    get = kind.get

    def counted(self: Any, event_id: UUID) -> Any:
        read.append(event_id)
        return get(self, event_id)

    def unread(*_: Any) -> Any:
        raise AssertionError("the company is read as a whole")

    monkeypatch.setattr(kind, "get", counted)
    monkeypatch.setattr(kind, "metric_points", unread)
    wish = Wish(("slack",), Granularity.NONE)
    house.giving.give("orchard", "northgate", "Northgate", wish, "key:1")
    with house.database.begin() as tx:
        kept = [name for name in cites if tx.outreach.letter(letter(name).id).draft != NO_WORDS]  # type: ignore[union-attr]
    assert kept == ["same", "same too"]
    assert len(read) == len(set(read))
