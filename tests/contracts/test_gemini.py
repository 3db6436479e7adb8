"""The gemini provider against a server that speaks its protocol: what is sent, and each way an answer can go wrong."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.domain.events import EventType
from sago.domain.model_calls import CallOutcome, ModelCall, ModelJob
from sago.errors import (
    PermanentError,
    ProviderSettingError,
    SagoError,
    TooLateError,
    TransientError,
    UnusableAnswerError,
)
from sago.llm import registry
from sago.llm.prompts import EXTRACTION
from sago.llm.providers.gemini import GeminiModel
from sago.model_sections import GeminiSettings
from sago.outreach.checking import check
from sago.pipeline.grounding import ground
from sago.ports import Model
from sago.sections import ExtractionSettings
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger
from tests import gemini_server as fake
from tests.gemini_server import KEY, GeminiServer, Reply, said
from tests.unit.llm.said import START, chat, extract, mail
from tests.unit.outreach.stories import request as letter_request
from tests.unit.outreach.stories import watch

pytestmark = pytest.mark.usefixtures("certificates_read_once")

DEAL = "[[event enterprise_deal subject=Kite metric=contract_value:90000:USD]] for $90k"


@pytest.fixture(scope="module")
def running() -> Iterator[GeminiServer]:
    with fake.gemini_server() as server:
        yield server


@pytest.fixture
def server(running: GeminiServer) -> GeminiServer:
    running.reset()
    return running


class Desk:
    """The provider over the server, and its ledger."""

    def __init__(self, url: str, **settings: object) -> None:
        values = {"api_key": KEY, "base_url": url, "timeout": 5, **settings}
        self.calls = MemoryCallLedger()
        self.settings = Settings(gemini=GeminiSettings.model_validate(values))
        self.model = GeminiModel(self.settings, self.calls, SystemClock())

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


def test_a_chunk_is_one_question_with_schema_and_without_temperature(server: GeminiServer, desk: Desk) -> None:
    (found,) = extract(desk.model, chat(1, "lunch?"), chat(2, DEAL))
    assert (found.message_id, found.event_type, found.subject) == ("slack:2", EventType.ENTERPRISE_DEAL, "Kite")
    (asked,) = server.asked
    assert asked.path == "/v1beta/models/gemini-3.1-pro-preview:generateContent"
    assert asked.headers["x-goog-api-key"] == KEY
    told = asked.body["generationConfig"]
    assert told.keys() == {"responseMimeType", "responseJsonSchema", "maxOutputTokens"}
    assert told["responseJsonSchema"]["properties"]["findings"]["type"] == "array"
    assert "tools" not in asked.body
    assert desk.model.place is ModelPolicy.VENDOR


def test_each_call_leaves_a_row_with_thinking_in_what_it_cost(server: GeminiServer, desk: Desk) -> None:
    extract(desk.model, chat(1, DEAL))
    row = desk.row
    assert (row.provider, row.model, row.job) == ("gemini", "gemini-3.1-pro-preview", ModelJob.EXTRACTION)
    assert (row.company_id, row.prompt_version, row.outcome) == ("acme", "extraction-2", CallOutcome.OK)
    assert (row.input_tokens, row.output_tokens) == (1000, 57)
    assert row.cost_usd == pytest.approx((1000 * 2 + 57 * 12) / 1e6)


def test_the_version_names_model_and_prompt(server: GeminiServer) -> None:
    assert Desk(server.url, model="gemini-4").model.version == "gemini-4/extraction-2"


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was logged so far, whether or not an earlier test has sent structlog through the standard library."""
    with caplog.at_level(logging.WARNING):
        yield lambda: caplog.text + capsys.readouterr().out


def test_nothing_is_asked_about_nothing(server: GeminiServer, desk: Desk) -> None:
    assert extract(desk.model, chat(1, "")) == []
    assert server.asked == []


def test_a_finding_that_breaks_the_schema_is_dropped_and_the_rest_goes_on(
    server: GeminiServer, desk: Desk, warned: Callable[[], str]
) -> None:
    def spoilt(asked: fake.Asked) -> Reply:
        (fine,) = fake.findings(asked)
        wrong = [fine | {"event_type": "takeover"}, fine | {"message": 9}, {"message": 1}, "nonsense"]
        return said({"findings": [*wrong, fine | {"metrics": [{"name": "", "value": "x"}, *fine["metrics"]]}]})

    server.script.append(spoilt)
    (found,) = extract(desk.model, chat(1, DEAL))
    assert [metric.value for metric in found.metrics] == [90000]
    told = warned()
    assert "findings dropped" in told
    assert "names no message" in told


