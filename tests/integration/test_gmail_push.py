"""Gmail's push to the API as a process: whom it believes, by tokens of a stand-in's keys, and that the mail is pulled
and stored."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from sago.bootstrap import build
from sago.domain.connections import Token
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.servers import Server, free_port
from sago.pipeline.connecting import Wanted
from sago.source_sections import SourcesSettings
from sago.stores.fernet_vault import new_key
from tests.integration.houses import TOPICS, eventually, flush, over
from tests.integration.test_api import API, BRIDGE, WORKER, House
from tests.standins.gmail_server import GmailStandin, serving
from tests.standins.gmail_tokens import Key

pytestmark = pytest.mark.services

WEBHOOK = "/api/v1/data-flow/webhook/gmail"
READER = WORKER.replace("-Q store", "-Q upkeep,sources")
NOW = int(time.time())


@pytest.fixture(scope="module")
def google() -> Iterator[GmailStandin]:
    with serving() as standin:
        yield standin


@pytest.fixture(scope="module")
def house(
    google: GmailStandin,
    redis_server: Server,
    postgres_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    guard: Guard,
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("gmail-push")
    kafka = start_kafka(folder, TOPICS, 3, watch=guard.watch)
    settings, environment = over(kafka, redis_server, postgres_server)
    key = new_key()
    environment |= google.environment() | {"SAGO_SOURCES__TOKEN_KEYS": key, "SAGO_BRIDGE__LINGER": "0.2"}
    environment |= {"SAGO_API__PORT": str(free_port()), "SAGO_API__KEY": "the key of the house of this test"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    sources = SourcesSettings(token_keys=SecretStr(key))
    made = House(build(settings.model_copy(update={"sources": sources})), kafka, environment, folder)
    made.container.recovery.recover(made.container.clock.now())  # no beat runs here: an empty Redis is one to recover
    access, refresh = google.tokens.grant()
    account = "gmail", google.mailbox.address, google.mailbox.address
    token = Token(access=SecretStr(access), refresh=SecretStr(refresh))
    made.container.connecting.connect(account, token, Wanted(("INBOX",), "acme"), lambda _: ["*"], "cli:test")
    try:
        for name, command in (("bridge", BRIDGE), ("store", WORKER), ("reader", READER), ("api", API)):
            made.start(name, command)
        for name in made.children:
            assert made.is_up(name), made.said(name)
        yield made
    finally:
        made.stop()
        flush(settings.redis)
        kafka.stop()


def is_idle(house: House) -> bool:
    """Whether the mailbox has been read, and is not being read."""
    with house.container.database.begin() as tx:
        (stream,) = tx.streams.all()
    return stream.read_until is not None and stream.lease_until is None


def arrives(google: GmailStandin, text: str) -> None:
    """A mail of now in the founder's inbox."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada <ada@acme.example>", google.mailbox.address
    mail["Subject"], mail["Message-ID"] = "News", f"<{time.time_ns()}@acme.example>"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail.set_content(text)
    google.mailbox.add(mail.as_bytes())


def pushed(house: House, google: GmailStandin, key: Key | None = None, **claims: Any) -> int:
    """The status of an answer to Pub/Sub."""
    told = (key or google.keys[0]).sign(google.claims(**claims))
    headers = {"Authorization": f"Bearer {told}", "Content-Type": "application/json"}
    sent = json.dumps(google.envelope()).encode()
    return httpx2.post(house.url + WEBHOOK, content=sent, headers=headers, timeout=10).status_code


def counted(house: House) -> int:
    """Wrong signatures of Gmail's."""
    told = house.ask("GET", "/api/v1/data-flow/metrics").json()["webhooks"]["sources"]
    return int(told.get("gmail", {}).get("wrong_signature", 0))


def texts(house: House) -> list[str]:
    today = datetime.now(UTC)
    found = house.container.raw.read_range("acme", today - timedelta(days=1), today + timedelta(days=1), 100)
    return [each.text for each in found]


def test_a_push_has_its_mail_pulled_and_stored_at_once(house: House, google: GmailStandin) -> None:
    for name in ("Meridian", "Halden"):
        arrives(google, f"We have signed {name}.")
        assert pushed(house, google) == 200
        assert eventually(lambda: sum(name in each for each in texts(house)) == 1), house.said("reader")  # noqa: B023
        assert eventually(lambda: is_idle(house)), "else the next is told while this one is read, and waits for beat"
    assert pushed(house, google) == 200
    assert len(texts(house)) == 2, "news that were read before have no further effect"
    assert counted(house) == 0


WRONG: dict[str, tuple[Key | None, dict[str, Any]]] = {
    "another audience": (None, {"aud": "https://elsewhere.example/webhook"}),
    "another service account": (None, {"email": "mallory@evil.iam.gserviceaccount.example"}),
    "a token that ended": (None, {"iat": NOW - 7200, "exp": NOW - 3600}),
    "another key": (Key(), {}),
}


def test_who_is_not_our_subscription_is_refused_counted_and_wakes_nobody(house: House, google: GmailStandin) -> None:
    arrives(google, "Nobody is told of this one.")
    before, asked = counted(house), len(google.asked)
    forged = Key()
    forged.id = google.keys[0].id
    for name, (key, claims) in (WRONG | {"another key of the same name": (forged, {})}).items():
        assert pushed(house, google, key, **claims) == 401, name
    bare = httpx2.post(house.url + WEBHOOK, json=google.envelope(), timeout=10)
    assert (bare.status_code, counted(house) - before) == (401, len(WRONG) + 2)
    assert [path for path, _ in google.asked[asked:] if path != "/certs"] == []
    assert not any("Nobody is told" in each for each in texts(house))
