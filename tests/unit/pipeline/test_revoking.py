"""A founder takes a share back, and nothing that the firm could see is found again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from sago.domain.batches import DeadLetter
from sago.domain.companies import DEFAULT_FIRM, Share
from sago.domain.connections import Connection, Route, Token, connection_id_of
from sago.domain.erasures import NO_WORDS, SETTLES_AFTER, LetGo
from sago.domain.letters import Letter, LetterState, Receipt
from sago.errors import TransientError, UsageError
from sago.pipeline.revoking import Revoked, Revoking
from tests.contracts.test_outreach import letter
from tests.standins.told_vault import ToldVault
from tests.unit.pipeline.house import NOW, House, deal
from tests.unit.pipeline.test_erasing import SECRET, everything

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def house() -> House:
    """Two firms have a share of a company that told a secret; each has letters."""
    made = House(threshold=1)
    made.store(deal(1, SECRET), name="b1")
    made.run()
    with made.database.begin() as tx:
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.shares.put(Share(firm_id="northgate", company_id="acme", created_at=NOW))
    return made


def told(house: House, name: str, firm: str = "northgate", state: LetterState = LetterState.DRAFT) -> Letter:
    """A letter that tells the secret, laid out."""
    receipt = Receipt(claim=SECRET, kind="name", where="body", start=0, end=8, quote=SECRET, sha256="ab" * 32)
    plain = letter(name, name, company_id="acme", firm_id=firm, watch_id=UUID(int=len(name)), receipts=(receipt,))
    draft = plain.draft.model_copy(update={"body": f"{SECRET} signed, {SECRET}!", "subject": f"{SECRET} signed"})
    with house.database.begin() as tx:
        events = tuple(event.id for event in tx.events.find("acme"))
        one = plain.model_copy(update={"draft": draft, "event_ids": events, "state": state})
        assert tx.outreach.add_letter(one)
    house.drafts.put(one)
    return one


def revoke(house: House, firm: str = "northgate", **other: Any) -> Revoked:
    revoking = Revoking(house.database, house.erasing)
    done = revoking.revoke(firm, "acme", "cli", "raised elsewhere", other.get("now", LATER), lambda _: None)
    house.recovery.requeue("acme", LATER)
    house.run()
    return done


def left(house: House, firm: str = "northgate") -> dict[str, int]:
    return Revoking(house.database, house.erasing).left(firm, "acme", LATER).counts


def connect(house: House, account: str, company: str, *, routed: str = "", sealed: bytes = b"") -> None:
    """A workspace of the company's, one channel of it perhaps another's."""
    connection = Connection(
        id=connection_id_of("slack", account),
        source="slack",
        account=account,
        name=f"{account} Inc.",
        company_id=company,
        created_at=NOW,
    )
    token = Token(access=SecretStr(f"token of {account}"))
    with house.database.begin() as tx:
        tx.connections.save(connection)
        tx.connections.keep_token(connection.id, sealed or ToldVault().seal(token, connection.id))
        if routed:
            tx.connections.route(Route(connection_id=connection.id, kind="container", key="C1", company_id=routed))


def after(house: House, one: Letter) -> Letter:
    with house.database.begin() as tx:
        found = tx.outreach.letter(one.id)
    assert found is not None
    return found


def test_the_firms_letters_lose_their_words_and_those_of_others_stay(house: House) -> None:
    states = [LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED, LetterState.SENT, LetterState.REJECTED]
    mine = {state: told(house, f"mine-{state}", state=state) for state in states}
    theirs = told(house, "theirs", firm=DEFAULT_FIRM)
    assert left(house)
    done = revoke(house)
    assert (done.letters, done.held_back, done.evidence) == (5, 3, None)
    for state, one in mine.items():
        held_back = state in (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED)
        found = after(house, one)
        assert found.state is (LetterState.SUPERSEDED if held_back else state)
        assert found.draft == NO_WORDS
        assert [(each.quote, each.claim, each.sha256) for each in found.receipts] == [("", "", "ab" * 32)]
    assert after(house, theirs) == theirs
    assert [each.id for each in house.drafts.letters.values()] == [theirs.id]
    assert house.deals() == [SECRET]
    assert left(house) == {}


def test_a_hash_of_what_was_sent_stays_in_the_audit_log_and_no_word(house: House) -> None:
    told(house, "sent", state=LetterState.SENT)
    revoke(house)
    (entry,) = [each for each in house.database.state.audit_log if each.action == "letter.erased"]
    assert len(entry.detail["sha256"]) == 64
    assert SECRET not in repr(house.database.state.audit_log)


def test_with_the_last_share_the_evidence_goes_from_every_store(house: House) -> None:
    told(house, "mine")
    told(house, "theirs", firm=DEFAULT_FIRM, state=LetterState.SENT)
    house.answers.put("acme", "d1", {"findings": [{"quote": SECRET}]})
    house.store(deal(2, SECRET), name="b2")  # not read yet
    revoke(house)
    assert SECRET in everything(house)
    done = revoke(house, DEFAULT_FIRM)
    assert done.evidence is not None
    assert done.evidence.rows == 2
    assert SECRET not in everything(house)
    assert house.deals() == []
    assert (left(house), left(house, DEFAULT_FIRM)) == ({}, {})
    assert house.raw.count("acme") == 2


def test_what_comes_later_is_stored_without_words_until_the_founder_shares_again(house: House) -> None:
    revoke(house)
    revoke(house, DEFAULT_FIRM)
    house.store(deal(3, SECRET), name="b3")
    house.run()
    assert SECRET not in everything(house)
    with house.database.begin() as tx:
        tx.shares.put(Share(firm_id="northgate", company_id="acme", created_at=LATER + timedelta(hours=1)))
    house.storing.store("b4", [deal(4, "Nordbank").to_json()], [None], LATER + timedelta(hours=2))
    house.run()
    assert house.deals() == ["Nordbank"]
    house.erasing.mend(NOW + SETTLES_AFTER + timedelta(hours=3))
    house.run()
    assert house.deals() == ["Nordbank"]


def test_a_source_that_nobody_shares_is_stored_without_words(house: House) -> None:
    """Nothing was revoked: each share was narrowed."""
    with house.database.begin() as tx:
        for firm in (DEFAULT_FIRM, "northgate"):
            tx.shares.put(Share(firm_id=firm, company_id="acme", sources=("gmail",), created_at=NOW))
    house.store(deal(5, "Nordbank"), name="b5")
    house.run()
    assert house.deals() == [SECRET]
    assert "Nordbank" not in everything(house)


def test_an_evidence_that_a_store_task_brought_in_meanwhile_goes_once_it_has_settled(house: House) -> None:
    revoke(house)
    revoke(house, DEFAULT_FIRM)
    house.raw.store([deal(6, SECRET)], "b6", NOW)
    house.recovery.recover(LATER)
    house.run()
    assert left(house)
    later = LATER + SETTLES_AFTER
    house.recovery.recover(later)
    house.run(later)
    assert SECRET not in everything(house)
    assert left(house) == {}


@pytest.mark.parametrize("step", ["ending the share", "what the firm was told", "looking for rows", "raw rows"])
def test_killed_at_any_step_it_goes_on_when_it_is_run_again(house: House, step: str) -> None:
    told(house, "mine", state=LetterState.QUEUED)
    revoke(house, DEFAULT_FIRM)
    revoking = Revoking(house.database, house.erasing)

    def killed(name: str) -> None:
        if name == step:
            raise TransientError("killed")

    with pytest.raises(TransientError, match="killed"):
        revoking.revoke("northgate", "acme", "cli", "asked", LATER, killed)
    revoke(house)
    assert SECRET not in everything(house)
    assert (left(house), left(house, DEFAULT_FIRM)) == ({}, {})
    assert revoke(house).letters == 0
    ended = [each for each in house.database.state.audit_log if each.action == "share.revoked"]
    assert len(ended) == 2


@pytest.mark.parametrize(
    ("refusal", "why"),
    [(None, ""), (TransientError("Slack cannot be reached"), "Slack cannot be reached"), (KeyError("ok"), "KeyError")],
)
def test_tokens_of_accounts_that_go_are_taken_back_and_a_vendor_that_is_away_holds_up_nothing(
    house: House, refusal: Exception | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def vendor(source: str, token: Token) -> None:
        asked.append((source, token.access.get_secret_value()))
        if refusal:
            raise refusal

    monkeypatch.setattr(house, "revoked_at", vendor)
    connect(house, "T1", "acme")
    connect(house, "T2", "acme", routed="bolt")
    connect(house, "T3", "bolt")
    assert revoke(house).evidence is None
    assert asked == []
    done = revoke(house, DEFAULT_FIRM)
    assert asked == [("slack", "token of T1")]
    assert done.evidence is not None
    assert done.evidence.accounts == (LetGo("slack/T1", why),)
    assert (SECRET in everything(house), left(house), left(house, DEFAULT_FIRM)) == (False, {}, {})
    (noted,) = [each for each in house.database.state.audit_log if each.action == "account.removed"]
    assert (noted.subject, noted.who) == ("slack/T1", "cli")
    assert noted.why.endswith(f"not taken back at its vendor: {why}" if why else "; taken back at its vendor")
    again = revoke(house, DEFAULT_FIRM)
    assert again.evidence is not None
    assert (again.evidence.accounts, len(asked)) == ((), 1)


def test_letters_that_are_nobodys_are_counted_where_their_account_serves_no_other(house: House) -> None:
    connect(house, "T1", "acme")
    connect(house, "T2", "acme", routed="bolt")
    letters = [
        DeadLetter(
            origin=f"item:slack/T{n}/1",
            topic="slack-messages",
            company_id=None,
            message_id=f"slack:T{n}",
            error="unassigned",
            error_type="E",
            failed_at=NOW,
            value=b"{}",
        )
        for n in (1, 2)
    ]
    with house.database.begin() as tx:
        tx.ledger.add_dead_letters(letters)
    revoke(house)
    assert left(house) == {}, "another firm has a share"
    revoke(house, DEFAULT_FIRM)
    assert left(house, DEFAULT_FIRM) == {}
    held = [each.origin for each in house.database.state.dead_letters.values() if each.value]
    assert held == ["item:slack/T2/1"], "it may be the other company's"
    with house.database.begin() as tx:
        tx.ledger.add_dead_letters([letters[0].model_copy(update={"origin": "item:slack/T1/2"})])
    assert left(house, DEFAULT_FIRM) == {"dead_letters": 1}, "one that was on its way"
    house.erasing.mend(LATER + SETTLES_AFTER)
    assert left(house, DEFAULT_FIRM) == {}


def test_a_token_that_no_key_opens_is_deleted_and_told(house: House) -> None:
    connect(house, "T1", "acme", sealed=b"by a key that is lost")
    revoke(house)
    evidence = revoke(house, DEFAULT_FIRM).evidence
    assert evidence is not None
    assert [(each.account, bool(each.why)) for each in evidence.accounts] == [("slack/T1", True)]
    assert left(house, DEFAULT_FIRM) == {}


def test_what_was_never_shared_cannot_be_taken_back(house: House) -> None:
    with pytest.raises(UsageError, match="share of acme with nobody: there is none"):
        revoke(house, "nobody")


def test_left_counts_what_is_there_before(house: House) -> None:
    told(house, "mine")
    assert left(house) == {"share": 1, "letters": 1, "files": 1}
