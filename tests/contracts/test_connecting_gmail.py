"""`sago connect gmail` against the stand-in of Google, through a browser on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sago.domain.connections import ConnectionState
from sago.errors import ConfigError, SagoError, UsageError
from tests.contracts.connecting import Browser, House, without_layout
from tests.standins.gmail_server import GmailStandin, serving


@pytest.fixture
def google() -> Iterator[GmailStandin]:
    with serving() as standin:
        standin.mailbox.labels |= {"Label_7": "Investors"}
        yield standin


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, google: GmailStandin) -> House:
    return House(monkeypatch, google.environment())


def error_of(house: House, *arguments: str) -> SagoError:
    result = house.sago(*arguments)
    assert isinstance(result.exception, SagoError), result.output
    return result.exception


def test_a_mailbox_is_connected_with_a_token_that_can_be_renewed(
    monkeypatch: pytest.MonkeyPatch, house: House, google: GmailStandin
) -> None:
    browser = Browser(monkeypatch)
    done = house.sago("gmail", "--label", "investors", "--company", "acme", "--since", "2026-01-01")
    assert done.exit_code == 0, done.output
    assert browser.pages[0][0] == 200
    connection = house.only()
    assert (connection.account, connection.containers) == ("founder@northwind.example", ("Label_7",))
    token = house.container().connecting.token(connection.id)
    assert token is not None
    assert token.refresh is not None
    assert token.refresh.get_secret_value() in google.tokens.refresh
    assert token.expires_at is not None
    assert len(house.streams()) == 1
    assert "10,000 messages take 3 min at least" in without_layout(done.stderr)
    asked = next(query for path, query in google.asked if path == "/authorize")
    assert asked["code_challenge_method"] == ["S256"]
    assert (asked["access_type"], asked["prompt"]) == (["offline"], ["consent"])
    assert asked["redirect_uri"][0].startswith("http://127.0.0.1:")
    done = house.sago("remove", "founder", "--yes")
    assert done.exit_code == 0, done.output
    assert google.tokens.refresh == set()
    assert house.only().state is ConnectionState.REMOVED


def test_with_the_last_share_the_grant_is_taken_back_at_google(
    monkeypatch: pytest.MonkeyPatch, house: House, google: GmailStandin
) -> None:
    Browser(monkeypatch)
    assert house.sago("gmail", "--all", "--company", "acme").exit_code == 0
    assert google.tokens.refresh
    done = house.revoke_share()
    assert "its token is taken back at Google" in without_layout(done.stderr)
    assert google.tokens.refresh == set()


def test_leave_that_was_not_given_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, house: House, google: GmailStandin
) -> None:
    google.tokens.scope = "openid"
    Browser(monkeypatch)
    assert "tick that box" in str(error_of(house, "gmail", "--all"))
    with house.database.begin() as tx:
        assert tx.connections.all() == []


def test_a_client_that_google_does_not_know_is_named(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.setenv("SAGO_GMAIL__CLIENT_SECRET", "another")
    Browser(monkeypatch)
    error = error_of(house, "gmail", "--all")
    assert isinstance(error, ConfigError)
    assert "SAGO_GMAIL__CLIENT_SECRET: Google does not know this pair (invalid_client)" in str(error)


def test_without_a_client_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.delenv("SAGO_GMAIL__CLIENT_ID")
    assert "Desktop app" in str(error_of(house, "gmail", "--all"))


def test_whoever_says_no_connects_nothing(monkeypatch: pytest.MonkeyPatch, house: House, google: GmailStandin) -> None:
    google.denies = True
    Browser(monkeypatch)
    error = error_of(house, "gmail", "--all")
    assert isinstance(error, UsageError)
    assert "you said no" in str(error)


def test_when_googles_api_is_away_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, house: House, google: GmailStandin
) -> None:
    google.misbehave("500", "/gmail/v1/users/me/profile")
    Browser(monkeypatch)
    error_of(house, "gmail", "--all")
    with house.database.begin() as tx:
        assert tx.connections.all() == []
