"""`sago keys` over stores in memory: a key is told once, and listed without what would tell it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import keys, lookup
from sago.domain.keys import digest, prefix_of
from sago.errors import UsageError
from sago.pipeline.keyring import Keyring
from sago.stores.memory.clock import ManualClock
from tests.unit.pipeline.house import NOW, House


class Wired(House):
    """What the commands use of a container."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(NOW)
        self.keyring = Keyring(self.database, self.clock)
        with self.database.begin() as tx:
            tx.companies.ensure("scaleflow", NOW)
            tx.shares.ensure_firm("northgate", "Northgate")

    def close(self) -> None:
        """Nothing to let go."""

    @property
    def noted(self) -> list[tuple[str, str, str]]:
        return [(each.action, str(each.subject), each.why) for each in self.database.state.audit_log]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Wired:
    made = Wired()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


def sago(*arguments: str) -> Result:
    app = typer.Typer()
    keys.register(app)
    return CliRunner().invoke(app, ["keys", *arguments], env={"COLUMNS": "200"})


def created(*arguments: str) -> str:
    result = sago("create", "--name", "crm", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_key_stands_alone_on_stdout_and_opens_what_it_was_made_for(house: Wired) -> None:
    result = sago("create", "--name", "crm", "--firm", "Northgate", "--scope", "read", "--scope", "write")
    (key,) = result.stdout.splitlines()
    found = house.keyring.find(key)
    assert found is not None
    assert (found.firm_id, found.scopes) == ("northgate", ("read", "write"))
    assert found.expires_at == NOW + timedelta(days=365)
    assert "opens read, write until 2027-03-02 12:00 UTC; it is not shown again" in " ".join(result.stderr.split())
    assert key not in result.stderr
    assert house.noted == [("key.created", f"key:{found.prefix}", "crm: read, write")]


@pytest.mark.usefixtures("house")
def test_as_json_it_is_one_line_with_its_row() -> None:
    row = json.loads(created("--scope", "ingest:scaleflow", "--expires", "never", "--json"))
    assert row["prefix"] == prefix_of(row["key"])
    assert (row["firm_id"], row["scopes"], row["expires_at"], row["state"]) == (
        None,
        ["ingest:scaleflow"],
        None,
        "holds",
    )


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("90d", NOW + timedelta(days=90)),
        ("1d", NOW + timedelta(days=1)),
        ("2026-12-31", datetime.fromisoformat("2027-01-01T00:00:00+00:00")),
        ("2026-03-02", datetime.fromisoformat("2026-03-03T00:00:00+00:00")),
        ("never", None),
    ],
)
def test_it_ends_when_it_was_told_to(house: Wired, written: str, end: datetime | None) -> None:
    key = created("--scope", "operate", "--expires", written).strip()
    if end is None:
        house.clock.advance(timedelta(days=10_000))
        assert house.keyring.find(key) is not None
        return
    house.clock.advance(end - NOW - timedelta(seconds=1))
    assert house.keyring.find(key) is not None
    house.clock.advance(timedelta(seconds=1))
    assert house.keyring.find(key) is None
    assert json.loads(sago("list", "--json").stdout)["state"] == "expired"


def test_the_list_tells_everything_but_the_key(house: Wired) -> None:
    key = created("--firm", "northgate", "--scope", "read").strip()
    house.clock.advance(timedelta(seconds=1))
    created("--scope", "share:*")
    house.keyring.find(key)
    for shown in (sago("list").stdout, sago("list", "--json").stdout):
        assert key not in shown
        assert key[14:] not in shown
        assert digest(key).hex() not in shown
        assert "sha256" not in shown
    first, second = (json.loads(line) for line in sago("list", "--json").stdout.splitlines())
    assert (first["used_at"], second["used_at"]) == ("2026-03-02T12:00:01Z", None)
    assert set(first) == {
        *("id", "name", "prefix", "firm_id", "scopes", "created_at", "created_by"),
        *("expires_at", "revoked_at", "used_at", "state"),
    }
    (row,) = [line.split() for line in sago("list").stdout.splitlines() if "northgate" in line]
    assert row == [
        key[5:13],
        *("crm", "northgate", "read", "2026-03-02", "2026-03-02", "12:00", "2027-03-02", "holds"),
    ]
    assert len(sago("list", "--json", "--firm", "Northgate").stdout.splitlines()) == 1


