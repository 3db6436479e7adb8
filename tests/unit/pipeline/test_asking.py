"""Whatever a server does when it is asked, there is an answer to go on with."""

from __future__ import annotations

from datetime import UTC, datetime

from sago.errors import TransientError
from sago.pipeline.asking import Asker
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_an_error_that_is_none_of_ours_is_the_reason_why_there_is_no_answer() -> None:
    asker = Asker(ManualClock(NOW))

    def broken() -> object:
        raise ValueError("what is this?")

    answers = asker.ask({"redis": broken, "kafka": lambda: 7})
    assert answers["kafka"] == 7
    assert isinstance(answers["redis"], TransientError)
    assert str(answers["redis"]) == "ValueError: what is this?"
    assert asker.silent_since("redis") == NOW
