"""A chunk of several requests, and a limit of ours that holds fewer: it ends, and little is paid twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.domain.batches import BatchState
from sago.domain.companies import ModelPolicy
from sago.domain.model_calls import Budget, CallOutcome, ModelCall
from sago.llm.remote.guards import Budgeted, Limited
from sago.llm.remote.model import RemoteModel
from sago.llm.remote.question import Line, Question, Reply
from sago.model_sections import OpenAISettings
from sago.pipeline.consent import Consent
from sago.resilience.rates import MemoryRates
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.model_calls import MemoryCallLedger
from tests.unit.pipeline.house import NOW, House, message

PARTS = 4
MESSAGES = 16


def is_merged(house: House) -> bool:
    with house.database.begin() as tx:
        return {state for state, count in tx.batches.counts().items() if count} == {BatchState.MERGED}


class World:
    """One chunk that takes `PARTS` requests, read through guards; each answer costs a cent and finds nothing."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = MemoryCallLedger()
        self.settings = OpenAISettings(
            model="m", base_url="http://localhost:1/v1", input_tokens=8000, output_tokens=1000
        )
        self.asked = 0

    def ask(self, question: Question) -> Reply:
        self.asked += 1
        told = {"provider": "openai", "model": "m", "prompt_version": question.prompt_version, "latency_ms": 1}
        about = {"company_id": question.company_id, "job": question.job, "outcome": CallOutcome.OK, "cost_usd": 0.01}
        self.ledger.record(ModelCall.model_validate({"id": question.id, "at": self.clock.now(), **told, **about}))
        return Reply({"findings": []})

    def read(self, line: Line, every: timedelta) -> House:
        """Look as often as told until the batch is merged."""
        model = RemoteModel("openai", self.settings, line, self.clock)
        house = House(model, threshold=MESSAGES, chunk=MESSAGES)
        Consent(house.database, self.clock).give(["acme"], ModelPolicy.OWN_HOUSE)
        house.store(*(message(n, text="word " * 480) for n in range(MESSAGES)))
        house.run(self.clock.now())
        for _ in range(60):
            if is_merged(house):
                break
            self.clock.advance(every)
            house.reaper.reap(self.clock.now())
            house.run(self.clock.now())
        return house


def test_without_a_limit_it_is_so_many_requests() -> None:
    world = World()
    assert is_merged(world.read(world, timedelta(seconds=30)))
    assert world.asked == PARTS


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_chunk_of_several_parts_ends_under_a_rate_below_that(most: int) -> None:
    world = World()
    line = Limited(world, "openai", most, MemoryRates(world.clock), world.clock)
    house = world.read(line, timedelta(seconds=30))
    assert is_merged(house)
    assert world.asked <= 3 * PARTS
    assert house.dead() == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_chunk_of_several_parts_ends_under_a_budget_below_that(most: int) -> None:
    world = World()
    world.settings = world.settings.model_copy(update={"price_output": 10.0})
    line = Budgeted(world, "openai", world.settings, Budget(most / 100, None), world.ledger, world.clock)
    house = world.read(line, timedelta(hours=6))
    assert is_merged(house)
    assert world.asked <= 3 * PARTS
    assert house.dead() == []
