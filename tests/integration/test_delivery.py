"""Two beats, two workers and five approvals at once send each letter once; a kill at any step never sends two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from sago.bootstrap import Container
from sago.config import Settings
from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.mails import MailState, mail_id
from sago.domain.pacing import Cap, Caps, SendWindow
from sago.embedded.servers import Server
from sago.errors import UsageError
from sago.outreach.deciding import decide
from sago.outreach.sending import LEASE
from sago.outreach_sections import OutreachSettings, SmtpSettings
from sago.stores.clock import SystemClock
from tests.integration.delivering import STEPS
from tests.integration.houses import PROJECT, House, eventually, over
from tests.smtp_server import MailServer, mail_server
from tests.unit.outreach.mailroom import watch_of

pytestmark = pytest.mark.services

EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKER = ["-m", "celery", "-A", "workers", "worker", "-Q", "mail,outreach", "-c", "1"]
GOES_UNKNOWN = (
    "after sending is committed",
    "after 354",
    "in the middle of the content",
    "before the answer to the content",
    "before sent is committed",
)


class Later(SystemClock):
    """After every lease."""

    def now(self) -> datetime:
        return super().now() + LEASE + timedelta(minutes=1)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def house(
    kafka_server: Server,
    redis_server: Server,
    postgres_server: Server,
    server: MailServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """Processes whose letters may go at any hour, to the test's server."""
    folder = tmp_path_factory.mktemp("house")
    settings, environment = over(kafka_server, redis_server, postgres_server)
    outreach = OutreachSettings(
        folder=folder / "out",
        undo=0,
        window=SendWindow(opens=0, closes=24, days=EVERY_DAY),
        caps=Caps(company=Cap(most=999, days=1), firm=Cap(most=999, days=1)),
    )
    smtp = SmtpSettings(host="localhost", port=server.port, starttls=False, timeout=5)
    settings = settings.model_copy(update={"outreach": outreach, "smtp": smtp, "state_dir": folder / "state"})
    environment |= {
        "SAGO_STATE_DIR": str(folder / "state"),
        "SAGO_OUTREACH__FOLDER": str(folder / "out"),
        "SAGO_OUTREACH__UNDO": "0",
        "SAGO_OUTREACH__DELIVER_EVERY": "1",
        "SAGO_OUTREACH__WINDOW__OPENS": "0",
        "SAGO_OUTREACH__WINDOW__CLOSES": "24",
        "SAGO_OUTREACH__WINDOW__DAYS": json.dumps(EVERY_DAY),
        "SAGO_OUTREACH__CAPS__COMPANY__MOST": "999",
        "SAGO_OUTREACH__CAPS__FIRM__MOST": "999",
        "SAGO_SMTP__HOST": "localhost",
        "SAGO_SMTP__PORT": str(server.port),
        "SAGO_SMTP__STARTTLS": "false",
        "SAGO_SMTP__TIMEOUT": "5",
    }
    house = House(Container(settings), environment, folder)
    yield house
    house.stop()


def letter(name: str, **other: Any) -> Letter:
    key = uuid.uuid4()
    fields: dict[str, Any] = {
        "id": key,
        "watch_id": uuid.uuid4(),
        "company_id": "scaleflow",
        "window": "2026-03",
        "sender": Person(name="Mira Sol", email="mira@scaleflow.example"),
        "recipient": Person(name=name, email=f"{name}-{key.hex[:6]}@northgate.example"),
        "draft": LetterDraft(subject="A short update", body="Hello,\n\n" + "this is a short update.\n" * 400),
        "event_ids": (),
        "composed_by": "offline",
        "created_at": SystemClock().now(),
    }
    return Letter(**(fields | other))


def keep(house: House, *letters: Letter) -> None:
    with house.container.database.begin() as tx:
        for each in letters:
            tx.companies.ensure(each.company_id, each.created_at)
            tx.outreach.add_watch(watch_of(each))
            assert tx.outreach.add_letter(each)


def states(house: House, one: Letter) -> tuple[LetterState, MailState]:
    with house.container.database.begin() as tx:
        found, mail = tx.outreach.letter(one.id), tx.mails.get(mail_id("letter", one.id))
    assert found is not None
    assert mail is not None
    return found.state, mail.state


