"""A share ends by itself, or is one of several: what goes and what stays, in memory and over Postgres, Redis, a folder.

Zanzibar was told in chat alone, Nordbank in mails alone, Delta in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sago.domain.batches import DeadLetter
from sago.domain.companies import DEFAULT_FIRM, Person, Share
from sago.domain.erasures import NO_WORDS, SETTLES_AFTER, Erasure
from sago.domain.events import Event
from sago.domain.letters import Letter, LetterState, Receipt
from sago.domain.mails import MailState, new_mail
from sago.domain.messages import Message
from sago.domain.significance import DEFAULT_SCALE
from sago.domain.watches import Outcome, Verdict
from sago.errors import TransientError
from sago.outreach.conditions import parse
from sago.outreach.judging import Judging
from sago.outreach.knowledge import Known
from sago.outreach.permission import objections
from sago.outreach.withholding import give
from sago.pipeline.revoking import Revoking
from sago.sections import RedisSettings
from sago.stores.memory.clock import ManualClock
from tests.contracts.test_notices import DAY, EMAIL, item, notice
from tests.contracts.test_outreach import letter, watch
from tests.contracts.test_revoking import RealHouse
from tests.unit.pipeline.house import NOW, House, deal

FIRM, OTHER = "northgate", "alder"
UNTIL = NOW + timedelta(hours=5)
AFTER = UNTIL + timedelta(minutes=2)
DAYS_LATER = AFTER + timedelta(days=3)
MINE = watch("mine", company_id="acme", firm_id=FIRM)
THEIRS = watch("theirs", company_id="acme", firm_id=OTHER)
DANA = Person(name="Dana", email=EMAIL)


def mailed(said: Message) -> Message:
    return said.model_copy(update={"id": said.id.replace("slack", "gmail"), "source": "gmail"})


@pytest.fixture(params=["memory", "real"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "memory":
        yield told(House(threshold=1))
        return
    redis = RedisSettings(**request.getfixturevalue("redis_server").settings["redis"]).database(2)
    made = RealHouse(request.getfixturevalue("postgres"), (redis, request.getfixturevalue("cache_url")), tmp_path)
    yield told(made)
    made.close()


def told(house: House) -> House:
    house.store(deal(1, "Zanzibar"), mailed(deal(2, "Delta")), deal(3, "Delta"), mailed(deal(4, "Nordbank")), name="b1")
    while house.run():
        house.batching.flush(timedelta(0), NOW)
    assert house.deals() == ["Delta", "Nordbank", "Zanzibar"]
    with house.database.begin() as tx:
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.shares.ensure_firm(OTHER, "Alder")
        for each in (MINE, THEIRS):
            tx.outreach.add_watch(each)
        for source in ("slack", "gmail"):
            tx.ledger.add_dead_letters([bad(f"{source}:9", f"{source}-messages"), bad(None, f"{source}-messages")])
    return house


def bad(message_id: str | None, topic: str) -> DeadLetter:
    reason = {"error": "no text", "error_type": "InvalidMessageError", "failed_at": NOW, "value": b"words"}
    return DeadLetter(origin=f"{topic}/{message_id}", topic=topic, company_id="acme", message_id=message_id, **reason)


def shares(house: House, *, mine: Any = None, theirs: Any = None, default: Any = None) -> None:
    """What the founder lets each firm see; what is None has ended long ago."""
    ended = {"until": NOW - timedelta(days=9)}
    with house.database.begin() as tx:
        for firm, other in ((FIRM, mine), (OTHER, theirs), (DEFAULT_FIRM, default)):
            fields = ended if other is None else other
            tx.shares.put(Share(firm_id=firm, company_id="acme", created_at=NOW, **fields))


def events(house: House) -> dict[str, Event]:
    with house.database.begin() as tx:
        return {event.title.removeprefix("Enterprise deal: "): event for event in tx.events.find("acme")}


def write(house: House, name: str, event: Event, source: str, **other: Any) -> Letter:
    (proof,) = [each for each in event.evidence if each.message_id.startswith(source)]
    whence = {"event_id": event.id, "message_id": proof.message_id, "quote": proof.quote, "sha256": "ab" * 32}
    receipt = Receipt(claim="signed", kind="name", where="body", start=0, end=6, **whence)
    fields = {"company_id": "acme", "event_ids": (event.id,), "receipts": (receipt,)}
    one = letter(name, name, **(fields | other))
    with house.database.begin() as tx:
        assert tx.outreach.add_letter(one)
    house.drafts.put(one)
    return one


def now_of(house: House, one: Letter) -> Letter:
    with house.database.begin() as tx:
        found = tx.outreach.letter(one.id)
    assert found is not None
    return found


def revoking(house: House) -> Revoking:
    return Revoking(house.database, house.erasing)


def left(house: House, firm: str, now: datetime = AFTER) -> dict[str, int]:
    return revoking(house).left(firm, "acme", now).counts


def ended(house: House, now: datetime) -> list[str]:
    done = revoking(house).end_due(now)
    for each in done:
        house.recovery.requeue(each.company_id, now)
    house.run(now)
    return [each.firm_id for each in done]


def test_a_share_whose_last_day_is_over_shows_nothing_and_is_erased_once(house: House) -> None:
    shares(house, mine={"until": UNTIL}, theirs={}, default={})
    draft = write(house, "draft", events(house)["Zanzibar"], "slack", firm_id=FIRM, watch_id=MINE.id)
    is_queued = {"firm_id": FIRM, "watch_id": MINE.id, "state": LetterState.QUEUED}
    queued = write(house, "queued", events(house)["Delta"], "slack", **is_queued)
    with house.database.begin() as tx:
        assert tx.mails.add(new_mail("letter", queued.id, DANA, firm_id=FIRM, company_id="acme", now=NOW))
        assert tx.notices.add(notice(item().model_copy(update={"watch_id": MINE.id, "company_id": "acme"})))
    judging = Judging(house.database, 60, DEFAULT_SCALE, ManualClock(UNTIL))
    judging.keep_all(NOW)
    with house.database.begin() as tx:  # from that very minute, before anything is erased
        assert tx.verdicts.newest(MINE.id, DAY.replace(year=2030)).outcome is Outcome.DO_NOT_WRITE  # type: ignore[union-attr]
        assert tx.verdicts.newest(THEIRS.id, DAY.replace(year=2030)).outcome is not Outcome.DO_NOT_WRITE  # type: ignore[union-attr]
        assert objections(tx, queued, UNTIL, timedelta(days=14)) == [
            f"the founder shares nothing with {FIRM} any more; reject it"
        ]
    assert ended(house, UNTIL) == []
    assert {"letters", "verdicts", "notices", "files"} <= set(left(house, FIRM))
    assert ended(house, AFTER) == [FIRM]
    assert left(house, FIRM) == {}
    for one in (draft, queued):
        assert (now_of(house, one).state, now_of(house, one).draft) == (LetterState.SUPERSEDED, NO_WORDS)
    with house.database.begin() as tx:
        assert [each.state for each in tx.mails.find()] == [MailState.CANCELLED]
        assert tx.verdicts.newest(MINE.id, DAY.replace(year=2030)) is None
        assert tx.verdicts.newest(THEIRS.id, DAY.replace(year=2030)) is not None
    assert house.deals() == ["Delta", "Nordbank", "Zanzibar"]
    assert ended(house, AFTER) == ended(house, DAYS_LATER) == []


def test_a_share_that_is_given_again_ends_again(house: House) -> None:
    shares(house, mine={"until": UNTIL}, theirs={}, default={})
    assert ended(house, AFTER) == [FIRM]
    again = Share(firm_id=FIRM, company_id="acme", created_at=AFTER, until=DAYS_LATER)
    with house.database.begin() as tx:
        tx.shares.put(again)
    assert ended(house, AFTER + timedelta(hours=1)) == []
    assert ended(house, DAYS_LATER + timedelta(minutes=2)) == [FIRM]


def test_a_share_that_is_given_again_and_revoked_within_a_minute_of_its_end_ends_again(house: House) -> None:
    shares(house, mine={}, theirs={}, default={})
    revoking(house).revoke(FIRM, "acme", "cli", "asked", AFTER, lambda _: None)
    with house.database.begin() as tx:
        tx.shares.put(Share(firm_id=FIRM, company_id="acme", created_at=AFTER + timedelta(seconds=10)))
    revoking(house).begin(FIRM, "acme", "cli", "asked", AFTER + timedelta(seconds=20))
    assert ended(house, AFTER + timedelta(hours=1)) == [FIRM]
    assert ended(house, DAYS_LATER) == []


def test_with_the_last_day_of_the_last_share_the_evidence_goes_too(house: House) -> None:
    shares(house, mine={"until": UNTIL}, default={"until": UNTIL})
    assert set(ended(house, AFTER)) == {FIRM, OTHER, DEFAULT_FIRM}
    assert house.deals() == []
    assert left(house, FIRM) == left(house, DEFAULT_FIRM) == {}
    assert ended(house, DAYS_LATER) == []


def test_what_fails_on_the_way_is_taken_by_the_next_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shares(house, default={"until": UNTIL})

    def away(_: object) -> None:
        raise TransientError("the raw store is away")

    with monkeypatch.context() as patch:
        patch.setattr(house.raw, "empty", away)
        assert ended(house, AFTER) == []
    assert left(house, DEFAULT_FIRM)["raw rows"] == 4
    assert set(ended(house, AFTER)) == {FIRM, OTHER, DEFAULT_FIRM}
    assert left(house, DEFAULT_FIRM) == {}


def test_an_error_of_any_kind_keeps_no_other_share(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shares(house, mine={"until": UNTIL}, theirs={"until": UNTIL})
    taking = Revoking._take_all

    def broken(self: Revoking, share: Share, *rest: Any) -> Any:
        if share.firm_id == OTHER:
            raise RuntimeError("broken")
        return taking(self, share, *rest)

    monkeypatch.setattr(Revoking, "_take_all", broken)
    assert FIRM in ended(house, AFTER)
    monkeypatch.undo()
    assert OTHER in ended(house, AFTER)


def test_what_is_read_while_a_late_job_runs_is_erased_again(house: House) -> None:
    shares(house, mine={"until": UNTIL})
    late = UNTIL + timedelta(days=1)
    ended(house, late)
    with house.database.begin() as tx:
        assert [each.requested_at for each in tx.erasures.of("acme")] == [late] * len(tx.erasures.of("acme"))
        assert not any(each.is_settled for each in tx.erasures.of("acme"))
    assert house.erasing.mend(late + SETTLES_AFTER) > 0
    with house.database.begin() as tx:
        assert all(each.is_settled for each in tx.erasures.of("acme"))


def test_a_share_given_while_the_job_runs_keeps_what_it_covers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shares(house, mine={"until": UNTIL})
    given = Share(firm_id=OTHER, company_id="acme", created_at=AFTER)
    forgetting = house.erasing.answers.forget

    def forget(company_id: str) -> None:
        forgetting(company_id)
        with house.database.begin() as tx:
            give(tx, given, "founder", AFTER)

    monkeypatch.setattr(house.erasing.answers, "forget", forget)
    ended(house, AFTER)
    assert house.deals() == ["Delta", "Nordbank", "Zanzibar"]


def test_a_share_that_is_given_anew_while_the_job_runs_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares(house, mine={"until": UNTIL}, theirs={"until": UNTIL}, default={})
    mine = write(house, "mine", events(house)["Delta"], "slack", firm_id=FIRM, watch_id=MINE.id)
    taking, given = Revoking._take_all, Share(firm_id=FIRM, company_id="acme", created_at=AFTER)

    def taken(self: Revoking, share: Share, *rest: Any) -> Any:
        with house.database.begin() as tx:
            give(tx, given, "founder", AFTER)
        return taking(self, share, *rest)

    monkeypatch.setattr(Revoking, "_take_all", taken)
    assert ended(house, AFTER) == [OTHER]
    assert now_of(house, mine) == mine


@pytest.mark.parametrize("since", [timedelta(0), timedelta(microseconds=123_456)])
def test_a_revocation_leaves_nothing_for_the_job_to_do(house: House, since: timedelta) -> None:
    """Whatever the clock says: stored is a moment in milliseconds."""
    shares(house, mine={}, theirs={}, default={})
    revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER + since, lambda _: None)
    assert ended(house, DAYS_LATER) == []


def test_what_no_other_share_covers_goes_with_the_one_and_the_rest_stays(house: House) -> None:
    shares(house, mine={}, theirs={"sources": ("gmail",)})
    delta = events(house)["Delta"]
    mine = write(house, "mine", delta, "slack", firm_id=FIRM, watch_id=MINE.id)
    theirs = write(house, "theirs", delta, "gmail", firm_id=OTHER, watch_id=THEIRS.id)
    wide = write(house, "wide", delta, "slack", firm_id=OTHER, watch_id=THEIRS.id)  # of a share that was wider once
    Judging(house.database, 60, DEFAULT_SCALE, ManualClock(NOW)).keep_all(NOW)
    done = revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER, lambda _: None)
    house.recovery.requeue("acme", AFTER)
    house.run(AFTER)
    assert done.sources == ("slack",)
    assert done.evidence is not None
    assert (done.evidence.rows, done.evidence.observations, done.evidence.dead_letters) == (2, 2, 2)
    assert left(house, FIRM) == {}
    assert revoking(house).left(FIRM, "acme", AFTER).sources == ()
    assert house.deals() == ["Delta", "Nordbank"]
    assert [each.message_id for each in events(house)["Delta"].evidence] == ["gmail:2"]
    assert {each.message_id for each in rows(house)} == {"gmail:2", "gmail:4"}
    assert now_of(house, mine).draft == now_of(house, wide).draft == NO_WORDS
    assert now_of(house, theirs) == theirs
    with house.database.begin() as tx:
        assert tx.verdicts.newest(THEIRS.id, DAY.replace(year=2030)) is not None
        assert tx.erasures.sources("acme") == {"gmail"}


def test_what_is_left_of_a_source_that_nobody_shares_is_found(house: House) -> None:
    shares(house, theirs={"sources": ("gmail",)})
    write(house, "wide", events(house)["Delta"], "slack", firm_id=OTHER, watch_id=THEIRS.id)
    found = revoking(house).left(FIRM, "acme", AFTER)
    assert found.sources == ("slack",)
    assert found.counts == {
        "observations": 2, "significant_events": 2, "batch_chunks": found.counts["batch_chunks"], "receipts": 1,
        "dead_letters": 2, "raw rows": 2,
    }  # fmt: skip
    assert found.of_firms == {"receipts": 1}
    assert found.places == [
        "batch_chunks", "dead_letters", "firms", "observations", "raw rows", "significant_events",
    ]  # fmt: skip


def test_another_share_of_every_source_keeps_all_of_it(house: House) -> None:
    shares(house, mine={"sources": ("slack",)}, theirs={})
    done = revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER, lambda _: None)
    assert (done.evidence, done.sources) == (None, ())
    assert house.deals() == ["Delta", "Nordbank", "Zanzibar"]


def test_a_source_that_went_comes_back_with_a_share_of_it_and_not_with_one_of_others(house: House) -> None:
    shares(house, mine={}, theirs={"sources": ("gmail",)})
    revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER, lambda _: None)
    later = AFTER + SETTLES_AFTER + timedelta(hours=1)
    with house.database.begin() as tx:
        tx.shares.put(Share(firm_id=FIRM, company_id="acme", sources=("gmail",), created_at=later))
    house.storing.store("b7", [deal(7, "Quay").to_json()], [None], later)
    with house.database.begin() as tx:
        tx.shares.put(Share(firm_id=FIRM, company_id="acme", sources=("slack",), created_at=later))
    house.storing.store("b8", [deal(8, "Sable").to_json()], [None], later)
    while house.run(later):
        house.batching.flush(timedelta(0), later)
    house.erasing.mend(later)
    assert house.deals() == ["Delta", "Nordbank", "Sable"]


def test_a_restored_backup_loses_the_source_again(house: House) -> None:
    """The erasure is kept outside Postgres too."""
    shares(house, mine={}, theirs={"sources": ("gmail",)})
    revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER, lambda _: None)
    (kept,) = [Erasure.model_validate(each.model_dump()) for each in house.mirror.erasures()]
    assert (kept.source, kept.is_whole, kept.is_of_shares) == ("slack", False, True)
    assert kept.covers("acme", "slack:99", "anybody")
    assert not kept.covers("acme", "gmail:99", "anybody")
    assert not kept.covers("other", "slack:99", "anybody")


def test_a_servers_answer_to_a_notice_of_several_companies_goes_too(house: House) -> None:
    """It may quote any part of what it refused; the notice goes on telling of the others."""
    shares(house, mine={}, theirs={}, default={})
    mine = item("event:1").model_copy(update={"watch_id": MINE.id, "company_id": "acme"})
    both = notice(mine, item("event:2"))
    mail = new_mail("notice", both.id, DANA, firm_id=FIRM, company_id=None, now=NOW)
    with house.database.begin() as tx:
        assert tx.notices.add(both)
        assert tx.mails.add(mail.model_copy(update={"error": "451 4.7.1 Zanzibar signed is spam"}))
    assert left(house, FIRM)["mails"] == 1
    revoking(house).revoke(FIRM, "acme", "cli", "raised elsewhere", AFTER, lambda _: None)
    assert left(house, FIRM) == {}
    with house.database.begin() as tx:
        (kept,) = tx.mails.find()
    assert (kept.state, kept.error) == (MailState.QUEUED, "(erased)")


def test_a_person_who_is_erased_is_gone_from_a_servers_answer_to_a_notice(house: House) -> None:
    both = notice(item("event:1").model_copy(update={"company_id": "acme"}), item("event:2"))
    other = notice(day=DAY + timedelta(days=1))
    with house.database.begin() as tx:
        for each in (both, other):
            assert tx.notices.add(each)
            mail = new_mail("notice", each.id, DANA, firm_id=FIRM, company_id=None, now=NOW)
            assert tx.mails.add(mail.model_copy(update={"error": f"451 {each.day} is spam"}))
    gone = Erasure(id=both.id, company_id="acme", sender="ana", because="asked", requested_by="cli", requested_at=NOW)
    house.erasing.erase(gone, NOW)
    with house.database.begin() as tx:
        assert {mail.ref: mail.error for mail in tx.mails.find()} == {
            both.id: "(erased)",
            other.id: f"451 {other.day} is spam",
        }


def rows(house: House) -> list[Any]:
    """What the raw store still holds words of."""
    every = Erasure(id=MINE.id, company_id="acme", because="", requested_by="", requested_at=NOW)
    return house.raw.find(every)


def judge_while(house: House, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> Verdict:
    """What is kept of the firm's watch, which quotes all deals, where something happens while it is judged."""
    judge, clock, seen = Known.judge, ManualClock(UNTIL), []

    def judged(self: Known, *rest: Any) -> Verdict:
        verdict = judge(self, *rest)
        if self.watch.id == MINE.id:
            seen.append(verdict)
            if len(seen) == 1:
                happens()
        return verdict

    monkeypatch.setattr(Known, "judge", judged)
    with house.database.begin() as tx:
        tx.outreach.add_watch(MINE.model_copy(update={"conditions": (parse("enterprise_deal >= 1"),), "met_on": None}))
    assert Judging(house.database, 60, DEFAULT_SCALE, clock).keep_all(UNTIL) == 3
    assert "Zanzibar" in seen[0].model_dump_json()
    with house.database.begin() as tx:
        kept = tx.verdicts.newest(MINE.id)
    assert kept is not None
    return kept


