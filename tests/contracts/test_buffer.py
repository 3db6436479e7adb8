"""One suite for the Buffer port, run on memory and on Redis; test_buffer_interleavings runs both side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from redis.client import Pipeline
from redis.crc import key_slot

from sago.domain.messages import CompactMessage, MessageKey
from sago.embedded.servers import Server
from sago.errors import ConfigError, TransientError
from sago.ports import Buffer
from sago.sections import CacheSettings, RedisSettings, UrgentSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.redis_buffer import RedisBuffer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMITS = CacheSettings(cache_trigger_threshold=5, claim_limit=8, urgent=UrgentSettings(enabled=True, every=600))
DATABASE = 2
MakeBuffer = Callable[[CacheSettings], Buffer]


def message(number: int, source: str = "slack", version: int = 0) -> CompactMessage:
    return CompactMessage(
        id=f"{source}:{number}",
        version=version,
        source=source,
        sent_at=NOW + timedelta(seconds=number),
        sender="Åsa",
        thread_id="t1" if number % 2 else None,
        text=f"Nachricht {number} — 数字 😀 {{}}",
    )


def messages(*numbers: int, source: str = "slack") -> list[CompactMessage]:
    return [message(number, source) for number in numbers]


def keys(*numbers: int) -> set[MessageKey]:
    return {message(number).key for number in numbers}


def ids(buffer: Buffer, company_id: str, batch_id: str | None) -> list[str]:
    assert batch_id is not None
    claim = buffer.claimed(company_id, batch_id)
    assert claim is not None
    assert claim.batch_id == batch_id
    assert claim.company_id == company_id
    return [held.id for held in claim.messages]


@pytest.fixture(scope="session")
def redis_url(redis_server: Server) -> str:
    return RedisSettings(**redis_server.settings["redis"]).database(DATABASE)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeBuffer]:
    if request.param == "memory":
        yield MemoryBuffer
        return
    url = request.getfixturevalue("redis_url")
    made: list[RedisBuffer] = []

    def build(limits: CacheSettings) -> Buffer:
        buffer = RedisBuffer(url, limits)
        buffer.clear()
        made.append(buffer)
        return buffer

    yield build
    for buffer in made:
        buffer.clear()
        buffer.close()


@pytest.fixture
def buffer(make: MakeBuffer) -> Buffer:
    return make(LIMITS)


def test_counts_each_message_once_and_claims_at_the_threshold(buffer: Buffer) -> None:
    assert buffer.add("acme", messages(1, 2, 2, 3), NOW)[:3] == (3, 1, None)
    assert buffer.counts() == {"acme": 3}
    assert buffer.add("acme", messages(3, 4), NOW)[:3] == (1, 1, None)
    added = buffer.add("acme", messages(5), NOW)
    assert added[:2] == (1, 0)
    assert ids(buffer, "acme", added.batch_id) == [f"slack:{n}" for n in range(1, 6)]
    assert buffer.counts() == {}
    assert buffer.add("acme", messages(1, 2, 3, 4, 5), NOW)[:3] == (0, 5, None)


def test_words_are_counted_wherever_a_message_waits(buffer: Buffer) -> None:
    buffer.add("acme", messages(1, 2, 3, 4, 5), NOW)
    buffer.add("acme", messages(6, 7), NOW)
    buffer.add("acme-2", messages(8), NOW)
    ((_, batch_id),) = buffer.unopened()
    assert (buffer.words("acme"), buffer.words("acme-2"), buffer.words("nobody")) == (7, 1, 0)
    buffer.taken_over("acme", batch_id)
    assert buffer.words("acme") == 7
    nothing = [each.model_copy(update={"text": "", "sender": ""}) for each in messages(9)]
    buffer.add("acme", nothing, NOW)
    assert buffer.words("acme") == 7
    buffer.clear("acme")
    assert (buffer.words("acme"), buffer.words("acme-2")) == (0, 1)


def test_clearing_one_company_forgets_its_queues_marks_and_claims_and_no_other(buffer: Buffer) -> None:
    buffer.begin_epoch(NOW)
    buffer.set_epoch()
    for company in ("acme", "acme-2"):
        buffer.add(company, [*messages(1, 2), message(3, "gmail")], NOW)
    batch_id = buffer.claim("acme", NOW)
    buffer.add("acme", messages(4), NOW)
    buffer.clear("acme")
    buffer.clear("of_one_company_that_is_not_there")
    assert batch_id is not None
    assert buffer.claimed("acme", batch_id) is None
    assert (buffer.counts(), buffer.marks(), buffer.unopened()) == ({"acme-2": 3}, 3, [])
    assert buffer.due(NOW, timedelta(0)) == ["acme-2"]
    assert buffer.has_epoch()
    assert buffer.add("acme", messages(1, 2, 4), NOW)[:3] == (3, 0, None)
    assert buffer.counts() == {"acme": 3, "acme-2": 3}


def test_a_claim_returns_every_field_of_every_source_oldest_first(buffer: Buffer) -> None:
    buffer.add("acme", [message(3, "gmail"), message(1, "slack", version=7)], NOW)
    batch_id = buffer.claim("acme", NOW)
    assert batch_id is not None
    assert batch_id.startswith("acme:")
    claim = buffer.claimed("acme", batch_id)
    assert claim is not None
    assert claim.messages == (message(1, "slack", version=7), message(3, "gmail"))


def test_versions_count_apart_and_companies_do_not_mix(buffer: Buffer) -> None:
    assert buffer.add("acme", [message(1), message(1, version=9)], NOW).counted == 2
    assert buffer.add("bolt", [message(1)], NOW).counted == 1
    assert buffer.counts() == {"acme": 2, "bolt": 1}
    versions = [MessageKey("slack:1", 9), MessageKey("slack:1", 8)]
    assert buffer.known("acme", versions, NOW) == {MessageKey("slack:1", 9)}
    assert ids(buffer, "bolt", buffer.claim("bolt", NOW)) == ["slack:1"]
    assert buffer.counts() == {"acme": 2}


def test_thousands_added_together_keep_their_order_and_count(make: MakeBuffer) -> None:
    buffer = make(CacheSettings(cache_trigger_threshold=10_000, claim_limit=3000))
    many = [*messages(*range(2500)), *messages(*range(400), source="gmail")]
    assert buffer.add("acme", many, NOW)[:2] == (2900, 0)
    assert buffer.counts() == {"acme": 2900}
    claimed = ids(buffer, "acme", buffer.claim("acme", NOW))
    assert [each for each in claimed if each.startswith("slack")] == [f"slack:{n}" for n in range(2500)]
    assert len(claimed) == 2900


def test_companies_added_together_are_counted_and_claimed_apart(buffer: Buffer) -> None:
    assert buffer.add_all({}, NOW) == {}
    buffer.add("acme", messages(1, 2), NOW)
    added = buffer.add_all({"acme": messages(2, 3, 4, 5), "bolt": messages(1), "crux": []}, NOW)
    assert {name: each[:2] for name, each in added.items()} == {"acme": (3, 1), "bolt": (1, 0), "crux": (0, 0)}
    assert ids(buffer, "acme", added["acme"].batch_id) == [f"slack:{n}" for n in range(1, 6)]
    assert (added["bolt"].batch_id, added["crux"].batch_id) == (None, None)
    assert buffer.counts() == {"bolt": 1}
    assert buffer.due(NOW, timedelta(0)) == ["bolt"]
    assert all(each.epoch_missing for each in added.values())


def test_a_claim_takes_at_most_its_limit_and_the_longest_waiting_first(make: MakeBuffer) -> None:
    buffer = make(CacheSettings(cache_trigger_threshold=100, claim_limit=4))
    buffer.add("acme", messages(10, 11, 12, source="slack"), NOW)
    buffer.add("acme", messages(1, 2, 3, source="gmail"), NOW + timedelta(seconds=1))
    assert ids(buffer, "acme", buffer.claim("acme", NOW)) == ["gmail:1", "slack:10", "slack:11", "slack:12"]
    assert buffer.counts() == {"acme": 2}
    assert ids(buffer, "acme", buffer.claim("acme", NOW)) == ["gmail:2", "gmail:3"]
    assert buffer.claim("acme", NOW) is None


def test_more_than_one_claim_holds_is_left_for_the_next(buffer: Buffer) -> None:
    added = buffer.add("acme", messages(*range(20)), NOW)
    assert len(ids(buffer, "acme", added.batch_id)) == 8
    assert buffer.counts() == {"acme": 12}
    assert len(ids(buffer, "acme", buffer.add("acme", [], NOW).batch_id)) == 8


def test_urgent_claims_at_once_but_only_once_in_its_pause(buffer: Buffer) -> None:
    assert buffer.add("acme", messages(1), NOW, urgent=keys(1)).batch_id is not None
    assert buffer.add("acme", messages(2), NOW + timedelta(seconds=599), urgent=keys(2)).batch_id is None
    assert buffer.add("bolt", messages(2), NOW, urgent=keys(2)).batch_id is not None
    later = buffer.add("acme", messages(3), NOW + timedelta(seconds=600), urgent=keys(3))
    assert ids(buffer, "acme", later.batch_id) == ["slack:2", "slack:3"]


def test_a_further_claim_takes_the_urgent_message_that_a_full_one_left_behind(buffer: Buffer) -> None:
    buffer.add("acme", messages(1, 2, 3, 4), NOW)
    added = buffer.add("acme", [*messages(*range(5, 10)), message(1, "gmail")], NOW, urgent=keys(9))
    assert set(ids(buffer, "acme", added.batch_id)) == {"gmail:1", *(f"slack:{n}" for n in range(1, 8))}
    assert ids(buffer, "acme", added.further_id) == ["slack:8", "slack:9"]
    assert len(buffer.unopened()) == 2
    within = buffer.add("acme", messages(10), NOW + timedelta(seconds=1), urgent=keys(10))
    assert (within.batch_id, within.further_id) == (None, None)


def test_one_claim_is_enough_where_it_takes_what_is_urgent(buffer: Buffer) -> None:
    added = buffer.add("acme", messages(*range(1, 12)), NOW, urgent=keys(8))
    assert len(ids(buffer, "acme", added.batch_id)) == 8
    assert added.further_id is None
    assert buffer.counts() == {"acme": 3}
    assert buffer.add("acme", messages(12), NOW, urgent=keys(12)).batch_id is None


def test_the_pause_is_not_spent_by_claims_that_leave_what_is_urgent_behind(buffer: Buffer) -> None:
    added = buffer.add("acme", messages(*range(1, 18)), NOW, urgent=keys(2, 17))
    assert [len(ids(buffer, "acme", each)) for each in (added.batch_id, added.further_id)] == [8, 8]
    assert buffer.counts() == {"acme": 1}
    soon = buffer.add("acme", messages(18), NOW + timedelta(seconds=1), urgent=keys(18))
    assert ids(buffer, "acme", soon.batch_id) == ["slack:17", "slack:18"]
    assert soon.further_id is None


def test_within_the_pause_the_threshold_claims_and_nothing_further(buffer: Buffer) -> None:
    buffer.add("acme", messages(1), NOW, urgent=keys(1))
    added = buffer.add("acme", messages(*range(2, 12)), NOW, urgent=keys(11))
    assert len(ids(buffer, "acme", added.batch_id)) == 8
    assert added.further_id is None
    assert buffer.counts() == {"acme": 2}


def test_what_is_urgent_hurries_its_own_company_alone(buffer: Buffer) -> None:
    added = buffer.add_all({"acme": messages(1, 2), "bolt": messages(1, 2)}, NOW, {"bolt": keys(2)})
    assert added["acme"].batch_id is None
    assert ids(buffer, "bolt", added["bolt"].batch_id) == ["slack:1", "slack:2"]
    assert buffer.counts() == {"acme": 2}


def test_an_urgent_message_delivered_again_makes_no_further_batch(buffer: Buffer) -> None:
    buffer.add("acme", messages(1), NOW, urgent=keys(1))
    later = NOW + timedelta(hours=1)
    assert buffer.add("acme", messages(1, 2), later, urgent=keys(1)).batch_id is None
    assert buffer.counts() == {"acme": 1}
    assert buffer.add("acme", messages(3), later, urgent=keys(3)).batch_id is not None


def test_a_claim_is_unopened_until_postgres_has_it_and_readable_after(buffer: Buffer) -> None:
    buffer.add("acme", [message(1, "slack"), message(2, "gmail")], NOW)
    batch_id = buffer.claim("acme", NOW)
    assert batch_id is not None
    assert buffer.unopened() == [("acme", batch_id)]
    for _ in range(2):
        buffer.taken_over("acme", batch_id)
        assert buffer.unopened() == []
        assert ids(buffer, "acme", batch_id) == ["slack:1", "gmail:2"]
    assert buffer.claimed("acme", "acme:unknown") is None
    buffer.taken_over("acme", "acme:unknown")
    assert buffer.claimed("nobody", batch_id) is None


def test_a_mark_is_known_as_long_as_it_counts(buffer: Buffer) -> None:
    buffer.add("acme", messages(1), NOW)
    key, last = MessageKey("slack:1", 0), NOW + timedelta(hours=48)
    assert buffer.known("acme", [key], last) == {key}
    assert buffer.known("acme", [key], last + timedelta(seconds=1)) == set()
    assert buffer.add("acme", messages(1), last + timedelta(seconds=1)).counted == 1


def test_forgotten_marks_count_again(buffer: Buffer) -> None:
    buffer.add("acme", messages(1, 2), NOW)
    buffer.claim("acme", NOW)
    buffer.forget("acme", [MessageKey("slack:1", 0), MessageKey("slack:99", 0)])
    buffer.forget("acme", [])
    assert buffer.known("acme", list(keys(1, 2)), NOW) == {MessageKey("slack:2", 0)}
    assert buffer.add("acme", messages(1, 2), NOW)[:2] == (1, 1)


def test_marks_are_trimmed_after_48_hours(buffer: Buffer) -> None:
    buffer.add("acme", messages(1), NOW)
    assert buffer.add("acme", messages(1), NOW + timedelta(hours=48)).duplicates == 1
    assert buffer.add("acme", messages(1), NOW + timedelta(hours=48, seconds=1)).counted == 1


def test_marks_are_counted_over_all_companies_and_outlive_a_claim(buffer: Buffer) -> None:
    assert buffer.marks() == 0
    buffer.add("acme", messages(1, 2, 3), NOW)
    buffer.add("other", messages(1), NOW)
    buffer.add("acme", messages(3), NOW)
    buffer.claim("acme", NOW)
    assert buffer.marks() == 4
    buffer.forget("acme", [message(1).key])
    assert buffer.marks() == 3


def test_due_is_by_the_oldest_message_still_queued(make: MakeBuffer) -> None:
    buffer = make(CacheSettings(cache_trigger_threshold=100, claim_limit=1))
    buffer.add("bolt", messages(1), NOW + timedelta(minutes=1))
    buffer.add("acme", messages(1), NOW)
    buffer.add("acme", messages(2), NOW + timedelta(minutes=30))
    hour = timedelta(hours=1)
    assert buffer.due(NOW + hour - timedelta(seconds=1), hour) == []
    assert buffer.due(NOW + hour, hour) == ["acme"]
    assert buffer.due(NOW + 2 * hour, hour) == ["acme", "bolt"]
    buffer.claim("acme", NOW)
    assert buffer.due(NOW + hour + timedelta(minutes=1), hour) == ["bolt"]
    buffer.claim("bolt", NOW)
    assert buffer.due(NOW + 2 * hour, hour) == ["acme"]


def test_the_epoch_is_missed_until_it_is_set(buffer: Buffer) -> None:
    assert not buffer.has_epoch()
    assert buffer.add("acme", messages(1), NOW).epoch_missing
    assert buffer.begin_epoch(NOW)
    assert not buffer.begin_epoch(NOW)
    assert not buffer.has_epoch()
    buffer.set_epoch()
    assert buffer.has_epoch()
    assert not buffer.begin_epoch(NOW)
    assert not buffer.add("acme", messages(2), NOW).epoch_missing
    buffer.clear()
    assert not buffer.has_epoch()
    assert buffer.begin_epoch(NOW)
    assert buffer.counts() == {}
    assert buffer.unopened() == []


def test_a_buffer_emptied_while_recovery_ran_still_misses_its_epoch(buffer: Buffer) -> None:
    buffer.begin_epoch(NOW)
    buffer.clear()
    buffer.set_epoch()
    assert not buffer.has_epoch()
    buffer.begin_epoch(NOW)
    buffer.set_epoch()
    assert buffer.has_epoch()


class TestRedis:
    """What only the real server can show."""

    @pytest.fixture
    def raw(self, redis_url: str) -> Iterator[redis.Redis]:
        client = redis.Redis.from_url(redis_url, decode_responses=True)
        client.flushdb()
        yield client
        client.config_set("maxmemory", 0)
        client.flushdb()
        client.close()

    def test_keys_have_the_forms_of_the_contract_and_one_slot(self, raw: redis.Redis, redis_url: str) -> None:
        buffer = RedisBuffer(redis_url, LIMITS)
        buffer.add("acme", [message(1), message(2, "gmail")], NOW)
        assert raw.type("messages:{acme}:{slack}:queue") == "list"
        assert raw.type("messages:{acme}:{slack}:metadata") == "hash"
        assert raw.type("messages:{acme}:counted") == "zset"
        assert raw.get("messages:{acme}:counter") == "2"
        assert raw.zrange("messages:due", 0, -1) == ["acme"]
        batch_id = buffer.claim("acme", NOW)
        assert batch_id is not None
        held = raw.hget("messages:{acme}:{gmail}:processing", batch_id)
        assert [body["id"] for body in json.loads(str(held))] == ["gmail:2"]
        assert len({key_slot(str(key).encode()) for key in raw.scan_iter("messages:{*")}) == 1
        buffer.close()

    def test_only_metadata_and_taken_over_batches_expire(self, raw: redis.Redis, redis_url: str) -> None:
        buffer = RedisBuffer(redis_url, LIMITS)
        buffer.add("acme", messages(1, 2), NOW)
        assert 0 < raw.ttl("messages:{acme}:{slack}:metadata") <= LIMITS.ttl
        assert raw.ttl("messages:{acme}:{slack}:queue") == -1
        batch_id = buffer.claim("acme", NOW)
        assert batch_id is not None
        assert raw.ttl("messages:{acme}:{slack}:processing") == -1
        buffer.taken_over("acme", batch_id)
        assert 0 < raw.ttl(f"messages:{{acme}}:{{slack}}:processing:{batch_id}") <= LIMITS.ttl
        buffer.close()

    def test_a_lost_due_index_is_rebuilt(self, raw: redis.Redis, redis_url: str) -> None:
        buffer = RedisBuffer(redis_url, LIMITS)
        buffer.add("acme", messages(1), NOW)
        raw.delete("messages:due")
        raw.zadd("messages:due", {"gone": 1})
        assert buffer.due(NOW + timedelta(hours=7), timedelta(hours=6)) == ["acme"]
        buffer.close()

    def test_the_memory_ceiling_refuses_an_add_whole_and_lets_claims_drain(
        self, raw: redis.Redis, redis_url: str
    ) -> None:
        buffer = RedisBuffer(redis_url, CacheSettings())
        buffer.add("acme", messages(1, 2), NOW)
        assert buffer.memory_share() == 0.0
        used = int(raw.info("memory")["used_memory"])  # type: ignore[index,arg-type]
        raw.config_set("maxmemory", used * 4)
        assert 0.1 < buffer.memory_share() < 0.5
        raw.config_set("maxmemory", used // 2)
        assert buffer.memory_share() == 1.0
        with pytest.raises(TransientError, match="memory ceiling"):
            buffer.add("acme", messages(*range(3, 300)), NOW)
        assert buffer.counts() == {"acme": 2}
        batch_id = buffer.claim("acme", NOW)
        assert batch_id is not None
        assert ids(buffer, "acme", batch_id) == ["slack:1", "slack:2"]
        buffer.taken_over("acme", batch_id)
        assert buffer.unopened() == []
        assert buffer.claimed("acme", batch_id) is None
        raw.config_set("maxmemory", 0)
        assert len(ids(buffer, "acme", buffer.add("acme", messages(*range(3, 300)), NOW).batch_id)) == 297
        buffer.close()

    def test_a_restart_between_the_script_and_its_call_is_not_felt(
        self, raw: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load, loads = Pipeline.load_scripts, []

        def forgotten_once(pipe: Pipeline) -> None:
            load(pipe)
            if not loads:
                raw.script_flush()
            loads.append(pipe)

        monkeypatch.setattr(Pipeline, "load_scripts", forgotten_once)
        buffer = RedisBuffer(redis_url, LIMITS)
        assert buffer.add("acme", messages(1, 2), NOW)[:3] == (2, 0, None)
        assert len(loads) == 2
        buffer.close()

    def test_what_a_replica_short_redis_refuses_may_pass(self, raw: redis.Redis, redis_url: str) -> None:
        buffer = RedisBuffer(redis_url, LIMITS)
        raw.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(TransientError, match="enough good replicas"):
                buffer.begin_epoch(NOW)
            with pytest.raises(TransientError, match="enough good replicas"):
                buffer.add("acme", messages(1), NOW)
        finally:
            raw.config_set("min-replicas-to-write", 0)
            buffer.close()

    def test_a_user_without_the_right_is_told_to_mend_it(self, raw: redis.Redis, redis_url: str) -> None:
        name = "without-info"
        raw.acl_setuser(name, enabled=True, passwords=["+pass"], keys=["*"], commands=["+@all", "-info"])
        buffer = RedisBuffer(f"redis://{name}:pass@{redis_url.rpartition('@')[2]}", LIMITS)
        try:
            assert buffer.counts() == {}
            with pytest.raises(ConfigError, match=r"redis\.url"):
                buffer.memory_share()
        finally:
            buffer.close()
            raw.acl_deluser(name)


def test_no_server_is_a_transient_error_soon() -> None:
    with pytest.raises(TransientError, match="does not answer"):
        RedisBuffer("redis://127.0.0.1:1/2", LIMITS, timeout=1).counts()


def test_a_wrong_password_names_the_setting(redis_url: str) -> None:
    host = redis_url.rsplit("@", 1)[-1].removeprefix("redis://")
    with pytest.raises(ConfigError, match=r"redis\.url"):
        RedisBuffer(f"redis://:wrong@{host}", LIMITS).counts()