@pytest.mark.parametrize("named", ["prefix", "in capitals", "its id", "the key itself", "as the log names it"])
def test_a_revoked_key_opens_nothing_and_stays_in_the_list(house: Wired, named: str) -> None:
    key = created("--scope", "operate").strip()
    prefix = key[5:13]
    its_id = json.loads(sago("list", "--json").stdout)["id"]
    words = {"prefix": prefix, "in capitals": prefix.upper(), "its id": its_id, "the key itself": key}
    result = sago("revoke", words.get(named, f"key:{prefix}"), "--because", "the laptop was lost")
    assert result.exit_code == 0, result.output
    assert house.keyring.find(key) is None
    assert json.loads(sago("list", "--json").stdout)["state"] == "revoked"
    house.clock.advance(timedelta(hours=1))
    again = sago("revoke", prefix, "--because", "again", "--json")
    assert json.loads(again.stdout)["revoked_at"] == "2026-03-02T12:00:00Z"
    assert "was revoked 2026-03-02 12:00 UTC already" in " ".join(again.stderr.split())
    assert house.noted[1:] == [("key.revoked", f"key:{prefix}", "the laptop was lost")]


def test_a_company_that_begins_with_its_key_is_known_from_then_on(house: Wired) -> None:
    created("--scope", "ingest:tidewell", "--new")
    with house.database.begin() as tx:
        assert tx.companies.get("tidewell") is not None
    refused = sago("create", "--name", "x", "--scope", "ingest:other", "--scope", "read", "--new")
    assert "the key must be a firm's" in str(refused.exception)
    with house.database.begin() as tx:
        assert tx.companies.get("other") is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--scope", "reed"), "'reed': none is called so; there are read, write, operate"),
        (("--scope", "read,write", "--firm", "Northgate"), "each with a --scope of its own"),
        (("--scope", "read"), "the key must be a firm's: add --firm NAME"),
        (("--scope", "operate", "--firm", "Northgate"), "is not for a firm's key: leave --firm away"),
        (("--scope", "read", "--firm", "Alder"), "--firm alder: not known; known are: default, northgate"),
        (
            ("--scope", "ingest:scalflow"),
            "company scalflow: not known; known are: scaleflow; add --new where it is a new one",
        ),
        (("--scope", "share:nobody"), "company nobody: not known"),
        (("--scope", "ingest"), "write ingest:COMPANY, or ingest:* for every one"),
        (("--scope", "operate", "--expires", "0d"), "--expires 0d: from 1d to 3650d, or never"),
        (("--scope", "operate", "--expires", "99999d"), "from 1d to 3650d"),
        (("--scope", "operate", "--expires", "soon"), "--expires soon: write 90d"),
        (("--scope", "operate", "--expires", "2026-03-01"), "is over; to end a key"),
        (("--scope", "operate", "--expires", "9999-12-31"), "--expires 9999-12-31: is more than 3650 days away"),
        (("--scope", "operate", "--expires", ""), "--expires '': write 90d"),
        (("--scope", "operate", "--name", " "), "--name: say in 1 to 100 characters"),
        (("--scope", "operate", "--name", "x" * 101), "--name: say in 1 to 100 characters"),
    ],
)
def test_what_no_key_can_have_is_refused_and_none_is_made(
    house: Wired, arguments: tuple[str, ...], reason: str
) -> None:
    result = sago("create", "--name", "crm", *arguments)
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)
    assert result.stdout == ""
    assert house.noted == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("ffffffff", "--because", "lost"), "key ffffffff: there is none; see `sago keys list`"),
        (("", "--because", "lost"), "a key is named by the 8 hex digits"),
        (("sago_zz", "--because", "lost"), "a key is named by the 8 hex digits"),
        (("1", "--because", "  "), "--because is empty"),
    ],
)
@pytest.mark.usefixtures("house")
def test_a_key_that_is_not_there_is_not_revoked(arguments: tuple[str, ...], reason: str) -> None:
    result = sago("revoke", *arguments)
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


@pytest.mark.parametrize("length", [1, 4, 7])
def test_a_key_is_not_revoked_by_less_than_its_prefix(house: Wired, length: int) -> None:
    key = created("--scope", "operate").strip()
    result = sago("revoke", key[5 : 5 + length], "--because", "lost")
    assert isinstance(result.exception, UsageError)
    assert "the 8 hex digits of its prefix, as 1f0c93ab, or its id" in str(result.exception)
    assert house.keyring.find(key) is not None
    assert [action for action, _, _ in house.noted] == ["key.created"]
