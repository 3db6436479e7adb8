"""Messages that no model can read: bisected until each is alone a dead letter, mended and replayed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest

from sago.domain.batches import DeadLetter
from sago.domain.companies import ModelPolicy
from sago.domain.messages import Message
from sago.pipeline.recovery import WORKER_DIED
from tests import gemini_server as fake
from tests.faults.house import House, raised
from tests.faults.load import Load
from tests.faults.report import Report
from tests.faults.scale import lasts, load_of
from tests.gemini_server import Asked, GeminiServer, Reply
from tests.integration.houses import eventually

SETTINGS = {
    "SAGO_EXTRACTION__PROVIDER": "gemini",
    "SAGO_EXTRACTION__LOST_AFTER": "90",
    "SAGO_EXTRACTION__RETRY_AFTER": "1",
    "SAGO_EXTRACTION__MAX_ATTEMPTS": "1",
    "SAGO_CACHE__MESSAGE_LIMIT": "16",
    "GEMINI_API_KEY": fake.KEY,
}
"""A batch's wait doubles with each round of a bisection: few messages a chunk, read once, keep it within a minute."""
GARBLED, FORBIDDEN = "no model answers this well", "no filter lets this pass"
REASONS = {GARBLED: ("UnusableAnswerError", "holds no JSON"), FORBIDDEN: ("PermanentError", "PROHIBITED_CONTENT")}
SPOILT = {0: (39, GARBLED), 1: (130, GARBLED), 2: (20, FORBIDDEN)}
"""Number of the company → number of its message and what is wrong with it: a deal, one denied, and a plan."""


@dataclass(frozen=True)
class Spoilt(Load):
    """A few of its messages no model can read."""

    @cached_property
    def stories(self) -> dict[str, list[Message]]:
        told = super().stories
        for company, (n, text) in self.spoilt.items():
            message = told[company][n]
            told[company][n] = message.model_copy(update={"text": f"{message.text} {text}"})
        return told

    @property
    def spoilt(self) -> dict[str, tuple[int, str]]:
        """Company → number of its message and what is wrong with it."""
        return {f"{self.name}-{number:02}": wrong for number, wrong in SPOILT.items()}

    @property
    def reasons(self) -> dict[str, tuple[str, str]]:
        """Origin of the dead letter that each must become → its kind of error, and what its reason must hold."""
        wrong = [(self.stories[company][n], REASONS[text]) for company, (n, text) in self.spoilt.items()]
        return {f"message:{each.company_id}/{each.id}/{each.version}/extract": reason for each, reason in wrong}


def load_with_spoilt(name: str) -> Spoilt:
    """Those that are spoilt are expected dead."""
    size = load_of(name)
    load = Spoilt(size.name, size.companies, size.each)
    return replace(load, dead=frozenset((name, load.stories[name][n].id) for name, (n, _) in load.spoilt.items()))


def troubled(asked: Asked) -> Reply:
    """Nothing of use about any chunk that holds one of the texts, as context they do no harm; else what is right."""
    if any(GARBLED in text for text in asked.texts):
        return fake.said("I am afraid I cannot")
    if any(FORBIDDEN in text for text in asked.texts):
        return fake.blocked_question()(asked)
    return fake.marks(asked)


def dead_letters(house: House, load: Load) -> dict[str, DeadLetter]:
    """Those of the load that are not replayed, by origin."""
    with house.container.database.begin() as tx:
        letters = tx.ledger.dead_letters(limit=10_000)
    return {letter.origin: letter for letter in letters if letter.company_id in load.stories}


def replay(origin: str) -> None:
    """`sago dlq replay`, as a person does."""
    sago = Path(sys.executable).with_name("sago")
    done = subprocess.run([sago, "dlq", "replay", origin], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "is sent again" in done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, local_servers: None, server: GeminiServer) -> Iterator[House]:
    """A stack of this module: its model is the stand-in."""
    settings = SETTINGS | {"SAGO_GEMINI__BASE_URL": server.url}
    with raised(tmp_path_factory.mktemp("poison-model"), **settings) as house:
        yield house


def test_messages_that_no_model_can_read(house: House, server: GeminiServer, report: Report) -> None:
    """All others are merged as if they had not been there; once the model is mended a replay brings them in."""
    load = load_with_spoilt("unreadable")
    house.container.consent.give(load.stories, ModelPolicy.VENDOR)
    server.usual = troubled
    with house.under(load, lasts(30.0)) as run:
        run.note_fault()
    alone = house.settle(run)
    assert (alone.account.lost, alone.account.doubled) == ([], [])
    letters = dead_letters(house, load)
    assert letters.keys() == load.reasons.keys()
    for origin, (kind, reason) in load.reasons.items():
        assert letters[origin].error_type == kind
        assert reason in letters[origin].error
    for text in REASONS:
        sizes = [len(asked.texts) for asked in server.asked if any(text in each for each in asked.texts)]
        assert min(sizes) == 1 < max(sizes), sizes

    server.usual = fake.marks
    for origin in letters:
        replay(origin)
    mended = replace(run, load=replace(load, dead=frozenset()), faulted_at=time.monotonic())
    assert eventually(lambda: not dead_letters(house, load), 60)
    report.add("messages that no model can read, replayed once it can", len(letters), house.settle(mended))


def test_a_message_that_takes_its_workers_along(
    tmp_path_factory: pytest.TempPathFactory, local_servers: None, server: GeminiServer, report: Report
) -> None:
    """Whoever asks a model about it dies, as of a text that fills the memory: no failure is ever written."""
    quick = {"SAGO_EXTRACTION__LOST_AFTER": "5", "SAGO_EXTRACTION__MAX_ATTEMPTS": "2"}
    settings = SETTINGS | quick | {"SAGO_GEMINI__BASE_URL": server.url}
    load = Load("deadly", 1, 8)
    (company,) = load.stories
    deadly = load.stories[company][3]
    load = replace(load, dead=frozenset({(company, deadly.id)}))
    with raised(tmp_path_factory.mktemp("deadly"), **settings) as house:

        def killing(asked: Asked) -> Reply:
            if deadly.text in asked.texts:
                for child in house.pool("extract"):
                    child.kill()
            return fake.marks(asked)

        house.container.consent.give(load.stories, ModelPolicy.VENDOR)
        server.usual = killing
        with house.under(load, 0.0) as run:
            run.note_fault()
        outcome = house.settle(run)
        server.usual = fake.marks
        (letter,) = dead_letters(house, load).values()
        assert (letter.message_id, letter.error, letter.error_type) == (deadly.id, WORKER_DIED, "WorkerLostError")
    report.add("a message that takes along each worker that reads it", 1, outcome)
