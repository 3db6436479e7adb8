"""One suite for the Replies port, on memory and on Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from sago.ports import Begun, Replies
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.replies import MemoryReplies
from sago.stores.redis_replies import KEPT, UNDER_WAY, RedisReplies

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
def replies(request: pytest.FixtureRequest) -> Iterator[Replies]:
    made: Replies
    if request.param == "memory":
        made = MemoryReplies(ManualClock(NOW), most=3)
    else:
        made = RedisReplies(request.getfixturevalue("cache_url"), most=3)
    yield made
    made.close()


def ended(replies: Replies, caller: str, name: str, answer: object) -> None:
    """As the first, and answered."""
    begun = replies.begin(caller, name, "sha")
    assert begun.is_first
    replies.end(caller, name, begun, answer)


def test_the_first_takes_a_name_and_others_find_it_under_way(replies: Replies) -> None:
    assert replies.begin("ana", "a", "sha").is_first
    assert replies.begin("ana", "a", "sha") == Begun(is_first=False, digest="sha", answer=None)
    assert replies.begin("ana", "a", "other") == Begun(is_first=False, digest="sha", answer=None)
    assert replies.begin("ana", "b", "sha").is_first


def test_an_answer_is_found_by_those_who_come_later(replies: Replies) -> None:
    ended(replies, "ana", "a", {"said": [1, "zwei"]})
    assert replies.begin("ana", "a", "other") == Begun(is_first=False, digest="sha", answer={"said": [1, "zwei"]})


def test_a_name_that_was_given_back_is_taken_anew(replies: Replies) -> None:
    replies.release("ana", "a", replies.begin("ana", "a", "sha"))
    assert replies.begin("ana", "a", "other").is_first


@pytest.mark.parametrize("is_answered", [True, False])
def test_who_took_longer_than_a_name_is_kept_takes_it_from_nobody_else(replies: Replies, *, is_answered: bool) -> None:
    late = replies.begin("ana", "a", "late")
    replies.release("ana", "a", late)  # as after its minute
    begun = replies.begin("ana", "a", "sha")
    if is_answered:
        replies.end("ana", "a", begun, 1)
    replies.end("ana", "a", late, 2)
    replies.release("ana", "a", late)
    found = replies.begin("ana", "a", "sha")
    assert found == Begun(is_first=False, digest="sha", answer=1 if is_answered else None)


def test_an_answer_is_kept_where_nobody_took_the_name_since(replies: Replies) -> None:
    late = replies.begin("ana", "a", "sha")
    replies.release("ana", "a", late)
    replies.end("ana", "a", late, 2)
    assert replies.begin("ana", "a", "sha").answer == 2


def test_of_many_at_once_one_is_the_first(replies: Replies) -> None:
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: replies.begin("ana", "a", "sha"), range(24)))
    assert sum(each.is_first for each in begun) == 1


def test_of_each_caller_the_newest_answers_are_kept(replies: Replies) -> None:
    for caller in ("ana", "ben"):
        for name in ("a", "b", "c"):
            ended(replies, caller, name, 1)
    fourth = replies.begin("ana", "d", "sha")
    assert not replies.begin("ana", "a", "sha").is_first  # what is under way takes no place
    replies.end("ana", "d", fourth, 2)
    assert replies.begin("ana", "a", "sha").is_first
    kept = [replies.begin(caller, name, "sha") for caller, name in (("ana", "b"), ("ana", "c"), ("ana", "d"))]
    assert [each.answer for each in kept] == [1, 1, 2]
    assert not any(replies.begin("ben", name, "sha").is_first for name in ("a", "b", "c"))
    assert replies.begin("ben", "d", "sha").is_first


def test_in_memory_a_name_is_given_back_by_itself() -> None:
    clock = ManualClock(NOW)
    replies = MemoryReplies(clock)
    replies.begin("ana", "a", "sha")
    clock.advance(UNDER_WAY + timedelta(seconds=1))
    ended(replies, "ana", "a", 1)
    clock.advance(KEPT - timedelta(seconds=1))
    assert not replies.begin("ana", "a", "sha").is_first


@pytest.mark.services
def test_in_redis_each_name_has_its_end(cache_url: str) -> None:
    replies = RedisReplies(cache_url)
    with redis.Redis.from_url(cache_url) as client:
        begun = replies.begin("ana", "a", "sha")
        assert 0 < client.pttl("replies:{ana}:a") <= UNDER_WAY / timedelta(milliseconds=1)
        replies.end("ana", "a", begun, {})
        for name in ("replies:{ana}:a", "replies:{ana}"):
            assert 0 <= KEPT / timedelta(milliseconds=1) - client.pttl(name) < 60_000
    replies.close()


@pytest.mark.services
def test_in_redis_a_name_that_is_under_way_again_after_its_end_stays(cache_url: str) -> None:
    replies = RedisReplies(cache_url, most=3)
    with redis.Redis.from_url(cache_url) as client:
        client.zadd("replies:{ana}", {"replies:{ana}:a": (time.time() - KEPT.total_seconds()) * 1e6})
    replies.begin("ana", "a", "sha")
    for name in ("b", "c", "d"):
        ended(replies, "ana", name, 1)
    assert not any(replies.begin("ana", name, "sha").is_first for name in ("a", "b", "c", "d"))
    replies.close()


def test_without_redis_each_is_a_first_and_nothing_fails() -> None:
    replies = RedisReplies("redis://127.0.0.1:1/3")
    for _ in range(2):
        begun = replies.begin("ana", "a", "sha")
        assert begun.is_first
        replies.end("ana", "a", begun, {})
        replies.release("ana", "a", begun)
    replies.close()
