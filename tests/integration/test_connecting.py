"""`sago connect` as a founder runs it, over a real Postgres: through the vendors' pages, and sealed with a new key."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

from sago.bootstrap import Container
from sago.domain.connections import Connection, Token
from sago.embedded.servers import Server, free_port
from sago.pipeline.connecting import Wanted
from sago.pipeline.pulling import End
from sago.source_sections import SlackSettings, SourcesSettings
from sago.stores.fernet_vault import FernetVault, new_key
from tests.contracts.connecting import fetch, without_layout
from tests.integration.houses import eventually, over
from tests.standins.gmail_server import GmailStandin, serving
from tests.standins.slack_server import SlackServer, slack_server
from tests.standins.slack_workspace import fill

pytestmark = pytest.mark.services

SAGO = str(Path(sys.executable).parent / "sago")
KEYS = "SAGO_SOURCES__TOKEN_KEYS"
OUTSIDE = "https://tunnel.example/back"
"""A proxy stands there that brings what it gets to the listener's port."""
CHANNEL = "C0GENERAL01"


class Command:
    """A `sago connect …` that runs beside its founder."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [SAGO, "connect", *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        """Where it sends its founder's browser."""
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/\S+", line)
        assert found, line + self.process.stderr.read()
        return found[0]

    def ended(self) -> tuple[int, str]:
        """Its status, and what it said since."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, without_layout(out + err)


class House:
    """Servers of this test alone, and what points the command at them."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self.settings, self.environment = over(servers["kafka"], servers["redis"], servers["postgres"])
        self.environment |= {KEYS: new_key(), "COLUMNS": "200"}
        self.container = Container(self.settings)

    def begin(self, *arguments: str) -> Command:
        return Command(self.environment, *arguments)

    def sago(self, *arguments: str, **environment: str) -> tuple[int, str]:
        return Command(self.environment | environment, *arguments).ended()

    def connections(self) -> list[Connection]:
        with self.container.database.begin() as tx:
            return tx.connections.all()

    def companies(self) -> list[str]:
        with self.container.database.begin() as tx:
            return [each.company_id for each in tx.companies.all()]

    def sealed(self, connection_id: UUID) -> bytes:
        with self.container.database.begin() as tx:
            found = tx.connections.token(connection_id)
        assert found is not None
        return found

    def opened(self, connection_id: UUID, *keys: str) -> Token:
        """The token, by these keys alone."""
        vault = FernetVault(SecretStr(",".join(keys or [self.environment[KEYS]])))
        return vault.open(self.sealed(connection_id), connection_id)


@pytest.fixture
def house(servers: dict[str, Server]) -> Iterator[House]:
    made = House(servers)
    yield made
    made.container.close()


@pytest.fixture
def slack(house: House) -> Iterator[SlackServer]:
    with slack_server() as server:
        server.workspace.add_channel(CHANNEL, "general")
        fill(server.workspace, CHANNEL, 30, datetime.now(UTC) - timedelta(hours=1), 1)
        house.environment |= server.environment()
        yield server


@pytest.fixture
def google(house: House) -> Iterator[GmailStandin]:
    with serving() as standin:
        house.environment |= standin.environment()
        yield standin


def answer(address: str, port: int = 0) -> str:
    """The address that the vendor sends the browser back to, as the proxy brings it to the port."""
    asked = fetch(address)[1]
    back = fetch(asked)[1]
    return back.replace(OUTSIDE, f"http://127.0.0.1:{port}/") if port else back


def code_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["code"][0]


def through_slack(house: House, *more: str) -> tuple[Command, int]:
    """A command that waits for the browser on a port."""
    port = free_port()
    way = ("--redirect-url", OUTSIDE, "--port", str(port))
    return house.begin("slack", *way, "--channel", "general", "--company", "acme", "--new", *more), port


def through_google(house: House) -> Command:
    return house.begin("gmail", "--label", "INBOX", "--company", "acme", "--new")


def nothing_is_kept(house: House) -> bool:
    return house.connections() == [] and house.companies() == []


def test_a_workspace_is_connected_through_the_browser_and_only_the_first_true_answer_counts(
    house: House, slack: SlackServer
) -> None:
    command, port = through_slack(house)
    back = answer(command.address(), port)
    status, _, page = fetch(re.sub(r"state=[^&]+", "state=another", back))
    assert (status, "no answer to the question that waits" in page) == (400, True)
    assert (fetch(f"http://127.0.0.1:{port}/?code={code_in(back)}")[0], command.process.poll()) == (404, None)
    assert nothing_is_kept(house)
    status, _, page = fetch(back)
    assert (status, "Connected" in page) == (200, True)
    status, said = command.ended()
    assert (status, "slack/T0STANDIN1 (Stand-in): 1 channel, acme" in said) == (0, True), said
    assert "state=" not in said
    (kept,) = house.connections()
    assert (kept.account, kept.containers, kept.company_id) == (slack.workspace.team, (CHANNEL,), "acme")
    assert house.opened(kept.id).access.get_secret_value() in slack.methods.tokens


