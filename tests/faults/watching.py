"""What `sago status --json` and the API's health say while something is wrong: asked every second, kept, compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from sago.cli.status import Observer, as_json_of
from sago.config import load
from sago.embedded.record import read_record
from tests.faults.house import House

EVERY = 1.0
STATUS, API = "status", "api"
HEALTH = "/api/v1/data-flow/health"


@dataclass(frozen=True)
class Told:
    """One answer: by whom, asked when, how long it took, and what it was; an error counts as a problem."""

    voice: str
    at: datetime
    took: float
    answer: dict[str, Any]

    @property
    def problems(self) -> list[str]:
        found: list[str] = self.answer["problems"]
        return found

    @property
    def is_well(self) -> bool:
        return bool(self.answer["overall_status"] == "healthy")

    @property
    def lag(self) -> int:
        """Messages in Kafka that are not stored, of all topics; 0 where it is not known."""
        return sum(source["lag"] or 0 for source in self.answer.get("data_sources", {}).values())

    @property
    def unmerged(self) -> int:
        """Batches that wait for extraction or are in it; 0 where it is not known."""
        batches = self.answer.get("queue_status", self.answer).get("batches") or {}
        return sum(count for state, count in batches.items() if state != "merged")


@dataclass
class Watch:
    """The answers so far, oldest first of each voice."""

    said: list[Told] = field(default_factory=list)
    voices: tuple[str, ...] = (STATUS, API)

    def told(self, beginning: str, voice: str | None = None) -> list[Told]:
        """The answers with a problem that begins so, such as `cassandra is down`; of one voice or of both."""
        heard = [each for each in list(self.said) if voice in (None, each.voice)]
        return [each for each in heard if any(problem.startswith(beginning) for problem in each.problems)]

    def told_by_all(self, beginning: str) -> bool:
        """Whether each voice has said it."""
        return all(self.told(beginning, voice) for voice in self.voices)

    def newest(self) -> list[Told]:
        """The newest answer of each voice that has said anything."""
        return list({each.voice: each for each in list(self.said)}.values())

    def down_since(self, name: str) -> list[datetime]:
        """Every moment that was given for a server or process being down."""
        moments = []
        for each in list(self.said):
            if each.voice == STATUS:
                moments.append(each.answer.get("services", {}).get(name, {}).get("down_since"))
            else:
                parts = each.answer.get("services", {}) | each.answer.get("processes", {})
                found = parts.get(name, {})
                moments.append(None if found.get("up", True) else found["since"])
        return [datetime.fromisoformat(moment) for moment in moments if moment]

    def slowest(self) -> float:
        """Seconds that the slowest answer took."""
        return max(each.took for each in self.said)

    def well_again(self, within: float) -> bool:
        """Wait until each voice, asked from now on, says that all is well."""
        now, until = datetime.now(UTC), time.monotonic() + within
        while time.monotonic() < until:
            later = [each for each in list(self.said) if each.at > now]
            if all(any(each.is_well for each in later if each.voice == voice) for voice in self.voices):
                return True
            time.sleep(0.1)
        return False

    def last_problems(self) -> dict[str, list[str]]:
        """What each voice said last, for a failing test to show."""
        return {each.voice: each.problems for each in self.said}


@contextmanager
def watching(house: House) -> Iterator[Watch]:
    """Ask for the length of the block; the API too, where the house has one."""
    record = read_record(house.stack.state_dir)
    has_api = record is not None and "api" in record.services
    watch = Watch(voices=(STATUS, API) if has_api else (STATUS,))
    over, observer = threading.Event(), Observer()

    def status() -> dict[str, Any]:
        settings = load()
        return as_json_of(settings, observer.look(settings))

    def api() -> dict[str, Any]:
        answer = httpx2.get(house.service("api").address + HEALTH, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    askers = {STATUS: status, API: api}
    threads = [
        threading.Thread(target=_ask, args=(watch, voice, askers[voice], over), daemon=True) for voice in watch.voices
    ]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
        observer.close()


def _ask(watch: Watch, voice: str, question: Callable[[], dict[str, Any]], over: threading.Event) -> None:
    while not over.wait(EVERY):
        at, began = datetime.now(UTC), time.monotonic()
        try:
            answer = question()
        except Exception as error:  # noqa: BLE001 - an asker that gets no answer is a finding, not an end
            answer = {"overall_status": "silent", "problems": [f"{voice} gave no answer: {error}"]}
        watch.said.append(Told(voice, at, time.monotonic() - began, answer))