def arrived(server: MailServer) -> Counter[str]:
    return Counter(recipient for taken in list(server.taken) for recipient in taken.recipients)


def address(one: Letter) -> str:
    assert one.recipient is not None
    return one.recipient.email or ""


def later(settings: Settings) -> Container:
    """A container of whoever comes after the dead."""
    container = Container(settings)
    container.__dict__["clock"] = Later()
    return container


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_never_sends_two_and_loses_none(house: House, server: MailServer, step: str) -> None:
    now = SystemClock().now()
    one = letter("dana", state=LetterState.APPROVED, approved_at=now - timedelta(minutes=5), approved_by="cli:ana")
    keep(house, one)
    command = [sys.executable, "-m", "tests.integration.delivering", step]
    killed = subprocess.run(command, env=house.environment, cwd=PROJECT, capture_output=True, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    after = later(house.container.settings)
    try:
        for _ in range(3):
            assert after.delivery.deliver().problem is None
    finally:
        after.close()
    expected = LetterState.UNKNOWN if step in GOES_UNKNOWN else LetterState.SENT
    assert states(house, one) == (expected, MailState(expected.value))
    count = arrived(server)[address(one)]
    assert count <= 1
    if expected is LetterState.SENT or step in GOES_UNKNOWN[-2:]:
        assert count == 1


def test_two_beats_two_workers_and_five_approvals_at_once_send_each_letter_once(
    house: House, server: MailServer
) -> None:
    letters = [letter(f"p{number}") for number in range(12)]
    keep(house, *letters)
    for number in range(2):
        house.start(*WORKER, "-n", f"worker-{number}@%h", "--without-mingle", "--without-gossip")
        schedule = house.folder / f"beat-{number}"
        house.start("-m", "celery", "-A", "workers", "beat", "--pidfile=", "--schedule", str(schedule))
    gate = Barrier(5)

    def approve(number: int) -> int:
        container = Container(house.container.settings)
        gate.wait()
        with ExitStack() as stack:
            stack.callback(container.close)
            taken = sum(_approved(container, each, number) for each in letters)
            with container.database.connections.begin() as connection:  # where approving alone does not note when
                connection.execute(text("UPDATE outreach SET approved_at = now() WHERE state = 'approved'"))
            return taken

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(approve, range(5))) >= len(letters)
    assert eventually(lambda: all(arrived(server)[address(each)] for each in letters), 60), states(house, letters[0])
    seen = SystemClock().now()
    assert eventually(lambda: SystemClock().now() - seen > timedelta(seconds=5))  # further ticks of both beats
    assert {address(each): arrived(server)[address(each)] for each in letters} == {address(e): 1 for e in letters}
    assert {states(house, each) for each in letters} == {(LetterState.SENT, MailState.SENT)}


def _approved(container: Container, one: Letter, number: int) -> bool:
    """Whether this approval was taken; another may have been first."""
    try:
        decide(
            one.id,
            LetterState.APPROVED,
            database=container.database,
            drafts=container.drafts,
            announce=container.generations.announce,
            who=f"person {number}",
            why="",
            at=container.clock.now(),
        )
    except UsageError:
        return False
    return True


def test_a_dead_server_loses_nothing(house: House, server: MailServer, tmp_path: Path) -> None:
    letters = [
        letter(f"q{number}", state=LetterState.APPROVED, approved_at=SystemClock().now() - timedelta(hours=1))
        for number in range(3)
    ]
    keep(house, *letters)
    for child in house.children:
        child.kill()
    settings = house.container.settings
    dead = settings.model_copy(update={"smtp": settings.smtp.model_copy(update={"port": 9})})
    without = Container(dead)
    problem = without.delivery.deliver().problem or ""
    without.close()
    assert "smtp server localhost:9 does not answer" in problem
    assert {states(house, each) for each in letters} == {(LetterState.QUEUED, MailState.QUEUED)}
    after = later(settings)
    assert after.delivery.deliver().problem is None
    after.close()
    assert [arrived(server)[address(each)] for each in letters] == [1, 1, 1]