def test_what_a_model_copies_from_the_prompts_examples_never_becomes_an_observation(
    server: GeminiServer, desk: Desk, warned: Callable[[], str]
) -> None:
    """Whole, on a quote that does not stand, and put upon a quote that does."""

    def dreaming(asked: fake.Asked) -> Reply:
        (fine,) = fake.findings(asked)
        copies = [finding for example in EXTRACTION.examples() for finding in example.findings]
        grafted = [fine | {"title": copy["title"], "subject": copy["subject"]} for copy in copies if copy["subject"]]
        assert all(copy["quote"] in asked.system.replace('\\"', '"') for copy in copies)
        return said({"findings": [*copies, *grafted, fine | {"quote": "Kite signed"}, fine]})

    server.script.append(dreaming)
    messages = [chat(1, DEAL)]
    found = extract(desk.model, *messages)
    observations, dropped = ground(
        found, messages, company_id="acme", extractor="gemini", extractor_version="1", recorded_at=START
    )
    assert [observation.subject for observation in observations] == ["Kite"]
    assert dropped == {"finding: quote not in message": 1}
    assert "speaks of the prompt's example" in warned()


def test_what_the_messages_say_of_a_name_that_the_prompt_invents_is_found(server: GeminiServer, desk: Desk) -> None:
    text = "[[event enterprise_deal subject=Puffin_Ferries]] with Puffin Ferries"
    assert [finding.subject for finding in extract(desk.model, chat(1, text))] == ["Puffin Ferries"]


def loaded(desk: Desk, **extraction: object) -> Model:
    """As the pipeline gets it, with all messages shown to the model."""
    read = ExtractionSettings.model_validate({"triage": False, **extraction})
    settings = desk.settings.model_copy(update={"extraction": read})
    return registry.load("gemini", settings, desk.calls, SystemClock())


def test_with_redaction_no_person_is_in_what_is_sent_and_all_come_back(server: GeminiServer, desk: Desk) -> None:
    def hired(asked: fake.Asked) -> Reply:
        quote = asked.texts[1].split("\n")[0]
        assert quote == "[Person-1] [Surname-1] joins as CTO"
        found = {"message": 2, "quote": quote, "event_type": "hiring", "status": "actual", "severity": "high"}
        return said({"findings": [found | {"title": quote, "subject": "Person-1 Surname-1"}]})

    server.script.append(hired)
    text = "Ilka Tønnesen joins as CTO\nsays ilka.tonnesen@acme.example, +49 30 901820"
    messages = [mail(1, "hello", "Ilka Tønnesen <ilka.tonnesen@acme.example>"), mail(2, text, "torvald@acme.example")]
    found = extract(loaded(desk, redact=True), *messages)
    sent = json.dumps(server.asked[0].body, ensure_ascii=False)
    assert not [name for name in ("lka", "nnesen", "orvald", "901820") if name in sent]
    assert "@acme.example" in sent
    (seen,), _ = ground(
        found, messages, company_id="acme", extractor="gemini", extractor_version="1", recorded_at=START
    )
    assert (seen.quote, seen.subject) == ("Ilka Tønnesen joins as CTO", "Ilka Tønnesen")
    assert seen.sender == "torvald@acme.example"


def test_a_second_look_is_a_smaller_request_and_a_call_of_its_own(server: GeminiServer, desk: Desk) -> None:
    def awake(asked: fake.Asked) -> Reply:
        known = {"event_type": "enterprise_deal", "status": "actual", "severity": "high", "title": "A customer signed"}
        return said(
            {"findings": [known | {"message": n, "quote": text} for n, text in enumerate(asked.texts, start=1)]}
        )

    server.script.extend([fake.always(said({"findings": []})), awake])
    names = ("Brookhaven Rail", "Marsh Bank", "Kite Mills")
    told = [f"we signed {name} as a customer, $90k a year" for name in names]
    texts = [*told, *(f"lunch {number}?" for number in range(20))]
    found = extract(loaded(desk), *[chat(number, text) for number, text in enumerate(texts)])
    assert [finding.message_id for finding in found] == ["slack:0", "slack:1", "slack:2"]
    assert [len(asked.texts) for asked in server.asked] == [23, 3]
    assert "lunch 2?" in server.asked[1].user
    assert [row.outcome for row in desk.rows] == [CallOutcome.OK, CallOutcome.OK]