def test_nobody_waits_for_a_judgement_to_end_a_share_and_nothing_of_it_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares(house, mine={}, theirs={})
    kept = judge_while(house, monkeypatch, lambda: revoking(house).begin(FIRM, "acme", "ana", "over", UNTIL))
    assert kept.outcome is Outcome.DO_NOT_WRITE
    assert "Zanzibar" not in kept.model_dump_json()


def test_no_word_is_kept_that_was_erased_while_it_was_judged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shares(house, mine={}, theirs={})
    whence = {"company_id": "acme", "message_id": "slack:1"}
    gone = Erasure(id=MINE.id, because="asked", requested_by="cli", requested_at=NOW, **whence)
    kept = judge_while(house, monkeypatch, lambda: house.erasing.erase(gone, NOW))
    assert kept.outcome is Outcome.NOW
    assert "Zanzibar" not in kept.model_dump_json()


def test_what_a_share_shows_is_read_once_for_all_its_watches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shares(house, mine={}, theirs={})
    with house.database.begin() as tx:
        for number in range(5):
            tx.outreach.add_watch(watch(f"more-{number}", company_id="acme", firm_id=FIRM))
        kind, read = type(tx.events), []
    find = kind.find

    def counted(self: Any, *asked: Any, **how: Any) -> Any:
        read.append(asked)
        return find(self, *asked, **how)

    monkeypatch.setattr(kind, "find", counted)
    judging = Judging(house.database, 60, DEFAULT_SCALE, ManualClock(NOW))
    assert judging.keep_all(NOW) == 8
    assert len(read) == 3