def test_a_mailbox_is_connected_through_the_browser(house: House, google: GmailStandin) -> None:
    command = through_google(house)
    back = answer(command.address())
    assert fetch(back.replace("state=", "state=x"))[0] == 400
    assert fetch(back)[0] == 200
    status, said = command.ended()
    assert (status, "gmail/founder@northwind.example" in said) == (0, True), said
    (kept,) = house.connections()
    assert kept.containers == ("INBOX",)
    refresh = house.opened(kept.id).refresh
    assert refresh is not None
    assert refresh.get_secret_value() in google.tokens.refresh


def test_who_says_no_connects_nothing(house: House, slack: SlackServer, google: GmailStandin) -> None:
    slack.denies = google.denies = True
    ways = through_slack(house), (through_google(house), 0)
    for command, port in ways:
        status, _, page = fetch(answer(command.address(), port))
        assert (status, "Nothing was shared" in page) == (200, True)
        status, said = command.ended()
        assert (status, "you said no on the vendor's page: nothing was connected" in said) == (2, True), said
    assert nothing_is_kept(house)


def test_a_code_that_was_used_already_connects_nothing(house: House, slack: SlackServer, google: GmailStandin) -> None:
    (way, port), mailbox = through_slack(house), through_google(house)
    back = answer(way.address(), port)
    form = {"client_id": slack.client_id, "client_secret": slack.client_secret, "code": code_in(back)}
    assert httpx2.post(f"{slack.api_url}oauth.v2.access", data=form).json()["ok"]
    fetch(back)
    status, said = way.ended()
    assert (status, "Slack did not take its own code (invalid_code)" in said) == (2, True), said
    back = answer(mailbox.address())
    client = {"client_id": house.environment["SAGO_GMAIL__CLIENT_ID"], "client_secret": google.tokens.client_secret}
    form = client | {"grant_type": "authorization_code", "code": code_in(back)}
    assert httpx2.post(f"{google.url}/token", data=form).status_code == 400
    fetch(back)
    status, said = mailbox.ended()
    assert (status, "Google did not take its own code (invalid_grant)" in said) == (2, True), said
    assert nothing_is_kept(house)


def connected(house: House, account: str, token: str, key: str) -> UUID:
    """An account whose token that key has sealed."""
    connecting = replace(house.container.connecting, vault=FernetVault(SecretStr(key)))
    wanted = Wanted((CHANNEL,), "acme", datetime.now(UTC) - timedelta(days=1))
    named = "slack", account, account
    return connecting.connect(named, Token(access=SecretStr(token)), wanted, lambda _: [CHANNEL], "cli:test").id


def test_tokens_are_sealed_anew_also_after_a_kill_half_way_and_are_read_with_the_new_key_alone(
    house: House, slack: SlackServer
) -> None:
    old, new = house.environment[KEYS], new_key()
    first, second = (connected(house, team, slack.token, old) for team in (slack.workspace.team, "T9"))
    before = house.sealed(first), house.sealed(second)
    both = house.environment | {KEYS: f"{new},{old}"}
    with house.container.database.begin() as tx:
        tx.connections.token(second, lock=True)
        half = Command(both, "rekey")
        assert eventually(lambda: house.sealed(first) != before[0])
        time.sleep(0.3)  # it waits for the second
        assert half.process.poll() is None
        half.process.kill()
        half.ended()
    assert house.sealed(second) == before[1]
    assert house.opened(first, new) == house.opened(second, old)
    assert house.sago("rekey", **{KEYS: both[KEYS]}) == (0, "2 sealed with the newest key ")
    assert house.opened(first, new) == house.opened(second, new)
    wrong = {
        new_key(): "no key opens slack/T9: put the one that did back",
        "": "is not set",
        new[:9]: "is no Fernet key",
    }
    runs = [(Command(house.environment | {KEYS: key}, "rekey"), told) for key, told in wrong.items()]
    for run, told in runs:
        status, said = run.ended()
        assert (status, told in said) == (1, True), said
    assert house.opened(first, new) == house.opened(second, new), "nothing was written over"
    assert pulled(house, slack, first, old) == (End.FAILED, 0)
    assert pulled(house, slack, first, new) == (End.READ, len(slack.workspace.channels[CHANNEL].messages))


def pulled(house: House, slack: SlackServer, connection_id: UUID, key: str) -> tuple[End, int]:
    """How a worker with this key ends, and how many messages Kafka took."""
    ours = {"slack": SlackSettings(api_url=slack.api_url, is_internal=True)}
    ours |= {"sources": SourcesSettings(token_keys=SecretStr(key))}  # type: ignore[dict-item]
    container = Container(house.settings.model_copy(update=ours))
    container.__dict__["reception"] = replace(container.reception, until_stored=False)  # no bridge runs here
    try:
        done = container.pulling.pull(connection_id, CHANNEL)
    finally:
        container.close()
    return done.end, done.taken