def test_a_quote_with_other_white_space_is_taken_as_it_stands(server: GeminiServer, desk: Desk) -> None:
    finding = {"message": 1, "quote": "Kite signed for $90k", "event_type": "enterprise_deal", "status": "actual"}
    server.script.append(lambda _: said({"findings": [finding | {"severity": "high", "title": "Kite signed"}]}))
    messages = [chat(1, "hi\nKite signed\n  for $90k")]
    found = extract(desk.model, *messages)
    (seen,), _ = ground(
        found, messages, company_id="acme", extractor="gemini", extractor_version="1", recorded_at=START
    )
    assert seen.quote == "Kite signed\n  for $90k"


@pytest.mark.parametrize(
    "wrap",
    ["```json\n{}\n```", "Here is what I found (see [1]):\n\n{}\nHope this helps.", "\ufeff {}"],
    ids=["fence", "prose", "mark"],
)
def test_json_is_found_in_what_stands_around_it(server: GeminiServer, desk: Desk, wrap: str) -> None:
    server.script.append(lambda asked: said(wrap.replace("{}", json.dumps({"findings": fake.findings(asked)}))))
    assert len(extract(desk.model, chat(1, DEAL))) == 1


def test_a_bare_list_is_taken_too(server: GeminiServer, desk: Desk) -> None:
    server.script.append(lambda asked: said(fake.findings(asked)))
    assert len(extract(desk.model, chat(1, DEAL))) == 1


def test_a_cut_answer_is_asked_for_in_halves(server: GeminiServer, desk: Desk) -> None:
    server.usual = fake.cut_above(2)
    found = extract(desk.model, *[chat(n, DEAL) for n in range(5)])
    assert [each.message_id for each in found] == [f"slack:{n}" for n in range(5)]
    assert [len(asked.texts) for asked in server.asked] == [5, 2, 3, 1, 2]
    assert [row.outcome for row in desk.rows].count(CallOutcome.TRUNCATED) == 2


def test_of_a_cut_answer_about_one_message_what_is_complete_is_kept(server: GeminiServer, desk: Desk) -> None:
    server.usual = fake.cut_above(0)
    text = " ".join(f"[[event enterprise_deal subject=Kite_{n}]]" for n in range(6))
    found = extract(desk.model, chat(1, text))
    assert [each.subject for each in found] == ["Kite 0", "Kite 1", "Kite 2"]
    assert len(server.asked) == 1


def test_a_chunk_over_the_budget_is_read_in_several_requests(server: GeminiServer) -> None:
    desk = Desk(server.url, input_tokens=8000)
    filler = "standup, nothing new " * 200
    found = extract(desk.model, *[chat(n, f"{filler}{DEAL}") for n in range(8)], context=(chat(-1, filler),))
    assert len(found) == 8
    assert len(server.asked) > 2
    assert all(len(json.dumps(asked.body, ensure_ascii=False).encode()) / 3 < 9000 for asked in server.asked)


def test_a_message_over_the_budget_is_cut_and_the_log_tells(server: GeminiServer, warned: Callable[[], str]) -> None:
    desk = Desk(server.url, input_tokens=8000)
    assert len(extract(desk.model, chat(1, DEAL + "漢" * 80_000 + DEAL))) == 1
    assert "message cut" in warned()
    (asked,) = server.asked
    assert len(json.dumps(asked.body, ensure_ascii=False).encode()) / 3 < 9000


