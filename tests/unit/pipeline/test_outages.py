"""A model that does not answer for hours: who asks it meanwhile, and how soon all goes on afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sago.domain.batches import BatchState, Chunk, ExtractionRequest
from sago.domain.events import Finding
from sago.errors import TooLateError, TransientError
from sago.llm.gateway import Gateway
from sago.llm.providers.marker import MarkerModel
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.memory.clock import ManualClock
from tests.unit.pipeline.house import NOW, House, deal, message

OPEN_FOR = timedelta(seconds=30)
REAP_EVERY = timedelta(seconds=30)
NAMES = ("Anvil", "Borealis", "Cobalt", "Dorian", "Ember", "Fjord")


class Outage:
    """A house of six batches whose model fails; time passes with the reaper's looks."""

    def __init__(self, error: Exception, chunk: int = 1) -> None:
        self.error: Exception | None = error
        self.asked = 0
        self.clock = ManualClock(NOW)
        outage = self

        class Model(MarkerModel):
            def extract(self, request: ExtractionRequest) -> list[Finding]:
                return breakers.call("gemini/test", lambda: self.asked(request))

            def asked(self, request: ExtractionRequest) -> list[Finding]:
                outage.asked += 1
                if isinstance(outage.error, TooLateError) and len(request.messages) == 1:
                    raise TransientError(str(outage.error))  # less cannot be asked
                if outage.error:
                    raise outage.error
                return super().extract(request)

        settings = BreakerSettings(fail_max=3, open_for=OPEN_FOR.total_seconds())
        breakers = SharedBreakers(MemoryShelf(), self.clock, settings, timedelta(minutes=6))
        self.house = House(Model(), threshold=chunk, chunk=chunk)
        for n, name in enumerate(NAMES):
            beside = [message(chunk * n + k) for k in range(1, chunk)]
            self.house.store(deal(chunk * n, name), *beside, name=f"log:{n}")
        self.house.run(self.clock.now())

    def pass_time(self, time: timedelta) -> None:
        for _ in range(time // REAP_EVERY):
            self.clock.advance(REAP_EVERY)
            self.house.reaper.reap(self.clock.now())
            self.house.run(self.clock.now())

    def chunks(self) -> list[Chunk]:
        with self.house.database.begin() as tx:
            return [chunk for batch_id in self.house.database.state.batches for chunk in tx.batches.chunks(batch_id)]

    def states(self) -> dict[BatchState, int]:
        with self.house.database.begin() as tx:
            return {state: count for state, count in tx.batches.counts().items() if count}


def test_only_the_trials_are_asked_while_it_lasts() -> None:
    outage = Outage(TransientError("gemini answers 503"))
    assert outage.asked == 3
    outage.pass_time(timedelta(hours=3))
    assert outage.asked <= 3 + timedelta(hours=3) // OPEN_FOR
    assert outage.states() == {BatchState.FAILED: 6}
    assert {chunk.attempts for chunk in outage.chunks()} == {0}
    assert {"gemini answers 503" in (chunk.error or "") for chunk in outage.chunks()} == {True}


@pytest.mark.parametrize("hours", [1, 9])
def test_however_long_it_lasted_all_goes_on_within_a_minute_and_a_half(hours: int) -> None:
    outage = Outage(TransientError("gemini answers 503"))
    outage.pass_time(timedelta(hours=hours))
    outage.error = None
    outage.pass_time(timedelta(seconds=90))
    assert outage.states() == {BatchState.MERGED: 6}
    assert outage.house.deals() == list(NAMES)


def test_who_says_when_is_asked_then_and_not_before() -> None:
    outage = Outage(TransientError("429", retry_after=timedelta(minutes=20)))
    assert outage.asked == 1
    outage.error = None
    outage.pass_time(timedelta(minutes=19, seconds=30))
    assert outage.asked == 1
    outage.pass_time(timedelta(minutes=1))
    assert outage.states() == {BatchState.MERGED: 6}


def test_what_another_model_read_meanwhile_bears_its_name() -> None:
    class Down(MarkerModel):
        name, version = "vendor", "9"

        def extract(self, request: ExtractionRequest) -> list[Finding]:
            raise TransientError("503")

    class Spare(MarkerModel):
        name, version = "spare", "7"

    house = House(threshold=1)
    models = Gateway(Down(), MarkerModel(), ManualClock(NOW), fallback=[Down(), Spare()])
    house.extracting = replace(house.extracting, models=models)
    house.store(deal(1, "Anvil"), message(2), name="log:1")
    house.run()
    assert house.deals() == ["Anvil"]
    with house.database.begin() as tx:
        (found,) = tx.events.current("acme")
        assert (found.extractor, found.extractor_version) == ("spare", "7")
        results = [result for batch_id in house.database.state.batches for result in tx.batches.results(batch_id)]
        assert {(result.extractor, result.extractor_version) for result in results} == {("spare", "7")}


def test_silence_halves_chunks_and_kills_no_message() -> None:
    outage = Outage(TooLateError("gemini did not answer within 200 s"), chunk=2)
    outage.pass_time(timedelta(hours=9))
    outage.error = None
    outage.pass_time(timedelta(hours=1))
    assert outage.states() == {BatchState.MERGED: 6}
    assert outage.house.deals() == list(NAMES)
    assert outage.house.dead() == []
