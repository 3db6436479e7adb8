"""Planned and manual digests at once, in processes of their own over a real Postgres: one notice, one mail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sago.bootstrap import Container, build
from sago.config import PROJECT
from sago.domain.events import Fold
from sago.domain.mails import Contact, MailState
from sago.embedded.servers import Server
from tests.integration.houses import over
from tests.unit.outreach.stories import COMPANY, EVENTS, NOW, POINTS, watch

DIGEST = """
import json, sys
from workers.tasks.outreach import digest
sys.stdin.readline()
print(json.dumps(digest.run(**json.loads(sys.argv[1]))))
"""
EMAIL = "ivo@fund.example"


@pytest.fixture
def house(
    kafka_server: Server, redis_server: Server, postgres_server: Server, tmp_path: Path
) -> Iterator[tuple[Container, dict[str, str]]]:
    """A reader whose hour is every hour, and whose condition is met."""
    settings, environment = over(kafka_server, redis_server, postgres_server)
    outreach = settings.outreach.model_copy(update={"folder": tmp_path})
    container = build(settings.model_copy(update={"outreach": outreach}))
    with container.database.begin() as tx:
        tx.companies.ensure(COMPANY.company_id, NOW)
        tx.companies.save(COMPANY)
        tx.outreach.add_watch(watch("arr >= 2M", name="firing"))
        tx.events.replace(COMPANY.company_id, Fold(EVENTS, POINTS), NOW)
        tx.contacts.save(Contact(email=EMAIL, name="Ivo Brandt", digest_at=0))
    yield container, environment
    container.close()


def test_digests_at_once_make_one_notice_and_one_mail(house: tuple[Container, dict[str, str]], tmp_path: Path) -> None:
    container, environment = house
    by_hand = {"as_of": NOW.isoformat(), "email": EMAIL}
    calls = [{"as_of": NOW.isoformat()}, {"as_of": NOW.isoformat()}, by_hand, by_hand]
    tasks = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST, json.dumps(call)],
            env=environment, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for call in calls
    ]  # fmt: skip
    for task in tasks:
        assert task.stdin
        task.stdin.write("\n")
        task.stdin.flush()
    made = [json.loads(task.communicate(timeout=300)[0].splitlines()[-1]) for task in tasks]
    assert sorted(map(len, made)) == [0, 0, 0, 1]
    with container.database.begin() as tx:
        (notice,) = tx.notices.of(EMAIL)
        (mail,) = tx.mails.find()
        assert [str(notice.id)] == next(filter(None, made))
        assert (mail.ref, mail.state) == (notice.id, MailState.QUEUED)
        assert tx.notices.told(EMAIL) == notice.told
    container.delivery.deliver()
    container.delivery.deliver()
    (file,) = tmp_path.rglob("*.eml")
    assert "Orchard: ARR passed the $2M you asked for" in file.read_text(encoding="utf-8")