def test_a_429_keeps_the_delay_it_asks_for_and_nothing_is_tried_again(server: GeminiServer, desk: Desk) -> None:
    server.script.append(fake.too_many("41.2s"))
    with pytest.raises(TransientError, match="gemini answers 429: RESOURCE_EXHAUSTED") as raised:
        extract(desk.model, chat(1, DEAL))
    assert raised.value.retry_after == timedelta(seconds=42)
    assert len(server.asked) == 1
    assert desk.row.outcome is CallOutcome.FAILED
    server.script.append(fake.always(Reply(503, b"later", [("Retry-After", "7")])))
    with pytest.raises(TransientError) as raised:
        extract(desk.model, chat(1, DEAL))
    assert raised.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words", "outcome"),
    [
        (fake.failing(500, "INTERNAL"), TransientError, "gemini answers 500", "failed"),
        (fake.always(Reply(502, b"<html>bad gateway</html>")), TransientError, "gemini answers 502", "failed"),
        (fake.always(Reply(200, b"{}")), TransientError, "check gemini.base_url", "failed"),
        (fake.always(Reply(200, b"<html>portal</html>")), TransientError, "check gemini.base_url", "failed"),
        (fake.always(Reply(200, b"3")), TransientError, "check gemini.base_url", "failed"),
        (fake.always(Reply(200, b'{"hits": []}')), TransientError, "check gemini.base_url", "failed"),
        (
            fake.always(Reply(302, b"", [("Location", "/login")])),
            ProviderSettingError,
            "302, .* gemini.base_url",
            "refused",
        ),
        (
            fake.always(Reply(404, b"<html>nothing here</html>")),
            ProviderSettingError,
            "404, .* gemini.base_url",
            "refused",
        ),
        (fake.always(Reply(200, b'{"promptFeedback": 3}')), UnusableAnswerError, "cannot be read", "unusable"),
        (fake.blocked_question("KESTREL WILL SUE"), PermanentError, "question: unknown reason", "blocked"),
        (
            fake.always(Reply(200, b'{"usageMetadata": {"promptTokenCount": -5}}')),
            UnusableAnswerError,
            "empty",
            "unusable",
        ),
        (fake.always(Reply(200, b"{", [("Content-Length", "9")])), TransientError, "cannot be reached", "failed"),
        (fake.always(said("")), UnusableAnswerError, "answer is empty: STOP", "unusable"),
        (fake.always(said("I'd rather not.")), UnusableAnswerError, "holds no JSON", "unusable"),
        (fake.always(said({"events": []})), UnusableAnswerError, "answer lacks findings", "unusable"),
        (fake.always(said('{"findings": [{"message": 1, "quo')), UnusableAnswerError, "breaks off", "unusable"),
        (fake.always(said("", finish="MAX_TOKENS")), UnusableAnswerError, "gemini.output_tokens", "truncated"),
        (fake.blocked_question(), PermanentError, "block the question: PROHIBITED_CONTENT", "blocked"),
        (fake.always(said("", finish="SAFETY")), PermanentError, "block the answer: SAFETY", "blocked"),
        (fake.always(said("", finish="RECITATION")), PermanentError, "block the answer: RECITATION", "blocked"),
        (fake.failing(404, "NOT_FOUND"), ProviderSettingError, "set gemini.model in config.yaml", "refused"),
        (fake.failing(403, "PERMISSION_DENIED"), ProviderSettingError, "check GEMINI_API_KEY in .env", "refused"),
        (
            fake.failing(400, "INVALID_ARGUMENT", "API key not valid.", [{"reason": "API_KEY_INVALID"}]),
            ProviderSettingError,
            "check GEMINI_API_KEY in .env",
            "refused",
        ),
        (fake.failing(400, "FAILED_PRECONDITION"), ProviderSettingError, "gemini part of config.yaml", "refused"),
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


def test_a_server_that_is_away_may_come_back() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        desk = Desk(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(TransientError, match="cannot be reached: ConnectError"):
            extract(desk.model, chat(1, DEAL))
    assert desk.row.outcome is CallOutcome.FAILED


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "begun",
    [HEAD + b"X-Wait: ", HEAD + b"Content-Length: 100000\r\n\r\n{", HEAD + b"Connection: close\r\n\r\n{"],
    ids=["head", "body", "body without a length"],
)
def test_an_answer_that_trickles_in_for_ever_is_given_up_in_time(server: GeminiServer, begun: bytes) -> None:
    desk = Desk(server.url, timeout=0.3)
    server.usual = fake.dribbling(begun, 0.02)
    with pytest.raises(TransientError, match=r"did not answer within 0\.3 s") as raised:
        extract(desk.model, chat(1, DEAL))
    assert type(raised.value) is TransientError
    assert desk.row.outcome is CallOutcome.FAILED
    assert 300 <= desk.row.latency_ms < 3000


def test_without_a_key_nothing_is_sent_and_the_ledger_says_why(server: GeminiServer) -> None:
    desk = Desk(server.url, api_key=None)
    with pytest.raises(ProviderSettingError, match=r"GEMINI_API_KEY=… into \.env") as raised:
        extract(desk.model, chat(1, DEAL))
    assert server.asked == []
    assert (desk.row.outcome, desk.row.error) == (CallOutcome.REFUSED, str(raised.value))


@pytest.mark.parametrize("settings", [{"base_url": "http://a..b"}, {"api_key": "clé"}, {"api_key": "two\nlines"}])
def test_what_makes_no_request_is_the_settings_fault(server: GeminiServer, settings: dict[str, str]) -> None:
    desk = Desk(server.url)
    values = {"base_url": server.url, "api_key": KEY} | settings
    wrong = desk.settings.gemini.model_copy(
        update={"base_url": values["base_url"], "api_key": SecretStr(values["api_key"])}
    )  # past the checks that the settings make themselves
    desk.model = GeminiModel(desk.settings.model_copy(update={"gemini": wrong}), desk.calls, SystemClock())
    with pytest.raises(ProviderSettingError, match=r"check gemini\.base_url, GEMINI_API_KEY"):
        extract(desk.model, chat(1, DEAL), chat(2, DEAL))
    assert server.asked == []
    assert desk.row.outcome is CallOutcome.REFUSED


def test_the_key_is_in_no_error_no_log_and_no_row(
    server: GeminiServer, desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    echo = fake.failing(403, "PERMISSION_DENIED", f"the key {KEY} is not yours")
    server.script.extend([fake.marks, echo, fake.always(Reply(401, KEY.encode())), fake.always(said(""))])
    told = []
    with caplog.at_level(logging.DEBUG):
        extract(desk.model, chat(1, DEAL))
        for _ in range(3):
            with pytest.raises(SagoError) as raised:
                extract(desk.model, chat(1, DEAL))
            told.append(repr(raised.value) + repr(raised.value.__cause__))
    captured = capsys.readouterr()
    logged = [str(record.__dict__) for record in caplog.records]
    for place in (*told, *logged, captured.out, captured.err, str(desk.rows), repr(desk.settings)):
        assert KEY not in place
    assert all(asked.headers["x-goog-api-key"] == KEY and KEY not in asked.path for asked in server.asked)


class FullLedger(MemoryCallLedger):
    """One that cannot be written."""

    def record(self, call: ModelCall) -> None:
        raise TransientError("no space left")


def test_a_ledger_that_fails_does_not_cost_the_answer(server: GeminiServer) -> None:
    model = GeminiModel(Desk(server.url).settings, FullLedger(), SystemClock())
    assert len(extract(model, chat(1, DEAL))) == 1


def test_a_letter_is_made_of_the_answer_with_our_greeting_and_signature(server: GeminiServer, desk: Desk) -> None:
    request = letter_request(watch("arr >= 2M"))
    draft = desk.model.compose(request)
    assert check(draft, request) == []
    assert draft.body.startswith("Hi Nell,\n\n")
    assert draft.body.endswith("\n\nIvo Brandt")
    assert {line.event_id for line in draft.highlights} == {event.id for event in request.events}
    assert (desk.row.job, desk.row.prompt_version, desk.row.company_id) == (ModelJob.LETTER, "letter-3", "orchard")


def test_an_answer_that_is_no_letter_says_what_is_missing(server: GeminiServer, desk: Desk) -> None:
    server.script.append(fake.always(said({"subject": "News"})))
    with pytest.raises(UnusableAnswerError, match="lacks opening, highlights, other_side, ask"):
        desk.model.compose(letter_request(watch("arr >= 2M")))


def test_what_messages_say_is_in_no_error_and_no_row(server: GeminiServer, desk: Desk) -> None:
    secret = "Kestrel will sue us"
    server.usual = lambda asked: said(f"I read: {asked.texts[0]}")
    with pytest.raises(UnusableAnswerError) as raised:
        extract(desk.model, chat(1, secret))
    assert secret not in str(raised.value) + str(desk.row)


@pytest.mark.parametrize(("code", "status"), [(400, "INVALID_ARGUMENT"), (422, "ODD"), (429, "X Y"), (500, "INTERNAL")])
def test_a_server_that_repeats_our_request_gets_no_word_of_it_into_errors_and_rows(
    server: GeminiServer, desk: Desk, code: int, status: str
) -> None:
    server.usual = fake.echoing(code, status)
    with pytest.raises(SagoError) as raised:
        extract(desk.model, chat(1, "Kestrel will sue us"))
    told = str(raised.value) + str(desk.row)
    assert str(code) in told
    assert not [word for word in ("Kestrel", "sue", KEY) if word in told]
    if code == 400:
        assert "(400: INVALID_ARGUMENT, contents[0].parts)" in told
