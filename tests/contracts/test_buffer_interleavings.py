"""The buffer under any interleaving: memory and Redis beside each other, held against a model that only counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sago.domain.batches import Added, Claim
from sago.domain.messages import CompactMessage, MessageKey
from sago.embedded.servers import Server
from sago.errors import TransientError
from sago.sections import CacheSettings, RedisSettings, UrgentSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.redis_buffer import RedisBuffer
from tests.contracts.lost_answers import LostAnswers

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THRESHOLD, CLAIM_LIMIT = 5, 8
LIMITS = CacheSettings(
    cache_trigger_threshold=THRESHOLD, claim_limit=CLAIM_LIMIT, urgent=UrgentSettings(enabled=True, every=600)
)
MARKS_FOR = timedelta(hours=48)
DATABASE = 2
COMPANIES = st.sampled_from(["acme", "bolt", "a-b_c"])
MESSAGES = st.builds(
    lambda source, number, version: CompactMessage(
        id=f"{source}:{number}",
        version=version,
        source=source,
        sent_at=NOW + timedelta(seconds=number),
        sender="Åsa",
        text=f'Nachricht {number} — 数字 😀 {{}} "{version}"',
    ),
    st.sampled_from(["slack", "gmail", "zoom"]),
    st.integers(0, 9),
    st.sampled_from([0, 0, 0, 1_772_442_000_000_001]),
)

KEYS = MESSAGES.map(lambda message: message.key)


@dataclass
class Company:
    """What must be true of one company: when each version was counted, what waits, and what each claim took."""

    marks: dict[MessageKey, datetime] = field(default_factory=dict)
    waiting: list[tuple[datetime, CompactMessage]] = field(default_factory=list)
    claims: dict[str, list[CompactMessage]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    counted: int = 0

    def count(self, messages: list[CompactMessage], now: datetime) -> int:
        """How many of these are new: one that was counted less than 48 hours ago is not."""
        self.marks = {key: at for key, at in self.marks.items() if at >= now - MARKS_FOR}
        fresh = {message.key: message for message in messages if message.key not in self.marks}
        self.marks |= dict.fromkeys(fresh, now)
        self.waiting += [(now, message) for message in fresh.values()]
        self.counted += len(fresh)
        return len(fresh)

    def take(self, batch_id: str, messages: list[CompactMessage]) -> None:
        """A claim holds what waited longest, all of it or its limit, each message once."""
        assert batch_id not in self.claims
        assert len(messages) == min(CLAIM_LIMIT, len(self.waiting))
        left = list(self.waiting)
        taken = [left.pop(next(i for i, (_, held) in enumerate(left) if held == message)) for message in messages]
        assert max(at for at, _ in taken) <= min((at for at, _ in left), default=datetime.max.replace(tzinfo=UTC))
        self.waiting = left
        self.claims[batch_id] = messages


class Twins(RuleBasedStateMachine):
    """Each call goes to memory and to Redis; some of Redis's answers are lost on the way, after it has done the work.

    Several workers share the buffer, so a call is one step of any of them.
    """

    relay: LostAnswers
    redis_buffer: RedisBuffer
    server: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryBuffer(LIMITS)
        self.companies: dict[str, Company] = {}
        self.pairs: list[tuple[str, str, str]] = []
        self.now = NOW
        self.is_full = False

    @initialize()
    def empty(self) -> None:
        self.server.config_set("maxmemory", 0)
        self.redis_buffer.clear()

    def teardown(self) -> None:
        self.server.config_set("maxmemory", 0)
        while counts := self.memory.counts():
            for company_id in counts:
                self.claim(company_id, None)
        for company in self.companies.values():
            assert sum(map(len, company.claims.values())) == company.counted
        self.everything_is_somewhere_once()

    @rule(
        company_id=COMPANIES,
        messages=st.lists(MESSAGES, max_size=20),
        urgent=st.sets(KEYS, max_size=3),
        lost=st.sampled_from([None, None, 0, 1]),
    )
    def add(self, company_id: str, messages: list[CompactMessage], urgent: set[MessageKey], lost: int | None) -> None:
        if self.is_full and messages:
            with pytest.raises(TransientError, match="memory ceiling"):
                self.redis_buffer.add(company_id, messages, self.now, urgent)
            return
        with self.relay.losing(lost) as is_lost:
            there = self.redis_buffer.add(company_id, messages, self.now, urgent)
        here = self.memory.add(company_id, messages, self.now, urgent)
        self._added(company_id, messages, here, there, is_lost())

    @precondition(lambda self: not self.is_full)
    @rule(
        messages=st.dictionaries(COMPANIES, st.lists(MESSAGES, max_size=7), max_size=3),
        urgent=st.dictionaries(COMPANIES, st.sets(KEYS, max_size=3), max_size=3),
        lost=st.sampled_from([None, None, 0, 1]),
    )
    def add_all(
        self, messages: dict[str, list[CompactMessage]], urgent: dict[str, set[MessageKey]], lost: int | None
    ) -> None:
        with self.relay.losing(lost) as is_lost:
            there = self.redis_buffer.add_all(messages, self.now, urgent)
        here = self.memory.add_all(messages, self.now, urgent)
        assert here.keys() == there.keys() == messages.keys()
        for company_id, some in messages.items():
            self._added(company_id, some, here[company_id], there[company_id], is_lost())

    @rule(company_id=COMPANIES, lost=st.sampled_from([None, None, 0, 1]))
    def claim(self, company_id: str, lost: int | None) -> None:
        here = self.memory.claim(company_id, self.now)
        with self.relay.losing(lost):
            there = self.redis_buffer.claim(company_id, self.now)
        self._company(company_id).count([], self.now)
        self._took(company_id, here, there)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        company_id, here, there = data.draw(st.sampled_from(self.pairs))
        self.memory.taken_over(company_id, here)
        self.redis_buffer.taken_over(company_id, there)
        self._company(company_id).opened.add(here)
        assert _held(self.memory.claimed(company_id, here)) == self._company(company_id).claims[here]
        if not self.is_full:  # there the cache may be given up
            assert _held(self.redis_buffer.claimed(company_id, there)) == self._company(company_id).claims[here]

    @rule(company_id=COMPANIES, messages=st.lists(MESSAGES, max_size=4))
    def forget(self, company_id: str, messages: list[CompactMessage]) -> None:
        keys = [message.key for message in messages]
        self.memory.forget(company_id, keys)
        self.redis_buffer.forget(company_id, keys)
        for key in keys:
            self._company(company_id).marks.pop(key, None)

    @rule(pause=st.sampled_from([timedelta(seconds=1), timedelta(seconds=600), timedelta(hours=47), MARKS_FOR]))
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause

    @precondition(lambda self: not self.is_full)
    @rule()
    def recovery_has_run(self) -> None:
        for buffer in (self.memory, self.redis_buffer):
            buffer.begin_epoch(self.now)
            buffer.set_epoch()

    @rule()
    def flushed(self) -> None:
        """Redis is emptied by somebody: what waited is recovery's to queue again, so the model begins anew as well."""
        self.memory.clear()
        self.server.flushdb()
        self.companies.clear()
        self.pairs.clear()

    @rule()
    def memory_is_full(self) -> None:
        self.server.config_set("maxmemory", 1)
        self.is_full = True

    @precondition(lambda self: self.is_full)
    @rule()
    def memory_is_free(self) -> None:
        self.server.config_set("maxmemory", 0)
        self.is_full = False

    @rule(older_than=st.sampled_from([timedelta(0), timedelta(seconds=600), timedelta(hours=6)]))
    def due(self, older_than: timedelta) -> None:
        oldest = {name: company.waiting[0][0] for name, company in self.companies.items() if company.waiting}
        expected = sorted(name for name, at in oldest.items() if at <= self.now - older_than)
        for buffer in (self.memory, self.redis_buffer):
            assert sorted(buffer.due(self.now, older_than)) == expected

    @invariant()
    def everything_is_somewhere_once(self) -> None:
        counts = {name: len(company.waiting) for name, company in self.companies.items() if company.waiting}
        for number, buffer in enumerate((self.memory, self.redis_buffer)):
            assert buffer.counts() == counts
            unopened = [(pair[0], pair[1 + number]) for pair in self.pairs if not self._is_opened(pair)]
            assert buffer.unopened() == sorted(unopened)
        for name, company in self.companies.items():
            assert company.counted == len(company.waiting) + sum(map(len, company.claims.values()))
            for buffer in (self.memory, self.redis_buffer):
                assert buffer.known(name, list(company.marks), self.now) == {
                    key for key, at in company.marks.items() if at >= self.now - MARKS_FOR
                }

    def _added(
        self, company_id: str, messages: list[CompactMessage], here: Added, there: Added, is_repeated: bool
    ) -> None:
        fresh = self._company(company_id).count(messages, self.now)
        assert here[:2] == (fresh, len(messages) - fresh)
        assert there.counted + there.duplicates == len(messages)
        if not is_repeated:
            assert there[:2] == here[:2]
            assert there.epoch_missing == here.epoch_missing
        self._took(company_id, here.batch_id, there.batch_id)
        self._took(company_id, here.further_id, there.further_id)

    def _took(self, company_id: str, here: str | None, there: str | None) -> None:
        assert (here is None) == (there is None)
        if here is None or there is None:
            return
        held = _held(self.memory.claimed(company_id, here))
        assert _held(self.redis_buffer.claimed(company_id, there)) == held
        self._company(company_id).take(here, held)
        self.pairs.append((company_id, here, there))

    def _company(self, company_id: str) -> Company:
        return self.companies.setdefault(company_id, Company())

    def _is_opened(self, pair: tuple[str, str, str]) -> bool:
        return pair[1] in self._company(pair[0]).opened


