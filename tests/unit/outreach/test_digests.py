"""Who is told what, and when: news once, at their hour, and nothing when there is nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from hypothesis import given, settings
from hypothesis import strategies as st

from sago.domain.companies import Granularity, Person
from sago.domain.events import Event, Evidence, Extraction, MetricPoint, Observation, Status
from sago.domain.letters import LetterState
from sago.domain.mails import Contact, Suppression, mail_id
from sago.domain.notices import Change, Item, Notice, Told
from sago.domain.watches import Direction, Outcome, Watch
from sago.errors import PermanentError
from sago.outreach.digests import Digests
from sago.outreach.permission import doubts
from sago.ports import Transaction
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import (
    ARR,
    COMPANY,
    DEAL,
    EVENTS,
    INVESTOR,
    NOW,
    NRR,
    POINTS,
    SETBACK,
    event,
    fold_into,
    metric,
    point,
    watch,
)
from tests.unit.outreach.test_composing import Desk

DAY = timedelta(days=1)
IVO, NELL = (
    Contact(email="ivo@fund.example", name="Ivo", digest_at=8),
    Contact(email="nell@orchard.example", name="Nell"),
)
EARLY = event(
    "revenue_milestone", "ARR was $1.4M", "we ended the month at $1.4M ARR", metric("arr", 1.4e6), days_ago=280
)
LATER = event("hiring", "Cleo Marsh joined as VP Sales", "Cleo Marsh joined as VP Sales today", days_ago=1)
AND_EARLY = [*POINTS, point(EARLY, "arr", 1.4e6)]
FIRING = watch("arr >= 2M", name="firing")


class House(Desk):
    """Watches, letters, and people who are told."""

    def __init__(
        self, *watches: Watch, contacts: Sequence[Contact] = (IVO,), most: int = 8, timezone: str = "UTC"
    ) -> None:
        super().__init__(*watches)
        self.watches = watches
        self.most, self.timezone = most, timezone
        with self.database.begin() as tx:
            for contact in contacts:
                tx.contacts.save(contact)

    @property
    def digests(self) -> Digests:
        return self.at(NOW)

    def at(self, now: datetime) -> Digests:
        return Digests(self.database, ManualClock(now), 60, 5, self.most, self.timezone)

    def knows(self, *events: Event, points: Sequence[MetricPoint] = AND_EARLY) -> None:
        fold_into(self.database, events, [each for each in points if each.event_id in {e.id for e in events}])

    def told(self, days: int = 0, hours: float = 0) -> list[Item]:
        """What Ivo is told then."""
        made = self.at(NOW + days * DAY + timedelta(hours=hours)).make(NOW + days * DAY + timedelta(hours=hours))
        return [item for notice in made for item in notice.items]

    def draft(self, days: int = 0) -> None:
        for each in self.watches:
            self.compose(each, NOW + days * DAY)


def changes(items: Sequence[Item]) -> list[Change]:
    return [item.change for item in items]


def rows(database: MemoryDatabase, email: str = IVO.email) -> tuple[list[Notice], set[Told], int]:
    with database.begin() as tx:
        return tx.notices.of(email), tx.notices.told(email), len(tx.mails.find())


def test_a_condition_that_is_met_is_told_with_its_quote_the_news_and_the_draft() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    proof = ARR.evidence[0]
    said = Observation(
        company_id="orchard", message_id=proof.message_id, source="slack", sender="nell@orchard.example",
        start=0, end=len(proof.quote), quote=proof.quote, event_type=ARR.event_type, status=Status.ACTUAL,
        severity=ARR.severity, title=ARR.title, extractor="x", extractor_version="1", said_at=ARR.occurred_at,
        recorded_at=NOW,
    )  # fmt: skip
    read = Extraction(
        company_id="orchard", message_id=proof.message_id, version=0, extractor="x", extractor_version="1",
        finished_at=NOW,
    )  # fmt: skip
    with house.database.begin() as tx:
        tx.events.append([said], [read])
    house.draft()
    (item,) = house.told()
    (asked,) = item.conditions
    assert (item.change, item.outcome, item.asked_by) == (Change.MET, Outcome.NOW, "")
    assert (asked.label, asked.before, asked.seen, asked.held_before) == ("ARR", 1.4e6, 2.1e6, False)
    assert asked.event is not None
    assert asked.event.said is not None
    assert (asked.event.said.quote, asked.event.said.sender) == (proof.quote, "nell@orchard.example")
    assert asked.event.said.said_at == ARR.occurred_at
    assert {each.title for each in item.events} == {DEAL.title, NRR.title}
    assert item.letter is not None
    assert item.letter.to == "Nell Quist"
    with house.database.begin() as tx:
        (letter,) = tx.outreach.letters()
        assert (item.letter.id, item.letter.body) == (letter.id, letter.draft.body)
        (mail,) = tx.mails.find()
    (notice,), told, _ = rows(house.database)
    assert (mail.kind, mail.ref, mail.recipient) == ("notice", notice.id, INVESTOR)
    assert {each.what for each in told} == {
        letter.window, f"letter:{letter.id}", *(f"event:{each.id}" for each in EVENTS)
    }  # fmt: skip


def test_what_was_told_is_not_told_again() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.draft()
    assert changes(house.told()) == [Change.MET]
    assert house.told(hours=1) == house.told(1) == house.told(2) == []
    assert rows(house.database)[2] == 1


def test_nobody_is_told_who_did_not_ask_for_it() -> None:
    house = House(FIRING, contacts=[IVO.model_copy(update={"digest_at": None}), NELL])
    house.knows(*EVENTS)
    assert house.digests.make(NOW) == house.digests.make(NOW, IVO.email) == house.digests.make(NOW, "x@y.example") == []
    assert rows(house.database) == ([], set(), 0)


def test_somebody_who_wants_no_mail_gets_none() -> None:
    house = House(FIRING)
    house.knows(*EVENTS)
    with house.database.begin() as tx:
        tx.contacts.suppress(Suppression(email=IVO.email, because="asked", who="x", at=NOW))
    assert house.told() == []
    assert rows(house.database) == ([], set(), 0)


def test_the_founder_is_told_of_letters_in_their_name() -> None:
    update = watch(name="update", direction=Direction.TO_INVESTOR)
    asked = watch("arr >= 2M", name="to investor", direction=Direction.TO_INVESTOR)
    house = House(update, asked, contacts=[NELL.model_copy(update={"digest_at": 8})])
    house.knows(*EVENTS)
    house.draft()
    met, ready = house.told()
    assert (met.change, met.asked_by) == (Change.MET, "Ivo Brandt")
    assert (ready.change, ready.outcome) == (Change.DRAFT, Outcome.UPDATE)
    assert ready.letter is not None
    assert ready.events == ()
    assert house.told(1) == []


def test_not_yet_is_told_once_and_again_when_the_distance_moved() -> None:
    house = House(FIRING)
    house.knows(EARLY)
    (first,) = house.told()
    assert (first.change, first.events, first.letter) == (Change.MOVED, (), None)
    nearer = event("revenue_milestone", "ARR was $1.8M", "ARR is at $1.8M", metric("arr", 1.8e6), days_ago=8)
    house.knows(EARLY, DEAL)
    assert house.told(1) == []
    house.knows(EARLY, DEAL, nearer, points=[*AND_EARLY, point(nearer, "arr", 1.8e6)])
    (moved,) = house.told(2)
    assert moved.change is Change.MOVED
    assert (moved.conditions[0].before, moved.conditions[0].seen) == (1.4e6, 1.8e6)
    house.knows(EARLY, DEAL, nearer, *EVENTS[:1], points=[*AND_EARLY, point(nearer, "arr", 1.8e6)])
    (met,) = house.told(3)
    assert (met.change, met.conditions[0].before) == (Change.MET, 1.8e6)
    assert {each.title for each in met.events} == {DEAL.title}, "events of the days before were not told yet"


def test_a_setback_after_the_condition_was_met_speaks_against_and_then_no_more() -> None:
    house = House(FIRING)
    house.knows(*EVENTS)
    assert changes(house.told()) == [Change.MET]
    house.knows(*EVENTS, SETBACK)
    (against,) = house.told(1)
    assert against.change is Change.AGAINST
    assert [each.event_id for each in against.against] == [SETBACK.id]
    assert house.told(2) == []
    (again,) = house.told(70)
    assert (again.change, again.events) == (Change.MET, ())
    assert house.told(71) == []


def test_a_condition_that_is_met_no_longer_is_told() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.told()
    house.knows(EARLY, DEAL, NRR)
    assert changes(house.told(1)) == [Change.OVER, Change.WITHDRAWN]
    house.knows(EARLY, *EVENTS)
    back, stands = house.told(2)
    assert (back.change, stands.change) == (Change.MET, Change.CORRECTED)
    assert [each.event_id for each in stands.events] == [ARR.id]
    assert house.told(3) == []
    assert Told(FIRING.id, f"event:{ARR.id}#3") in rows(house.database)[1]


def test_a_corrected_figure_is_told_with_what_it_was() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.told()
    corrected = ARR.model_copy(update={"metrics": (metric("arr", 2.3e6),)})
    house.knows(EARLY, corrected, DEAL, NRR, points=[*AND_EARLY, point(NRR, "nrr", 143, "percent")])
    items = [item for item in house.told(1) if item.change is Change.CORRECTED]
    assert [(f.name, f.before, f.value) for f in items[0].events[0].figures] == [("arr", 2.1e6, 2.3e6)]
    assert [item for item in house.told(2) if item.change is Change.CORRECTED] == []


def test_an_event_that_an_earlier_proof_gave_another_id_is_no_news() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.told()
    earlier = Evidence(message_id="slack:earlier", quote="Kestrel is signing", start=0, end=18)
    renamed = DEAL.model_copy(update={"id": uuid5(NAMESPACE_URL, "other"), "evidence": (earlier, *DEAL.evidence)})
    house.knows(EARLY, ARR, NRR, renamed)
    with house.database.begin() as tx:
        alias = tx.events.get(DEAL.id)
        assert alias is not None
        assert alias.id == renamed.id
    assert house.told(1) == []
    house.knows(EARLY, ARR, NRR)
    (gone,) = house.told(2)
    assert (gone.change, [each.event_id for each in gone.events]) == (Change.WITHDRAWN, [renamed.id])
    assert house.told(3) == []


def test_an_erased_event_is_told_as_withdrawn_without_its_words() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.told()
    house.knows(EARLY, ARR, NRR)
    with house.database.begin() as tx:
        tx.erasures.take_events("orchard", [DEAL.id])
    (gone,) = house.told(1)
    assert (gone.change, gone.events[0].title, gone.events[0].said) == (Change.WITHDRAWN, "", None)
    assert DEAL.title not in gone.model_dump_json()


@pytest.mark.parametrize("takes_items", [True, False])
def test_where_an_erasure_took_the_notices_words_nothing_is_told_twice(takes_items: bool) -> None:
    house = House(FIRING, watch("nrr >= 150%", name="not yet"))
    house.knows(EARLY, *EVENTS)
    house.draft()
    house.told()
    (notice,), _, _ = rows(house.database)
    if takes_items:
        house.database.state.notices[notice.id] = notice.model_copy(update={"items": ()})
    else:
        with house.database.begin() as tx:
            tx.notices.take_words([ARR.id, DEAL.id], [letter.id for letter in tx.outreach.letters()])
    assert house.told(1) == []


def test_a_new_draft_brings_what_happened_since() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.draft()
    house.told()
    house.knows(EARLY, *EVENTS, LATER)
    assert house.told(1) == [], "no letter tells of it yet"
    house.draft(2)
    (item,) = house.told(2)
    assert (item.change, [each.title for each in item.events]) == (Change.DRAFT, [LATER.title])


def test_the_draft_comes_with_the_number_of_its_passages_that_no_event_bears_out() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.draft()
    with house.database.begin() as tx:
        (letter,) = tx.outreach.letters()
        body = letter.draft.body.replace("\n\n", "\n\nYour prices went up by half a year of growing pains.\n\n", 1)
        edited = letter.model_copy(update={"draft": letter.draft.model_copy(update={"body": body})})
        assert len(doubts(tx, edited)) == 1
        tx.outreach.rewrite_letter(edited, NOW, "dana", "edited")
    (item,) = house.told()
    assert item.letter is not None
    assert item.letter.doubts == 1


def test_a_letter_decided_about_is_not_brought_again() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.draft()
    with house.database.begin() as tx:
        (letter,) = tx.outreach.letters()
    house.decide(letter.id, LetterState.APPROVED)
    (item,) = house.told()
    assert item.letter is None


def test_two_watches_of_one_company_tell_an_event_once() -> None:
    house = House(FIRING, watch("nrr >= 120%", name="second"))
    house.knows(EARLY, *EVENTS)
    items = house.told()
    assert changes(items) == [Change.MET, Change.MET]
    told = Counter(each.event_id for item in items for each in item.events)
    assert told[DEAL.id] == 1
    assert house.told(1) == []


def test_what_is_over_the_cap_comes_the_next_day() -> None:
    watches = [watch(f"arr >= {number}M", name=str(number)) for number in (1, 5, 6, 7)]
    house = House(*watches, most=2)
    house.knows(EARLY, *EVENTS)
    (notice,) = house.digests.make(NOW)
    assert changes(notice.items) == [Change.MET, Change.MOVED]
    assert notice.held_over == ("Orchard", "Orchard")
    assert changes(house.told(1)) == [Change.MOVED, Change.MOVED]
    assert house.told(2) == []


def test_a_preview_tells_nothing_and_marks_nothing() -> None:
    house = House(FIRING, contacts=[])
    house.knows(*EVENTS)
    (previewed,) = house.digests.preview("Ivo@Fund.example", NOW)
    assert [previewed] == house.digests.preview(IVO.email, NOW)
    assert changes(previewed.items) == [Change.MET]
    assert house.digests.preview("nobody@fund.example", NOW) == []
    assert rows(house.database) == ([], set(), 0)


@pytest.mark.parametrize(
    ("timezone", "as_of", "is_told"),
    [
        ("Europe/Berlin", datetime(2026, 11, 20, 6, tzinfo=UTC), False),  # 7:00
        ("Europe/Berlin", datetime(2026, 11, 20, 7, tzinfo=UTC), True),
        ("Europe/Berlin", datetime(2026, 11, 20, 22, tzinfo=UTC), True),  # a missed hour, on the same day
        ("Europe/Berlin", datetime(2026, 11, 20, 23, tzinfo=UTC), False),  # the next day, before its hour
        ("Asia/Kolkata", datetime(2026, 11, 20, 2, tzinfo=UTC), False),  # 7:30
        ("Asia/Kolkata", datetime(2026, 11, 20, 3, tzinfo=UTC), True),
        (None, datetime(2026, 11, 20, 13, tzinfo=UTC), True),  # the house's: 8:00 in New York
        (None, datetime(2026, 11, 20, 12, tzinfo=UTC), False),
    ],
)
def test_people_are_told_at_their_hour_where_they_are(timezone: str | None, as_of: datetime, is_told: bool) -> None:
    house = House(FIRING, contacts=[IVO.model_copy(update={"timezone": timezone})], timezone="America/New_York")
    house.knows(*EVENTS)
    assert bool(house.at(as_of).make(as_of)) is is_told


def test_an_hour_that_the_clock_skips_is_told_at_the_next_and_a_doubled_one_once() -> None:
    """In Berlin 2:00 does not exist on 29 March 2026, and comes twice on 25 October."""
    at_two = [IVO.model_copy(update={"timezone": "Europe/Berlin", "digest_at": 2})]
    spring = House(FIRING, contacts=at_two)
    spring.knows(EARLY)
    hours = [datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(hours=each) for each in range(24)]
    told = [hour for hour in hours if spring.at(hour).make(hour)]
    assert told == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
    autumn = House(FIRING, contacts=at_two)
    autumn.knows(EARLY)
    hours = [datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(hours=each) for each in range(25)]
    assert [hour for hour in hours if autumn.at(hour).make(hour)] == [datetime(2026, 10, 25, 0, tzinfo=UTC)]


def test_news_after_the_hour_waits_for_the_next_day_unless_it_is_asked_for_by_hand() -> None:
    house = House(FIRING)
    house.knows()
    with house.database.begin() as tx:
        tx.outreach.remove_watch(FIRING.id)
        tx.outreach.add_watch(watch(name="only updates"))
    assert house.told() == []
    with house.database.begin() as tx:
        tx.outreach.add_watch(FIRING)
    house.knows(*EVENTS)
    assert house.told(hours=3) == []
    made = house.at(NOW + timedelta(hours=4)).make(NOW + timedelta(hours=4), IVO.email.upper())
    assert [changes(notice.items) for notice in made] == [[Change.MET]]
    assert house.at(NOW + timedelta(hours=5)).make(NOW + timedelta(hours=5), IVO.email) == []
    assert house.told(1) == []
    assert rows(house.database)[2] == 1


def test_a_notice_is_made_anew_before_it_goes() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    (notice,) = house.digests.make(NOW)
    with house.database.begin() as tx:
        assert house.digests.still(tx, notice.id) == notice
    house.knows(EARLY, ARR, NRR)
    with house.database.begin() as tx:
        cut = house.digests.still(tx, notice.id)
        assert cut is not None
        assert {each.title for each in cut.items[0].events} == {NRR.title}
        assert tx.notices.get(notice.id) == cut
        assert Told(FIRING.id, f"event:{DEAL.id}") not in tx.notices.told(IVO.email)
    assert house.told(1) == [], "what was never told is not withdrawn"


@pytest.mark.parametrize("why", ["suppressed", "off", "removed", "gone"])
def test_a_notice_of_which_nothing_is_left_does_not_go_and_told_nothing(why: str) -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    (notice,) = house.digests.make(NOW)
    with house.database.begin() as tx:
        if why == "suppressed":
            tx.contacts.suppress(Suppression(email=IVO.email, because="asked", who="x", at=NOW))
        elif why == "off":
            tx.contacts.save(IVO.model_copy(update={"digest_at": None}))
        elif why == "removed":
            tx.outreach.remove_watch(FIRING.id)
        assert house.digests.still(tx, notice.id if why != "gone" else uuid5(NAMESPACE_URL, "x")) is None
    if why != "gone":
        assert rows(house.database)[1] == set()


def test_a_notice_that_was_cancelled_is_not_made_again_that_day() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    (notice,) = house.digests.make(NOW)
    with house.database.begin() as tx:
        tx.contacts.save(IVO.model_copy(update={"digest_at": None}))
        house.digests.still(tx, notice.id)
        tx.contacts.save(IVO)
    assert house.digests.make(NOW, IVO.email) == []
    assert changes(house.told(1)) == [Change.MET]
    with house.database.begin() as tx:
        assert tx.mails.get(mail_id("notice", notice.id)) is not None


HAPPENING = [EARLY, *EVENTS, SETBACK, LATER]
WATCHES = [FIRING, watch("enterprise_deal >= 1", "nrr >= 150%", name="two"), watch(name="updates")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.sampled_from(range(len(HAPPENING)))), st.booleans()), min_size=1, max_size=7),
    st.integers(1, 4),
)
def test_in_any_order_each_event_is_told_once_and_a_still_day_says_nothing(
    days: list[tuple[set[int], bool]], most: int
) -> None:
    house = House(*WATCHES, most=most)
    known: set[int] = set()
    shown: Counter[object] = Counter()
    for number, (more, writes) in enumerate(days):
        known |= more
        house.knows(*(HAPPENING[each] for each in sorted(known)))
        if writes:
            house.draft(number)
        made = house.at(NOW + number * DAY).make(NOW + number * DAY)
        for notice in made:
            assert 0 < len(notice.items) <= most
            assert COMPANY.name in notice.companies
            for item in notice.items:
                shown.update(
                    each.event_id for each in (*item.events, *item.against) if item.change is not Change.AGAINST
                )
                shown.update(item.more)
        assert house.told(number, hours=2) == []
    assert all(count == 1 for count in shown.values()), shown
    still = len(days)
    while house.told(still):
        still += 1
    assert still <= len(days) + 3 * len(WATCHES), "what was held over runs out"
    assert house.told(still + 1) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(range(len(HAPPENING)))), st.sampled_from([2.1e6, 1.9e6, 2.3e6])), max_size=7
    )
)
def test_whatever_comes_and_goes_a_day_that_changes_nothing_says_nothing(days: list[tuple[set[int], float]]) -> None:
    house = House(*WATCHES, most=50)
    for number, (present, arr) in enumerate(days):
        now = [HAPPENING[each] for each in sorted(present)]
        figures = {ARR.id: ARR.model_copy(update={"metrics": (metric("arr", arr),)})}
        points = [*(p for p in AND_EARLY if p.event_id != ARR.id), point(ARR, "arr", arr)]
        house.knows(*(figures.get(each.id, each) for each in now), points=points)
        house.told(2 * number)
        assert house.told(2 * number + 1) == []


def test_what_goes_back_and_forth_is_told_again_with_the_draft_that_was_shown_before() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.draft()
    (first,) = house.told()
    house.knows(EARLY, *EVENTS, SETBACK)
    assert changes(house.told(1)) == [Change.AGAINST]
    house.knows(EARLY, *EVENTS)
    back = next(item for item in house.told(2) if item.change is Change.MET)
    assert back.letter == first.letter is not None
    assert house.told(3) == []


def test_a_notice_made_anew_may_show_the_draft_that_was_shown_before() -> None:
    house = House(FIRING, watch("nrr >= 150%", name="two"))
    house.knows(EARLY, *EVENTS)
    house.draft()
    house.told()
    house.knows(EARLY, *EVENTS, SETBACK)
    house.told(1)
    nearer = event("revenue_milestone", "NRR was 146%", "NRR is at 146%", metric("nrr", 146, "percent"), days_ago=0)
    points = [*AND_EARLY, point(nearer, "nrr", 146, "percent")]
    house.knows(EARLY, *EVENTS, SETBACK, nearer, points=points)
    at = NOW + 2 * DAY
    (made,) = house.at(at).make(at)
    house.knows(EARLY, *EVENTS, nearer, points=points)
    with house.database.begin() as tx:
        anew = house.at(at).still(tx, made.id)
    assert anew is not None
    assert Change.MET in changes(anew.items)


def test_one_persons_error_keeps_nobody_elses_notice_back_and_is_raised_for_another_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eva = Contact(email="eva@fund.example", name="Eva", digest_at=8)
    hers = FIRING.model_copy(
        update={"id": uuid5(NAMESPACE_URL, "hers"), "investor": Person(name="Eva", email=eva.email)}
    )
    house = House(FIRING, hers, contacts=[eva, IVO])
    house.knows(EARLY, *EVENTS)
    notice = Digests._notice
    with monkeypatch.context() as broken:

        def fails(self: Digests, tx: Transaction, contact: Contact, *args: Any) -> Notice | None:
            if contact == eva:
                raise PermanentError("her notice cannot be made")
            return notice(self, tx, contact, *args)

        broken.setattr(Digests, "_notice", fails)
        with pytest.raises(PermanentError, match="her notice"):
            house.told()
        assert len(rows(house.database)[0]) == 1
        assert rows(house.database, eva.email)[0] == []
    assert [each.email for each in house.at(NOW).make(NOW)] == [eva.email]


def test_a_task_that_is_out_of_time_ends_at_once_and_is_no_persons_error(monkeypatch: pytest.MonkeyPatch) -> None:
    eva = Contact(email="eva@fund.example", name="Eva", digest_at=8)
    asked: list[str] = []

    def slow(_: Digests, contact: Contact, *args: Any, **other: Any) -> None:
        asked.append(contact.email)
        raise SoftTimeLimitExceeded

    hers = {"id": uuid5(NAMESPACE_URL, "hers"), "investor": Person(name="Eva", email=eva.email)}
    house = House(FIRING, FIRING.model_copy(update=hers), contacts=[eva, IVO])
    monkeypatch.setattr(Digests, "_make", slow)
    with pytest.raises(SoftTimeLimitExceeded):
        house.told()
    assert asked == [eva.email], "nobody else is asked once the time is over"


def shares(house: House, **other: Any) -> None:
    with house.database.begin() as tx:
        share = tx.shares.get("default", "orchard")
        assert share is not None
        tx.shares.put(share.model_copy(update=other))


def test_a_withdrawn_event_is_named_as_exactly_as_the_founder_shares() -> None:
    house = House(FIRING)
    shares(house, granularity=Granularity.BANDS)
    house.knows(EARLY, *EVENTS)
    house.told()
    house.knows(EARLY, ARR, NRR)
    (gone,) = house.told(1)
    assert gone.change is Change.WITHDRAWN
    assert gone.events[0].title.startswith("Kestrel Air signed a contract worth")
    assert "240k" not in gone.model_dump_json()


@pytest.mark.parametrize("ends", [{"until": NOW + timedelta(hours=1)}, {"sources": ("gmail",)}])
def test_nothing_is_told_of_a_withdrawn_event_that_is_not_shared_any_more(ends: dict[str, Any]) -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS)
    house.told()
    shares(house, **ends)
    house.knows(EARLY, ARR, NRR)
    assert [item for item in house.told(1) if item.change is Change.WITHDRAWN] == []


def test_a_setback_told_before_goes_from_a_later_notice_too() -> None:
    house = House(FIRING)
    house.knows(EARLY, *EVENTS, SETBACK)
    house.told()
    with house.database.begin() as tx:
        tx.outreach.add_watch(watch("arr >= 2M", name="second"))
    (second,) = house.told(1)
    assert [each.title for each in second.against] == [SETBACK.title]
    with house.database.begin() as tx:
        assert tx.notices.take_words({SETBACK.id}, set()) == 2
        left = "".join(notice.model_dump_json() for notice in tx.notices.of(IVO.email))
    assert SETBACK.title not in left
    assert SETBACK.evidence[0].quote not in left
