"""One suite for the Answers port, on memory and on Redis; then what only Redis can do: expire, and be away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from sago.errors import TransientError
from sago.ports import Answers
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.clock import ManualClock
from sago.stores.redis_answers import RedisAnswers

HOUR = timedelta(hours=1)
ANSWER: dict[str, Any] = {"findings": [{"quote": "漢 😀", "value": 1.5, "corrects": False}]}
AWAY = "redis://127.0.0.1:1/3"


@pytest.fixture(params=["memory", "redis"])
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    if request.param == "memory":
        yield MemoryAnswers(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)), HOUR)
        return
    kept = RedisAnswers(request.getfixturevalue("cache_url"), HOUR)
    yield kept
    kept.close()


def test_an_answer_comes_back_as_it_was_and_the_newest_counts(answers: Answers) -> None:
    assert answers.get("acme", "d1") is None
    answers.put("acme", "d1", {"findings": []})
    answers.put("acme", "d1", ANSWER)
    assert answers.get("acme", "d1") == ANSWER
    assert answers.get("acme", "d2") is None


def test_no_company_gets_what_was_answered_about_another(answers: Answers) -> None:
    answers.put("acme", "d1", ANSWER)
    for other in ("acme-2", "acm", "acme}", "other"):
        assert answers.get(other, "d1") is None


def test_a_company_is_forgotten_whole_and_alone(answers: Answers) -> None:
    for company in ("acme", "acme-2", "acm"):
        for number in range(3):
            answers.put(company, f"d{number}", ANSWER)
    assert (answers.count("acme"), answers.count("acme-2")) == (3, 3)
    answers.forget("acme")
    answers.forget("acme")
    assert (answers.count("acme"), answers.count("acme-2")) == (0, 3)
    assert [answers.get("acme", f"d{number}") for number in range(3)] == [None] * 3
    assert [answers.get(company, "d1") for company in ("acme-2", "acm")] == [ANSWER] * 2


def test_thousands_are_forgotten_too_and_what_else_lies_there_stays(cache_url: str) -> None:
    kept = RedisAnswers(cache_url, HOUR)
    with redis.Redis.from_url(cache_url) as client:
        client.set("breaker:gemini/m", "open")
        for number in range(2500):
            kept.put("acme", str(number), ANSWER)
        kept.forget("acme")
        assert client.keys("*") == [b"breaker:gemini/m"]
    kept.close()


def test_what_is_kept_goes_by_itself(cache_url: str) -> None:
    kept = RedisAnswers(cache_url, HOUR)
    kept.put("acme", "d1", ANSWER)
    with redis.Redis.from_url(cache_url) as client:
        (key,) = client.keys("*")
        assert 0 < client.pttl(key) <= HOUR / timedelta(milliseconds=1)
    kept.close()


def test_without_redis_nothing_is_kept_and_an_erasure_is_told() -> None:
    kept = RedisAnswers(AWAY, HOUR)
    kept.put("acme", "d1", ANSWER)
    assert kept.get("acme", "d1") is None
    with pytest.raises(TransientError, match="kept answers of acme cannot be deleted"):
        kept.forget("acme")