def _held(claim: Claim | None) -> list[CompactMessage]:
    assert claim is not None
    return list(claim.messages)


@dataclass(frozen=True)
class Place:
    """Redis by two ways: the test's own, and one on which answers can be lost."""

    url: str
    server: redis.Redis
    relay: LostAnswers


@pytest.fixture
def place(redis_server: Server) -> Iterator[Place]:
    url = RedisSettings(**redis_server.settings["redis"]).database(DATABASE)
    with closing(redis.Redis.from_url(url, decode_responses=True)) as server:
        where = server.connection_pool.connection_kwargs
        ceiling: Any = server.config_get("maxmemory")
        relay = LostAnswers(where["host"], where["port"])
        yield Place(url.replace(f":{where['port']}/", f":{relay.port}/"), server, relay)
        relay.close()
        server.config_set("maxmemory", ceiling["maxmemory"])
        server.flushdb()


def test_any_interleaving_counts_each_version_once_and_loses_none(place: Place) -> None:
    with closing(RedisBuffer(place.url, LIMITS)) as buffer:
        machine = type("Twins", (Twins,), {"relay": place.relay, "server": place.server, "redis_buffer": buffer})
        run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))  # type: ignore[no-untyped-call]


def test_an_answer_lost_while_the_reaper_opens_its_claim_takes_nothing_more(place: Place) -> None:
    """Else the repeat claims again under the same id, which Postgres has already: those messages reach no chunk."""
    messages = [
        CompactMessage(id=f"slack:{number}", source="slack", sent_at=NOW, sender="ana", text="standup")
        for number in range(CLAIM_LIMIT + THRESHOLD)
    ]
    with closing(RedisBuffer(place.url, LIMITS)) as buffer, closing(RedisBuffer(place.url, LIMITS)) as reaper:

        def open_all() -> None:
            for company_id, batch_id in reaper.unopened():
                reaper.taken_over(company_id, batch_id)

        place.relay.on_loss = open_all
        for answer in range(3):  # whichever of them tells of the claim
            buffer.clear()
            with place.relay.losing(answer):
                added = buffer.add("acme", messages, NOW)
            assert added.batch_id is not None
            assert len(_held(buffer.claimed("acme", added.batch_id))) == CLAIM_LIMIT
            assert buffer.counts() == {"acme": THRESHOLD}
            buffer.clear()
            with place.relay.losing(answer):
                added = buffer.add("acme", messages, NOW, [messages[-1].key])
            assert added.further_id is not None
            assert len(_held(buffer.claimed("acme", added.further_id))) == THRESHOLD
            assert buffer.counts() == {}
