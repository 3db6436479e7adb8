"""Pub/Sub's pushes: what is believed, and what it costs to find out."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sago.errors import ConfigError, InvalidMessageError, SignatureError, TransientError
from sago.ports import Delivery
from sago.source_sections import GmailSettings
from sago.sources.gmail_push import Certificates
from sago.sources.gmail_source import Gmail
from tests.standins.gmail_server import GmailStandin, serving
from tests.standins.gmail_tokens import Key, b64url

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def served() -> Iterator[GmailStandin]:
    with serving() as standin:
        yield standin


@pytest.fixture
def google(served: GmailStandin) -> GmailStandin:
    """With one key, kept for an hour."""
    served.asked.clear()
    served.behave()
    served.certificates_for = 3600
    del served.keys[1:]
    return served


def source(google: GmailStandin, **more: Any) -> Gmail:
    given = {name.removeprefix("SAGO_GMAIL__").lower(): each for name, each in google.environment().items()}
    return Gmail(GmailSettings(**given | more))


def claims(google: GmailStandin, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    return google.claims(iat=int(at.timestamp()), exp=int(at.timestamp()) + 3600) | more


def delivery(google: GmailStandin, token: str | None = None, at: datetime = NOW, body: bytes | None = None) -> Delivery:
    token = token or google.keys[0].sign(claims(google, at))
    sent = json.dumps(google.envelope()).encode() if body is None else body
    return Delivery(sent, {"authorization": f"Bearer {token}"}, at)


def fetched(google: GmailStandin) -> int:
    return sum(path == "/certs" for path, _ in google.asked)


def test_a_push_of_our_subscription_wakes_its_mailbox(google: GmailStandin) -> None:
    gmail, sent = source(google), delivery(google)
    gmail.verify(sent)
    push = gmail.unpack(sent)
    assert (push.account, push.wakes, push.items, push.ignored) == ("founder@northwind.example", ("*",), (), "")


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://elsewhere.example/webhook"},
    "a list of audiences": {"aud": ["https://sago.example/webhook"]},
    "another service account": {"email": "mallory@evil.iam.gserviceaccount.example"},
    "an address that is not verified": {"email_verified": False},
    "an address verified in words": {"email_verified": "true"},
    "another issuer": {"iss": "https://accounts.evil.example"},
    "a token that ended": {"exp": int(NOW.timestamp()) - 61},
    "a token of tomorrow": {"iat": int(NOW.timestamp()) + 86400},
    "no end": {"exp": None},
    "an end in words": {"exp": "2099"},
    "an end that is true": {"exp": True},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_claim_that_does_not_hold_is_refused_without_asking_anybody(
    google: GmailStandin, wrong: dict[str, Any]
) -> None:
    with pytest.raises(SignatureError):
        source(google).verify(delivery(google, google.keys[0].sign(claims(google, **wrong))))
    assert not fetched(google)


def test_a_clock_that_differs_by_less_than_a_minute_is_no_reason(google: GmailStandin) -> None:
    at = int(NOW.timestamp())
    gmail = source(google)
    for more in ({"iat": at + 59}, {"exp": at - 59}):
        gmail.verify(delivery(google, google.keys[0].sign(claims(google, **more))))


def forged(google: GmailStandin) -> dict[str, str]:
    good = google.keys[0].sign(claims(google))
    head, body, seal = good.split(".")
    other = b64url(json.dumps(claims(google, email_verified=True, sub="1")).encode())
    return {
        "another key of the same name": _renamed(Key(), google.keys[0]).sign(claims(google)),
        "a key nobody knows": Key().sign(claims(google)),
        "no algorithm": f"{b64url(json.dumps({'alg': 'none', 'kid': google.keys[0].id}).encode())}.{body}.",
        "a shared secret": google.keys[0].sign(claims(google), alg="HS256"),
        "another head": google.keys[0].sign(claims(google), alg="RS512"),
        "no key": google.keys[0].sign(claims(google), kid=None),
        "other claims": f"{head}.{other}.{seal}",
        "no ASCII": f"{head}.{body}\u00e9.{seal}",
        "no seal": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "no token": "x",
        "no JSON": "e30.bm8.e30",
        "letters of no alphabet": f"{head}.{body}.ä\x00",
        "nested": f"{b64url(b'[' * 100_000)}.{body}.{seal}",
    }


def _renamed(key: Key, like: Key) -> Key:
    key.id = like.id
    return key


def test_what_google_did_not_sign_is_refused_and_not_repeated(google: GmailStandin) -> None:
    for token in forged(google).values():
        with pytest.raises(SignatureError) as refused:
            source(google).verify(delivery(google, token))
        assert token not in str(refused.value) or token == "x"
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic abc", "bearer"])
def test_a_delivery_without_a_token_is_refused(google: GmailStandin, header: str) -> None:
    with pytest.raises(SignatureError):
        source(google).verify(Delivery(b"{}", {"authorization": header}, NOW))
    with pytest.raises(SignatureError):
        source(google).verify(Delivery(b"{}", {}, NOW))


@pytest.mark.parametrize("name", ["push_audience", "push_account"])
def test_a_setting_that_is_missing_is_named(google: GmailStandin, name: str) -> None:
    with pytest.raises(ConfigError, match=f"gmail.{name}"):
        source(google, **{name: None}).verify(delivery(google))


def test_certificates_are_kept_as_long_as_they_say(google: GmailStandin) -> None:
    google.certificates_for = 600
    gmail = source(google)
    for minutes in (0, 1, 9):
        gmail.verify(delivery(google, at=NOW + timedelta(minutes=minutes)))
    assert fetched(google) == 1
    gmail.verify(delivery(google, at=NOW + timedelta(minutes=10)))
    assert fetched(google) == 2


def test_a_new_key_is_found_and_made_up_ones_do_not_have_us_ask_all_the_time(google: GmailStandin) -> None:
    gmail = source(google)
    gmail.verify(delivery(google))
    for _ in range(20):
        with pytest.raises(SignatureError):
            gmail.verify(delivery(google, Key().sign(claims(google))))
    assert fetched(google) == 1
    new = Key()
    google.keys.append(new)
    later = NOW + timedelta(minutes=2)
    gmail.verify(delivery(google, new.sign(claims(google)), at=later))
    assert fetched(google) == 2


@pytest.mark.parametrize("kind", ["500", "cut", "html", "404"])
def test_a_certificate_server_that_is_down_refuses_nobody(google: GmailStandin, kind: str) -> None:
    gmail = source(google)
    google.misbehave(kind, path="/certs", times=1)
    with pytest.raises(TransientError):
        gmail.verify(delivery(google))
    with pytest.raises(TransientError):
        gmail.verify(delivery(google, at=NOW + timedelta(seconds=1)))
    assert fetched(google) == 1
    gmail.verify(delivery(google, at=NOW + timedelta(seconds=6)))


def test_a_certificate_server_that_hangs_costs_all_who_wait_one_time_out(google: GmailStandin) -> None:
    google.hangs = 3.0
    google.misbehave("hang", path="/certs", times=100)
    gmail, heard = source(google), []

    def ask() -> None:
        try:
            gmail.verify(delivery(google))
        except TransientError:
            heard.append(time.monotonic() - began)

    began = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 8
    assert max(heard) < 2.4
    assert fetched(google) == 1


def test_a_certificate_server_that_trickles_costs_no_more() -> None:
    def trickle(listening: socket.socket) -> None:
        asked, _ = listening.accept()
        with asked, suppress(OSError):
            asked.recv(9999)
            asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            for _ in range(20):
                asked.sendall(b" ")
                time.sleep(0.2)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, args=(listening,))
        thread.start()
        began = time.monotonic()
        with pytest.raises(TransientError, match="no answer within 1 s"):
            Certificates(f"http://127.0.0.1:{listening.getsockname()[1]}/").key("k", NOW)
        assert time.monotonic() - began < 2
        thread.join()


def test_many_at_once_fetch_once(google: GmailStandin) -> None:
    gmail, sent, wrong = source(google), delivery(google), []

    def ask() -> None:
        try:
            gmail.verify(sent)
        except Exception as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert fetched(google) == 1


BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"message": []}',
    b'{"message": {"data": 7}}',
    b'{"message": {"data": "***"}}',
    b'{"message": {"data": "bnVsbA=="}}',
    b"[" * 100_000,
    b"\xff\xfe",
    json.dumps({"message": {"data": base64.b64encode(b'{"emailAddress": 7}').decode()}}).encode(),
    json.dumps({"message": {"data": base64.b64encode(b'{"emailAddress": " "}').decode()}}).encode(),
    json.dumps({"message": {"data": "ä"}}).encode(),
]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_push_is_said_to_be_none(google: GmailStandin, body: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        source(google).unpack(delivery(google, body=body))


def test_an_address_comes_in_small_letters_and_in_either_alphabet_of_base64(google: GmailStandin) -> None:
    said = json.dumps({"emailAddress": "Zoë>?@Northwind.example", "historyId": "9"}, ensure_ascii=False).encode()
    for data in (base64.b64encode(said), base64.urlsafe_b64encode(said).rstrip(b"=")):
        body = json.dumps({"message": {"data": data.decode()}}).encode()
        assert source(google).unpack(delivery(google, body=body)).account == "zoë>?@northwind.example"
