"""The openai provider against a server that speaks its protocol: what is sent, and each way an answer can go wrong.

What is common to all providers outside this process is tested with Gemini.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.domain.model_calls import Budget, CallOutcome, ModelCall
from sago.errors import (
    HeldBackError,
    PermanentError,
    ProviderSettingError,
    SagoError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.llm.providers.openai_compatible import OpenAIModel, service
from sago.llm.registry import load
from sago.llm.remote.guards import Budgeted, Limited
from sago.model_sections import OpenAISettings
from sago.outreach.checking import check
from sago.resilience.rates import MemoryRates
from sago.stores.clock import SystemClock
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.model_calls import MemoryCallLedger
from tests import openai_server as fake
from tests.gemini_server import KEY, GeminiServer, Reply, always, dribbling, findings
from tests.openai_server import failing, said
from tests.unit.llm.said import chat, extract
from tests.unit.outreach.stories import request as letter_request
from tests.unit.outreach.stories import watch

pytestmark = pytest.mark.usefixtures("certificates_read_once")

DEAL = "[[event enterprise_deal subject=Kite metric=contract_value:90000:USD]] for $90k"


@pytest.fixture(scope="module")
def running() -> Iterator[GeminiServer]:
    with fake.openai_server() as server:
        yield server


@pytest.fixture
def server(running: GeminiServer) -> GeminiServer:
    running.reset()
    return running


class Desk:
    """The provider over the server, and its ledger."""

    def __init__(self, url: str, **settings: object) -> None:
        values = {"model": "qwen3:8b", "base_url": f"{url}/v1", "timeout": 5, **settings}
        self.calls = MemoryCallLedger()
        self.settings = Settings(openai=OpenAISettings.model_validate(values))
        self.model = OpenAIModel(self.settings, self.calls, SystemClock())

    @property
    def rows(self) -> list[ModelCall]:
        return list(self.calls.calls.values())

    @property
    def row(self) -> ModelCall:
        (row,) = self.rows
        return row


@pytest.fixture
def desk(server: GeminiServer) -> Desk:
    return Desk(server.url)


def test_a_chunk_is_one_question_with_the_answers_schema(server: GeminiServer, desk: Desk) -> None:
    (found,) = extract(desk.model, chat(1, "lunch?"), chat(2, DEAL))
    assert (found.message_id, found.subject) == ("slack:2", "Kite")
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer none"
    assert asked.body.keys() == {"model", "messages", "response_format", "max_tokens"}
    assert (asked.body["model"], asked.body["max_tokens"]) == ("qwen3:8b", 8000)
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]
    form = asked.body["response_format"]
    assert form["json_schema"]["schema"]["properties"]["findings"]["type"] == "array"
    assert (desk.model.place, desk.model.version) == (ModelPolicy.OWN_HOUSE, "qwen3:8b/extraction-2")


def test_key_and_temperature_go_out_where_they_are_set(server: GeminiServer) -> None:
    extract(Desk(server.url, api_key=KEY, temperature=0).model, chat(1, DEAL))
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body["temperature"] == 0


def test_the_vendor_is_asked_where_no_address_is_set_in_the_words_of_its_newer_models(
    server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    desk = Desk(server.url, base_url=None, api_key=KEY)
    assert len(extract(desk.model, chat(1, DEAL))) == 1
    (asked,) = server.asked
    assert asked.body["max_completion_tokens"] == 8000
    assert "max_tokens" not in asked.body
    assert desk.model.place is ModelPolicy.VENDOR


def test_each_call_leaves_a_row_that_costs_what_the_prices_say(server: GeminiServer, desk: Desk) -> None:
    extract(desk.model, chat(1, DEAL))
    row = desk.row
    assert (row.provider, row.model, row.outcome, row.cost_usd) == ("openai", "qwen3:8b", CallOutcome.OK, 0)
    assert (row.input_tokens, row.output_tokens) == (1000, 57)
    dear = Desk(server.url, price_input=2, price_output=12)
    extract(dear.model, chat(1, DEAL))
    assert dear.row.cost_usd == pytest.approx((1000 * 2 + 57 * 12) / 1e6)


def test_a_server_without_schemas_is_told_in_words_and_asked_once_from_then_on(
    server: GeminiServer, desk: Desk
) -> None:
    server.usual = fake.without_schema
    assert len(extract(desk.model, chat(1, DEAL))) == 1
    assert ["response_format" in asked.body for asked in server.asked] == [True, False]
    assert '"findings"' in server.asked[1].system.split("nothing else:")[1]
    assert len(extract(desk.model, chat(2, DEAL))) == 1
    assert len(server.asked) == 3
    assert [row.outcome for row in desk.rows] == [CallOutcome.FAILED, CallOutcome.OK, CallOutcome.OK]


def test_both_requests_to_a_server_without_schemas_share_one_time(server: GeminiServer) -> None:
    refused = fake.without_schema
    server.usual = lambda asked: refused(asked)._replace(after=1.2 if "response_format" in asked.body else 3)
    desk, begun = Desk(server.url, timeout=3), time.monotonic()
    with pytest.raises(TransientError, match="did not answer within 3 s"):
        extract(desk.model, chat(1, DEAL))
    assert time.monotonic() - begun < 3.8
    assert [row.outcome for row in desk.rows] == [CallOutcome.FAILED] * 2
    late = Desk(server.url, timeout=2)
    with pytest.raises(TransientError, match="did not answer within 2 s"):
        extract(late.model, chat(1, DEAL))
    assert len(late.rows) == 1


def test_what_was_reserved_for_a_call_without_an_answer_in_time_stays_spent(server: GeminiServer) -> None:
    late = Desk(server.url, timeout=2, price_output=10, output_tokens=1000)
    late.model.line = Budgeted(
        late.model.line, "openai", late.settings.openai, Budget(1, None), late.calls, SystemClock()
    )
    server.script.append(fake.slow(3))
    with pytest.raises(TransientError, match="did not answer within"):
        extract(late.model, chat(1, DEAL))
    assert (late.row.outcome, late.row.cost_usd, late.calls.reserved) == (CallOutcome.FAILED, 0.01, {})
    server.script.append(failing(503, "loading model"))
    with pytest.raises(TransientError, match="503"):
        extract(late.model, chat(1, DEAL))
    assert [row.cost_usd for row in late.rows] == [0.01, 0]


def test_either_request_counts_for_the_rate_and_words_are_remembered_over_the_wait(
    server: GeminiServer, desk: Desk
) -> None:
    server.usual = fake.without_schema
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    desk.model.line = Limited(desk.model.line, "openai", 1, MemoryRates(clock), clock)
    with pytest.raises(HeldBackError):
        extract(desk.model, chat(1, DEAL))
    clock.advance(timedelta(minutes=1))
    assert len(extract(desk.model, chat(1, DEAL))) == 1
    assert ["response_format" in asked.body for asked in server.asked] == [True, False]


def test_a_server_that_refuses_either_way_is_asked_twice_and_each_time_anew(server: GeminiServer, desk: Desk) -> None:
    server.usual = failing(400, "no tools here", type="invalid_request_error")
    for times in (2, 4):
        with pytest.raises(ProviderSettingError, match=r"openai part of config\.yaml \(400: invalid_request_error\)"):
            extract(desk.model, chat(1, DEAL))
        assert len(server.asked) == times
    assert [row.outcome for row in desk.rows] == [CallOutcome.FAILED, CallOutcome.REFUSED] * 2


@pytest.mark.parametrize(
    "wrap",
    [
        "```json\n{}\n```",
        "Sure! Here is what I found (see [1]):\n\n{}\nHope this helps.",
        '<think>\nMessage 1 could be {"message": 1}.\n</think>\n\n{}',
    ],
    ids=["fence", "prose", "thoughts"],
)
def test_json_is_found_in_what_stands_around_it(server: GeminiServer, desk: Desk, wrap: str) -> None:
    server.script.append(lambda asked: said(wrap.replace("{}", json.dumps({"findings": findings(asked)}))))
    assert len(extract(desk.model, chat(1, DEAL))) == 1


def test_what_breaks_the_schema_is_dropped_and_the_rest_goes_on(server: GeminiServer, desk: Desk) -> None:
    server.script.append(
        lambda asked: said({"findings": [{"message": "one"}, *findings(asked), {"message": 1, "quote": DEAL}]})
    )
    assert len(extract(desk.model, chat(1, DEAL))) == 1


def test_a_cut_answer_is_asked_for_in_halves(server: GeminiServer, desk: Desk) -> None:
    server.usual = fake.cut_above(2)
    assert len(extract(desk.model, *[chat(n, DEAL) for n in range(5)])) == 5
    assert [len(asked.texts) for asked in server.asked] == [5, 2, 3, 1, 2]
    assert [row.outcome for row in desk.rows].count(CallOutcome.TRUNCATED) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        failing(400, "exceeds the available context size", type="exceed_context_size_error", code=400),
        failing(400, "This model's maximum context length is 8192 tokens.", type="BadRequestError", code=400),
        failing(400, "too long", type="invalid_request_error", code="context_length_exceeded"),
        always(Reply(413, b"too large")),
    ],
    ids=["llama.cpp", "vLLM", "OpenAI", "proxy"],
)
def test_a_question_too_long_for_the_model_is_asked_in_halves(
    server: GeminiServer, desk: Desk, refusal: fake.Behaviour
) -> None:
    server.usual = lambda asked: fake.marks(asked) if len(asked.texts) <= 2 else refusal(asked)
    assert len(extract(desk.model, *[chat(n, DEAL) for n in range(5)])) == 5
    assert [len(asked.texts) for asked in server.asked] == [5, 2, 3, 1, 2]
    assert CallOutcome.REFUSED not in {row.outcome for row in desk.rows}


def test_one_message_too_long_for_the_model_waits_for_the_setting(server: GeminiServer, desk: Desk) -> None:
    server.usual = fake.small(0)
    with pytest.raises(ProviderSettingError, match=r"lower openai\.input_tokens in config\.yaml \(400\)"):
        extract(desk.model, chat(1, DEAL))
    assert desk.row.outcome is CallOutcome.REFUSED


def test_a_429_keeps_the_delay_it_asks_for_and_nothing_is_tried_again(server: GeminiServer, desk: Desk) -> None:
    server.usual = fake.too_many("41.2")
    with pytest.raises(TransientError, match="openai answers 429: requests, rate_limit_exceeded") as raised:
        extract(desk.model, chat(1, DEAL))
    assert raised.value.retry_after == timedelta(seconds=42)
    assert len(server.asked) == 1
    assert desk.row.outcome is CallOutcome.FAILED


@pytest.mark.parametrize(
    ("behaviour", "kind", "words", "outcome"),
    [
        (failing(500, type="server_error"), TransientError, "openai answers 500: server_error", "failed"),
        (always(Reply(502, b"<html>bad gateway</html>")), TransientError, "openai answers 502", "failed"),
        (failing(503, "loading model", type="unavailable_error"), TransientError, "answers 503", "failed"),
        (always(Reply(200, b"{}")), TransientError, r"not as an OpenAI-compatible .* openai\.base_url", "failed"),
        (always(Reply(200, b"<html>portal</html>")), TransientError, r"check openai\.base_url", "failed"),
        (always(Reply(200, b"{", [("Content-Length", "9")])), TransientError, "cannot be reached", "failed"),
        (always(Reply(302, b"", [("Location", "/login")])), ProviderSettingError, r"302, .*base_url", "refused"),
        (always(Reply(404, b"404 page not found")), ProviderSettingError, r"404, .* openai\.base_url", "refused"),
        (
            failing(404, "model 'qwen3:8b' not found", type="not_found_error"),
            ProviderSettingError,
            r"does not know the model 'qwen3:8b': set openai\.model",
            "refused",
        ),
        (failing(401, "who are you", type="x"), ProviderSettingError, "check OPENAI_API_KEY in .env", "refused"),
        (failing(403, code="forbidden"), ProviderSettingError, "check OPENAI_API_KEY in .env", "refused"),
        (failing(400, code="content_filter"), PermanentError, "filters block the question", "blocked"),
        (always(said("", finish="content_filter")), PermanentError, "filters block the answer", "blocked"),
        (always(said("", refusal="I cannot help with that.")), PermanentError, "model refuses to answer", "blocked"),
        (always(fake.response({"choices": []})), UnusableAnswerError, "answer is empty", "unusable"),
        (always(fake.response({"choices": None})), UnusableAnswerError, "answer is empty", "unusable"),
        (always(fake.response({"choices": 3})), UnusableAnswerError, "cannot be read", "unusable"),
        (always(fake.response({"choices": [{}]})), UnusableAnswerError, "cannot be read", "unusable"),
        (always(said("")), UnusableAnswerError, "openai's answer is empty: stop", "unusable"),
        (always(said("I'd rather not.")), UnusableAnswerError, "holds no JSON", "unusable"),
        (always(said({"events": []})), UnusableAnswerError, "openai's answer lacks findings", "unusable"),
        (always(said('{"findings": [{"message": 1, "quo')), UnusableAnswerError, "breaks off", "unusable"),
        (always(said("", finish="length")), UnusableAnswerError, "openai.output_tokens", "truncated"),
    ],
)
def test_each_failure_has_its_class_its_line_and_its_row(
    server: GeminiServer, desk: Desk, behaviour: fake.Behaviour, kind: type[SagoError], words: str, outcome: str
) -> None:
    server.usual = behaviour
    with pytest.raises(kind, match=words) as raised:
        extract(desk.model, chat(1, DEAL))
    assert type(raised.value) is kind or kind is PermanentError
    assert "\n" not in str(raised.value)
    assert desk.row.outcome == outcome
    assert len(server.asked) == 1


def test_a_slow_answer_asks_for_less_at_once_until_one_message_is_left(server: GeminiServer) -> None:
    desk = Desk(server.url, timeout=0.2)
    server.usual = fake.slow(0.5)
    with pytest.raises(TooLateError, match=r"did not answer within 0\.2 s"):
        extract(desk.model, chat(1, DEAL), chat(2, DEAL))
    with pytest.raises(TransientError) as raised:
        extract(desk.model, chat(1, DEAL))
    assert type(raised.value) is TransientError


def test_an_answer_that_trickles_in_for_ever_is_given_up_in_time(server: GeminiServer) -> None:
    desk = Desk(server.url, timeout=0.3)
    server.usual = dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", 0.02)
    with pytest.raises(TransientError, match=r"did not answer within 0\.3 s"):
        extract(desk.model, chat(1, DEAL))
    assert 300 <= desk.row.latency_ms < 3000


def test_a_server_that_is_away_may_come_back() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        desk = Desk(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(TransientError, match="cannot be reached: ConnectError"):
            extract(desk.model, chat(1, DEAL))
    assert desk.row.outcome is CallOutcome.FAILED


def test_text_for_a_server_of_the_house_goes_through_no_proxy(
    server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert len(extract(Desk(server.url).model, chat(1, DEAL))) == 1
    with pytest.raises(TransientError, match="cannot be reached"):
        extract(Desk(server.url, place="vendor").model, chat(1, DEAL))


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"base_url": None}, r"OPENAI_API_KEY=… into \.env"), ({"model": ""}, r"openai\.model is not set")],
)
def test_what_is_not_set_is_told_and_nothing_is_sent(
    server: GeminiServer, settings: dict[str, str], words: str
) -> None:
    desk = Desk(server.url, **settings)
    with pytest.raises(ProviderSettingError, match=words):
        extract(desk.model, chat(1, DEAL))
    assert server.asked == []
    assert desk.row.outcome is CallOutcome.REFUSED


def test_a_letter_is_made_of_the_answer(server: GeminiServer, desk: Desk) -> None:
    request = letter_request(watch("arr >= 2M"))
    draft = desk.model.compose(request)
    assert check(draft, request) == []
    assert server.asked[0].body["response_format"]["json_schema"]["name"] == "LetterAnswer"


def test_neither_key_nor_messages_are_in_errors_logs_and_rows(
    server: GeminiServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, secret = Desk(server.url, api_key=KEY), "Kestrel will sue us"
    echoes = [fake.echoing(code) for code in (400, 400, 422, 422, 429, 500, 401)]
    server.script.extend([fake.marks, *echoes, always(said(f"the key {KEY}, Kestrel will sue"))])
    told = []
    with caplog.at_level(logging.DEBUG):
        extract(desk.model, chat(1, DEAL))
        while server.script:
            with pytest.raises(SagoError) as raised:
                extract(desk.model, chat(1, secret))
            told.append(repr(raised.value) + repr(raised.value.__cause__))
    assert len(told) == 6
    captured = capsys.readouterr()
    logged = [str(record.__dict__) for record in caplog.records]
    for place in (*told, *logged, captured.out, captured.err, str(desk.rows), repr(desk.settings)):
        assert not [word for word in (KEY, "Kestrel", "sue us") if word in place]
    assert "messages[1].content" in told[0]


def test_all_that_the_registry_puts_around_a_model_asks_twice_and_shows_the_second_question_its_neighbours(
    server: GeminiServer, desk: Desk
) -> None:
    deals = [f"We signed {who} Freight, a three-year contract worth $480k a year." for who in ("Kite", "Delta", "Gull")]
    talk = ["good morning all", "who has the projector", "is it a 5% or a 7% pitch", "thanks"]
    said_ = [*talk, deals[0], *talk, deals[1], *talk, deals[2]]
    server.usual = always(said({"findings": []}))
    model = load("openai", desk.settings, desk.calls, SystemClock())
    assert extract(model, *(chat(number, text) for number, text in enumerate(said_))) == []
    first, second = server.asked
    assert first.texts == [text for text in said_ if text in (*deals, talk[2])]
    assert second.texts == deals
    for asked in server.asked:
        context = asked.user.partition("Messages to report on")[0]
        assert [context.count(text) for text in (talk[0], talk[1], talk[3])] == [0, 3, 3]
    assert second.user.partition("Messages to report on")[0].count(talk[2]) == 3
