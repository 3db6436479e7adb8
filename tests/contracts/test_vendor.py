"""A vendor's API over HTTP, asked of a server that misbehaves: what each answer becomes, and what never gets out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from sago.domain.connections import EVERY_CONTAINER, Connection, Token, connection_id_of
from sago.errors import (
    AccountRefusedError,
    CursorExpiredError,
    HeldBackError,
    NotThereError,
    PermanentError,
    SagoError,
    TransientError,
    UnusableAnswerError,
)
from sago.ports import Database
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.sources.platform import Platform
from sago.sources.vendor import Bounds, Guards
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.standins.paged import ACCOUNT, FIRST, Answer, Paged, PagedSettings
from tests.standins.paged_server import PagedServer, paged_server
from tests.standins.told_vault import ToldVault

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONNECTION = Connection(
    id=connection_id_of("paged", ACCOUNT),
    source="paged",
    account=ACCOUNT,
    name="Paged",
    company_id="acme",
    containers=(EVERY_CONTAINER,),
    created_at=NOW,
)
LINES = {"room": "R1", "from": "2026-03-02T09:00:00+00:00", "to": "2026-03-02T10:00:00+00:00"}
TABLE = {"paged": "tests.standins.paged:Paged"}
pytestmark = pytest.mark.usefixtures("certificates_read_once")


class House:
    """What a vendor is asked with; the clock stands still."""

    def __init__(self, url: str, database: Database | None = None, bounds: Bounds | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.database = database or MemoryDatabase()
        self.breakers = SharedBreakers(
            MemoryShelf(), self.clock, BreakerSettings(fail_max=3, open_for=30), timedelta(minutes=1)
        )
        self.vault = ToldVault()
        rates = MemoryRates(self.clock)
        guards = Guards(self.database, self.vault, self.breakers, rates, self.clock, bounds or Bounds(largest=100_000))
        self.platform = Platform(lambda _: PagedSettings(api_url=url), guards, TABLE)
        self.keep(Token(access=SecretStr(FIRST), refresh=SecretStr("refresh-1")))

    def keep(self, token: Token) -> None:
        with self.database.begin() as tx:
            tx.connections.save(CONNECTION)
            tx.connections.keep_token(CONNECTION.id, self.vault.seal(token, CONNECTION.id))

    def ask(self, path: str = "lines") -> dict[str, Any]:
        return self.platform.vendor(CONNECTION).get(path, LINES, limit="lines")

    def limit(self, most: int) -> None:
        source = self.platform.get("paged")
        assert isinstance(source, Paged)
        source.limits = {"lines": most}


@pytest.fixture
def server() -> Iterator[PagedServer]:
    with paged_server() as running:
        running.book.say("R1", datetime(2026, 3, 2, 9, 30, tzinfo=UTC), "the text of a message")
        yield running


@pytest.fixture
def house(server: PagedServer) -> House:
    return House(server.url)


def test_it_is_asked_with_its_token_and_gives_the_object(server: PagedServer, house: House) -> None:
    assert [line["number"] for line in house.ask()["lines"]] == [0]
    ((method, path, headers, _),) = server.seen
    assert (method, path.partition("?")[0]) == ("GET", "/lines")
    assert headers["authorization"] == f"Bearer {FIRST}"


def test_what_is_posted_goes_as_json(server: PagedServer, house: House) -> None:
    assert house.platform.vendor(CONNECTION).post("watch", {"topic": "T"}) == {"said": {"topic": "T"}}
    assert server.seen[0][0] == "POST"


MISBEHAVIOURS: list[tuple[Answer, type[SagoError], str]] = [
    (Answer(500, {}), TransientError, "answers 500"),
    (Answer(503, "<html>the text of a message</html>"), TransientError, "answers 503"),
    (Answer(408, {}), TransientError, "answers 408"),
    (Answer(429, {}), TransientError, "answers 429"),
    (Answer(200, "<html>a portal</html>"), UnusableAnswerError, "no JSON"),
    (Answer(200, "[1, 2]"), UnusableAnswerError, "a JSON list, not an object"),
    (Answer(200, "[" * 90_000), UnusableAnswerError, "no JSON"),
    (Answer(200, ""), UnusableAnswerError, "no JSON"),
    (Answer(200, {"lines": "x" * 200}, is_cut=True), TransientError, "broke off"),
    (Answer(200, "x" * 100_001), PermanentError, "more than 100000 bytes"),
    (Answer(404, {}), NotThereError, "has no lines"),
    (Answer(410, {"error": "expired"}), CursorExpiredError, "any more"),
    (Answer(400, {"error": "the text of a message"}), PermanentError, "refuses lines (400)"),
    (Answer(403, "no"), PermanentError, "refuses lines (403)"),
    (Answer(302, "", {"Location": "/people"}), PermanentError, "a redirect"),
]


@pytest.mark.parametrize(("answer", "kind", "said"), MISBEHAVIOURS)
def test_each_misbehaviour_has_its_error_which_tells_no_content(
    server: PagedServer, house: House, answer: Answer, kind: type[SagoError], said: str
) -> None:
    server.book.script.append(answer)
    with pytest.raises(kind) as caught:
        house.ask()
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert "the text" not in str(caught.value)
    assert FIRST not in str(caught.value)
    assert len(server.seen) == 1, "nothing is asked again, and no redirect is followed"


@pytest.mark.parametrize("answer", [Answer(200, {}, after=3), Answer(200, {"lines": "x" * 50}, trickles=True)])
def test_a_server_that_is_slow_or_trickles_is_cut_off_in_time(server: PagedServer, answer: Answer) -> None:
    house = House(server.url, bounds=Bounds(answered_within=1.0))
    server.book.script.append(answer)
    before = datetime.now(UTC)
    with pytest.raises(TransientError, match="no answer within 1 s"):
        house.ask()
    assert datetime.now(UTC) - before < timedelta(seconds=2.5)
    assert len(server.seen) == 1, "nothing is asked again"


def test_nobody_there_is_an_outage() -> None:
    with pytest.raises(TransientError, match=r"cannot be read: no connection to 127\.0\.0\.1"):
        House("http://127.0.0.1:1/").ask()


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({"Retry-After": "17"}, 429, 17),
        ({"Retry-After": "Mon, 02 Mar 2026 12:01:30 GMT"}, 503, 90),
        ({"Retry-After": "2"}, 403, 2),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 50)}, 403, 50),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp() + 40) * 1000)}, 429, 40),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 429, 30),
        ({"Retry-After": "999999999"}, 429, 86_400),
    ],
)
def test_the_vendor_says_how_long_to_wait_and_is_not_asked_before(
    server: PagedServer, house: House, headers: dict[str, str], status: int, seconds: float
) -> None:
    server.book.script.append(Answer(status, {}, headers))
    with pytest.raises(TransientError) as caught:
        house.ask()
    assert caught.value.retry_after == timedelta(seconds=seconds)
    house.clock.advance(timedelta(seconds=seconds - 1))
    with pytest.raises(TransientError):
        house.ask()
    assert len(server.seen) == 1
    house.clock.advance(timedelta(seconds=2))
    assert house.ask()["lines"]


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "", "Mon, 99 Foo"])
def test_a_wait_that_cannot_be_read_is_none(server: PagedServer, house: House, value: str) -> None:
    server.book.script.append(Answer(429, {}, {"Retry-After": value}))
    with pytest.raises(TransientError) as caught:
        house.ask()
    assert caught.value.retry_after is None


def test_the_last_call_of_the_vendors_window_is_good_and_the_next_one_is_held_back(
    server: PagedServer, house: House
) -> None:
    server.book.script.append(Answer(200, {"lines": []}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}))
    assert house.platform.vendor(CONNECTION).get("lines", LINES) == {"lines": []}
    vendor = house.platform.vendor(CONNECTION)  # of another turn
    with pytest.raises(HeldBackError) as caught:
        vendor.get("lines", LINES)
    assert caught.value.retry_after == timedelta(seconds=20)
    house.clock.advance(timedelta(seconds=21))
    assert vendor.get("lines", LINES)["lines"]


def test_our_own_limit_holds_back_without_a_call_and_opens_no_breaker(server: PagedServer, house: House) -> None:
    house.limit(2)
    house.ask()
    house.ask()
    for _ in range(5):
        with pytest.raises(HeldBackError, match="2 calls a minute"):
            house.ask()
    assert len(server.seen) == 2
    assert house.breakers.open() == []
    house.clock.advance(timedelta(minutes=1))
    assert house.ask()


def test_after_outages_in_a_row_nobody_asks_until_one_may_try(server: PagedServer, house: House) -> None:
    server.book.script += [Answer(500, {})] * 3
    for _ in range(6):
        with pytest.raises(TransientError):
            house.ask()
    assert len(server.seen) == 3
    assert [(each.name, each.reason) for each in house.breakers.open()] == [("paged/P1", "paged/P1 answers 500")]
    house.clock.advance(timedelta(seconds=31))
    assert house.ask()
    assert house.breakers.open() == []


def test_a_refused_token_is_renewed_once_and_kept(server: PagedServer, house: House) -> None:
    server.book.end_token()
    assert house.ask()["lines"]
    assert house.ask()["lines"]
    assert server.book.renewed == 1
    assert [path.partition("?")[0] for _, path, _, _ in server.seen] == ["/lines", "/token", "/lines", "/lines"]


def test_a_token_that_ends_soon_is_renewed_before_it_is_used(server: PagedServer, house: House) -> None:
    house.keep(Token(access=SecretStr(FIRST), refresh=SecretStr("refresh-1"), expires_at=NOW + timedelta(seconds=30)))
    assert house.ask()["lines"]
    assert [path.partition("?")[0] for _, path, _, _ in server.seen] == ["/token", "/lines"]


@pytest.mark.parametrize("refresh", [None, "used up"])
def test_an_account_that_nothing_renews_is_refused_and_the_line_says_how_to_mend_it(
    server: PagedServer, house: House, refresh: str | None
) -> None:
    house.keep(Token(access=SecretStr("sago-test-token-of-nobody"), refresh=refresh and SecretStr(refresh)))
    with pytest.raises(AccountRefusedError, match="connect it again with `sago connect paged`"):
        house.ask()
    assert server.book.renewed == 0


def test_without_a_token_nothing_is_asked(server: PagedServer, house: House) -> None:
    with house.database.begin() as tx:
        tx.connections.forget_token(CONNECTION.id)
    with pytest.raises(AccountRefusedError, match="there is no token for paged/P1"):
        house.ask()
    assert server.seen == []


def test_a_token_gets_into_no_log_however_much_is_logged(
    server: PagedServer, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.book.end_token()
    server.book.script += [Answer(500, {}), None]
    with pytest.raises(TransientError):
        house.ask()
    house.ask()
    assert FIRST not in caplog.text
    assert "sago-test-token-paged" not in caplog.text
    assert "refresh-" not in caplog.text


@pytest.mark.services
def test_of_two_workers_with_a_refused_token_one_renews_it(server: PagedServer, request: pytest.FixtureRequest) -> None:
    house = House(server.url, request.getfixturevalue("postgres"))
    server.book.end_token()
    renew = server.book.renew

    def slowly(refresh: str) -> Answer:
        return renew(refresh)._replace(after=0.5)

    server.book.renew = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(4) as pool:
        found = [each.result() for each in [pool.submit(house.ask) for _ in range(4)]]
    assert all(each["lines"] for each in found)
    assert server.book.renewed == 1
