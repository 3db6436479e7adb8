"""`sago connect` over stores in memory: keys, and what is told before anybody is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from uuid import UUID

import pytest
import typer
from pydantic import SecretStr
from rich.console import Console
from typer.testing import CliRunner, Result

from sago.bootstrap import Container
from sago.cli import connect, lookup
from sago.cli.connect_choice import named, understood
from sago.cli.connect_output import stream_state
from sago.cli.connect_waiting import wait_until_read
from sago.cli.session import Session
from sago.config import Settings
from sago.domain.batches import DeadLetter
from sago.domain.connections import Connection, ConnectionState, Stream, Token, connection_id_of
from sago.errors import SagoError, UsageError
from sago.pipeline.connecting import Connecting, Wanted, the_connection
from sago.pipeline.pulling import KILLED
from sago.source_sections import SlackSettings
from sago.sources.accounts import Choice
from sago.sources.slack_accounts import SCOPES, SlackAccounts
from sago.stores.fernet_vault import FernetVault, new_key
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.canaries import SLACK_TOKEN, slack_token

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VARIABLE = "SAGO_SOURCES__TOKEN_KEYS"
CHOICES = [
    Choice("C1", "general"),
    Choice("C2", "sales"),
    Choice("C3", "7"),
    Choice("C4", "Twin"),
    Choice("C5", "Twin"),
]


class Wired(Container):
    """Keeps its servers."""

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> MemoryDatabase:
    made = MemoryDatabase()

    def build(settings: Settings) -> Container:
        container = Wired(settings)
        container.__dict__.update(database=made, clock=ManualClock(NOW))
        return container

    monkeypatch.setattr(lookup, "build", build)
    monkeypatch.delenv(VARIABLE, raising=False)
    return made


def sago(*arguments: str) -> Result:
    app = typer.Typer()
    connect.register(app)
    return CliRunner().invoke(app, ["connect", *arguments])


def keep(database: MemoryDatabase, key: str, account: str, name: str = "", token: str = SLACK_TOKEN) -> Connection:
    """An account whose token is sealed with a key."""
    connecting = Connecting(database, FernetVault(SecretStr(key)), ManualClock(NOW))
    sealed = Token(access=SecretStr(token))
    return connecting.connect(("slack", account, name or account), sealed, Wanted(("C1",)), lambda _: ["C1"], "cli:me")


def test_a_key_is_a_line_for_env_that_keeps_the_older_ones_behind_it(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = sago("key").stdout
    name, _, first = line.strip().partition("=")
    assert name == VARIABLE
    FernetVault(SecretStr(first)).seal(Token(access=SecretStr("a")), UUID(int=1))
    monkeypatch.setenv(VARIABLE, first)
    second = sago("key")
    newer, older = second.stdout.strip().partition("=")[2].split(",")
    assert (older, newer != first) == (first, True)
    assert "restart the stack, then `sago connect rekey`" in second.stderr
    assert json.loads(sago("key", "--json").stdout)[VARIABLE].endswith(first)


def test_rekey_seals_every_token_with_the_newest_key_and_names_those_it_cannot_open(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, lost = new_key(), new_key(), new_key()
    kept = keep(database, old, "T1")
    keep(database, lost, "T2", token=slack_token("lost"))
    monkeypatch.setenv(VARIABLE, f"{new},{old}")
    done = sago("rekey")
    assert done.exit_code == 1
    assert "1 sealed with the newest key" in done.stdout
    assert "no key opens slack/T2" in done.stderr
    with database.begin() as tx:
        sealed = tx.connections.token(kept.id)
    assert sealed is not None
    assert FernetVault(SecretStr(new)).open(sealed, kept.id).access.get_secret_value() == SLACK_TOKEN
    assert json.loads(sago("rekey", "--json").stdout) == {"sealed": 1, "lost": ["slack/T2"]}


def test_numbers_ranges_names_and_ids_are_understood() -> None:
    assert understood("1-2, C4", CHOICES, "channel") == ("C1", "C2", "C4")
    assert understood("#General, 1", CHOICES, "channel") == ("C1",)
    assert understood("7", CHOICES, "channel") == ("C3",)  # a channel may be called so
    assert named(["sales", "C1"], CHOICES, "channel") == ("C2", "C1")
    for said, told in (
        ("0", "from 1 to 5"),
        ("4-2", "from 1 to 5"),
        ("twin", "name of 2"),
        ("gen", "there are: general"),
    ):
        with pytest.raises(UsageError, match=told):
            understood(said, CHOICES, "channel")


def test_an_account_is_found_by_its_name_or_how_it_begins(database: MemoryDatabase) -> None:
    key = new_key()
    first, second = keep(database, key, "T100", "Orchard"), keep(database, key, "T200", "Harbour")
    with database.begin() as tx:
        assert the_connection(tx, "orchard") == first
        assert the_connection(tx, "slack/T200") == second
        assert the_connection(tx, "t2") == second
        for wanted, told in (
            ("T", "is one of slack/T100, slack/T200"),
            ("X", "connected are: slack/T100"),
            ("", "not"),
        ):
            with pytest.raises(UsageError, match=told):
                the_connection(tx, wanted)


def test_a_removed_account_holds_nothing_that_opens_anything(database: MemoryDatabase) -> None:
    connecting = Connecting(database, FernetVault(SecretStr(new_key())), ManualClock(NOW))
    kept = connecting.connect(
        ("slack", "T1", "Orchard"), Token(access=SecretStr(SLACK_TOKEN)), Wanted(("C1",)), lambda _: ["C1"], "cli:me"
    )
    connecting.route(kept.id, [("container", "C1", "acme")])
    connecting.remove(kept, "cli:me")
    connecting.remove(kept, "cli:me")
    with database.begin() as tx:
        gone = tx.connections.get(connection_id_of("slack", "T1"))
        assert gone is not None
        assert gone.state is ConnectionState.REMOVED
        assert (tx.connections.token(kept.id), tx.connections.routes(kept.id), tx.streams.of(kept.id)) == (None, [], [])


def test_what_changed_an_account_while_its_vendor_was_asked_stays(database: MemoryDatabase) -> None:
    connecting = Connecting(database, FernetVault(SecretStr(new_key())), ManualClock(NOW))
    kept = keep(database, new_key(), "T1")

    def refused(_: Connection) -> list[str]:
        with database.begin() as tx:
            tx.connections.refuse(kept.id, "the app was removed")
        return ["C1", "C2"]

    def removed(_: Connection) -> list[str]:
        connecting.remove(kept, "cli:other")
        return ["C1"]

    shared = connecting.share(kept, ["C1", "C2"], refused, "cli:me")
    assert (shared.state, shared.reason, shared.containers) == (
        ConnectionState.REFUSED, "the app was removed", ("C1", "C2"),
    )  # fmt: skip
    with pytest.raises(UsageError, match="slack/T1: was let go meanwhile"):
        connecting.share(kept, ["*"], removed, "cli:me")
    with database.begin() as tx:
        gone = tx.connections.get(kept.id)
        assert gone is not None
        assert (gone.state, gone.containers, tx.streams.of(kept.id)) == (ConnectionState.REMOVED, (), [])
    keep(database, new_key(), "T1")
    token = Token(access=SecretStr(SLACK_TOKEN))
    again = connecting.connect(("slack", "T1", "Orchard"), token, Wanted(), removed, "cli:me")
    with database.begin() as tx:
        assert (again.containers, tx.streams.of(kept.id)) == ((), []), "nobody has said what of it is shared"


class Visit:
    """A Slack whose answer's head names the token's scopes."""

    def __init__(self, granted: frozenset[str], **me: str) -> None:
        self.granted, self._me = granted, me

    def get(self, path: str, *_: object, **__: object) -> dict[str, object]:
        return dict(self._me) if path == "auth.test" else {"team": {"name": "Orchard"}}


@pytest.mark.parametrize(
    ("visit", "told"),
    [
        (Visit(frozenset(SCOPES[1:]), bot_id="B1", team_id="T1"), "the token lacks channels:history"),
        (Visit(frozenset(SCOPES), team_id="T1"), "not a bot's token"),
        (Visit(frozenset(SCOPES), bot_id="B1"), "of no workspace"),
    ],
)
def test_a_token_of_no_use_says_which_one_is(visit: Visit, told: str) -> None:
    with pytest.raises(SagoError, match=told):
        SlackAccounts(SlackSettings()).who(visit)  # type: ignore[arg-type]


def test_a_token_with_all_scopes_is_of_its_workspace() -> None:
    visit = Visit(frozenset(SCOPES), bot_id="B1", team_id="T1")
    assert SlackAccounts(SlackSettings()).who(visit) == ("T1", "Orchard")  # type: ignore[arg-type]


def test_slack_messages_hold_no_addresses_so_no_domain_says_whose_they_are(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, key := new_key())
    kept = keep(database, key, "T1")
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
    refused = sago("route", "T1", "--domain", "acme.example=acme")
    assert isinstance(refused.exception, UsageError)
    assert "Slack has none; use --channel" in str(refused.exception)
    assert sago("route", "T1", "--domain", "acme.example=").exit_code == 0  # one of an earlier version goes
    assert "as acme.example=acme" in str(sago("route", "T1", "--domain", "nothing").exception)
    with database.begin() as tx:
        assert tx.connections.routes(kept.id) == []


def test_a_route_can_name_a_new_company_and_the_error_says_how(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, key := new_key())
    kept = keep(database, key, "T1")
    unknown = sago("route", "T1", "--channel", "C1=acme")
    assert "company acme: not known" in str(unknown.exception)
    assert "add --new" in str(unknown.exception)
    assert "small letters" in str(sago("route", "T1", "--channel", "C1=Acme Inc", "--new").exception)
    with database.begin() as tx:
        assert tx.companies.all() == []
    assert sago("route", "T1", "--channel", "C1=acme", "--new").exit_code == 0
    with database.begin() as tx:
        assert [each.company_id for each in tx.connections.routes(kept.id)] == ["acme"]
        assert tx.companies.get("acme") is not None


class Acted(ManualClock):
    """In whose sleep a worker does one thing after the other; then nothing."""

    def __init__(self, *acts: Callable[[], None]) -> None:
        super().__init__(NOW)
        self.acts = list(acts)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.acts:
            self.acts.pop(0)()


def watched(database: MemoryDatabase, *changes: dict[str, object]) -> tuple[bool, str]:
    """What is said while a worker writes these, one after the other."""
    kept = keep(database, new_key(), "T1")

    def act(change: dict[str, object]) -> None:
        with database.begin() as tx:
            if "refused" in change:
                tx.connections.refuse(kept.id, str(change["refused"]))
                return
            stream = tx.streams.claim(kept.id, "C1", NOW, NOW + timedelta(minutes=5))
            assert stream is not None
            keep = tx.streams.write if "lease_until" in change else tx.streams.release
            keep(stream.model_copy(update=change))

    container = Wired(Settings())
    container.__dict__.update(database=database, clock=Acted(*(partial(act, each) for each in changes)))
    err = Console(file=(said := StringIO()), width=200)
    done = wait_until_read(Session(out=err, err=err), container, kept, NOW)
    return done, said.getvalue()


def test_what_mends_itself_is_told_and_waited_for(database: MemoryDatabase) -> None:
    failed = {"failures": 1, "error": "Slack asks for patience (429)", "due_at": NOW + timedelta(minutes=10)}
    read = {"failures": 0, "error": "", "read_until": NOW, "taken": 3}
    done, said = watched(database, failed, failed, read)
    assert done
    assert said.count("C1: Slack asks for patience (429) (tried again in 9 min)") == 1
    assert "3 messages" in said


def test_a_turn_that_goes_on_is_no_failure_and_one_whose_reader_is_gone_is_told(database: MemoryDatabase) -> None:
    begun = {"failures": 1, "error": KILLED, "due_at": NOW + timedelta(minutes=6)}
    held = {"lease_until": NOW + timedelta(minutes=5)}
    _, said = watched(database, begun | held, {"refused": "token_revoked"})
    assert "token_revoked" in said
    assert KILLED not in said
    stream = Stream(connection_id=UUID(int=1), name="C1", **begun)  # type: ignore[arg-type]
    assert stream_state(stream.model_copy(update=held), {}, NOW) == "is read now"
    assert stream_state(stream, {}, NOW) == f"{KILLED} (tried again in 6 min)"


def test_a_refused_account_a_stopped_stream_and_no_worker_end_the_wait(database: MemoryDatabase) -> None:
    gone = {"failures": 1, "error": "channel_not_found", "due_at": NOW + timedelta(days=1)}
    scope = {"failures": 1, "error": "missing_scope", "needs_mending": True, "due_at": NOW + timedelta(seconds=2)}
    for changes, told in (
        ([gone], "channel_not_found (tried again in 23 h)"),
        ([scope], "C1: missing_scope"),
        ([scope], "is not read until that is mended"),
        ([{"refused": "token_revoked"}], "token_revoked"),
        ([], "no worker has begun"),
    ):
        done, said = watched(database, *changes)
        assert not done
        assert told in said


def test_unassigned_messages_are_told_with_the_commands(database: MemoryDatabase) -> None:
    letter = DeadLetter(
        origin="item:slack/T1/slack:C1:1/1",
        topic="slack-messages",
        error="unassigned: nobody's",
        error_type="x",
        failed_at=NOW,
    )
    with database.begin() as tx:
        tx.ledger.add_dead_letters([letter, letter.model_copy(update={"origin": "item:slack/T10/a/1"})])
    _, said = watched(database, {"read_until": NOW})
    assert "1 among the dead letters (`sago dlq list --topic slack-messages`)" in said
    assert "1 of them nobody's: `sago connect route T1`" in said
