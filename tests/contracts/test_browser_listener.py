"""The listener that waits for a vendor's answer, and who else may knock."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from sago.cli.connect_browser import Listener, code_of, listening
from sago.errors import SagoError, UsageError
from sago.sources.oauth import App, Question, ask
from tests.contracts.connecting import fetch

APP = App("A vendor", "http://127.0.0.1:9/authorize", "http://127.0.0.1:9/token", "id", SecretStr("x"), ("read",))


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(0) as found:
        yield found


@pytest.fixture
def question(listener: Listener) -> Question:
    return ask(APP, listener.address)


def answered(listener: Listener, question: Question, visits: Callable[[str], None]) -> str | SagoError:
    """What comes of it while a browser visits."""
    threads = []

    def tell(address: str) -> None:
        threads.append(threading.Thread(target=visits, args=(address,)))
        threads[0].start()

    try:
        return code_of(listener, question, tell, within=5)
    except SagoError as error:
        return error
    finally:
        threads[0].join()


def test_the_short_address_leads_to_the_vendor_with_state_and_challenge(listener: Listener, question: Question) -> None:
    seen: list[tuple[int, str, str]] = []

    def visits(address: str) -> None:
        seen.append(fetch(address))
        fetch(f"{listener.address}/?code=c1&state={question.state}")

    assert answered(listener, question, visits) == "c1"
    assert seen[0][:2] == (302, question.url)


def test_only_the_answer_to_our_question_counts_whoever_else_knocks(listener: Listener, question: Question) -> None:
    seen: list[int] = []

    def visits(_: str) -> None:
        seen.append(fetch(f"{listener.address}/favicon.ico")[0])
        seen.append(fetch(f"{listener.address}/?code=stolen&state=guessed")[0])
        seen.append(fetch(f"{listener.address}/?code=stolen")[0])
        seen.append(fetch(f"{listener.address}/?error=access_denied&state=guessed")[0])
        seen.append(fetch(f"{listener.address}/?code=c&state={question.state}", "POST")[0])
        seen.append(fetch(f"{listener.address}/?code=c1&state={question.state}")[0])

    assert answered(listener, question, visits) == "c1"
    assert seen == [404, 400, 404, 400, 501, 200]


def test_a_second_answer_is_refused(listener: Listener, question: Question) -> None:
    seen: list[int] = []

    def visits(_: str) -> None:
        seen.append(fetch(f"{listener.address}/?code=c1&state={question.state}")[0])
        seen.append(fetch(f"{listener.address}/?code=c2&state={question.state}")[0])

    assert answered(listener, question, visits) == "c1"
    assert seen == [200, 400]
    assert listener.answers.empty()


def test_who_holds_a_connection_open_keeps_nobody_out(listener: Listener, question: Question) -> None:
    with socket.create_connection(("127.0.0.1", listener.server_port)):
        visit = f"{listener.address}/?code=c1&state={question.state}"
        assert answered(listener, question, lambda _: fetch(visit) and None) == "c1"


@pytest.mark.parametrize(
    ("error", "told"), [("access_denied", "you said no"), ("server_error", "server_error"), ("<b>x", "an unknown")]
)
def test_a_refusal_ends_it_and_says_why(listener: Listener, question: Question, error: str, told: str) -> None:
    found = answered(
        listener, question, lambda _: fetch(f"{listener.address}/?error={error}&state={question.state}") and None
    )
    assert isinstance(found, UsageError)
    assert told in str(found)


def test_the_page_is_for_phones_too_and_keeps_the_code_to_itself(listener: Listener, question: Question) -> None:
    pages: list[str] = []

    def visits(_: str) -> None:
        pages.append(fetch(f"{listener.address}/?code=c1&state={question.state}")[2])

    answered(listener, question, visits)
    assert 'name="viewport" content="width=device-width"' in pages[0]
    assert "You can close this window" in pages[0]
    assert question.state not in pages[0]


def test_after_its_time_it_says_where_to_look(listener: Listener, question: Question) -> None:
    with pytest.raises(UsageError, match="no answer within"):
        code_of(listener, question, lambda _: None, within=0.05)


def test_a_port_in_use_is_named(listener: Listener) -> None:
    port = listener.server_port
    with pytest.raises(UsageError, match=f"--port {port}.*in use"), listening(port):
        pass
