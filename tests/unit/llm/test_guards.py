"""What stands before a provider's client: kept answers, a rate, a budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.model_calls import Budget, CallOutcome, ModelCall, ModelJob
from sago.errors import HeldBackError, TooDearError, TransientError
from sago.llm.remote.answers import FindingsAnswer, LetterAnswer
from sago.llm.remote.guards import LONGEST_WAIT, Budgeted, Cached, Limited, Spared
from sago.llm.remote.question import Question, Reply
from sago.model_sections import GeminiSettings, OpenAISettings
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.model_calls import MemoryCallLedger

NOW = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
NOTHING = {"findings": []}
DAY = timedelta(days=1)


def question(user: str = "hi", **other: Any) -> Question:
    fields: dict[str, Any] = {
        "id": uuid4(),
        "company_id": "acme",
        "job": ModelJob.EXTRACTION,
        "prompt_version": "extraction-1",
        "system": "read",
        "user": user,
        "answer": FindingsAnswer,
        "is_lone": False,
        "timeout": 200.0,
    }
    return Question(**(fields | other))


class Client:
    """The end of a line: what came, and what is answered."""

    def __init__(self, reply: Reply = Reply(NOTHING)) -> None:  # noqa: B008 - never changed
        self.asked: list[Question] = []
        self.reply = reply
        self.out: TransientError | None = None

    def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.out:
            raise self.out
        return self.reply


class TestCache:
    def setup_method(self) -> None:
        self.clock = ManualClock(NOW)
        self.client = Client()
        self.answers = MemoryAnswers(self.clock, timedelta(hours=1))
        self.line = self.of()

    def of(self, **section: Any) -> Cached:
        settings = OpenAISettings.model_validate({"model": "m-1", "base_url": "http://localhost:1/v1"} | section)
        return Cached(self.client, "openai", settings, self.answers)

    def test_the_same_question_is_asked_once_while_its_answer_is_kept(self) -> None:
        assert self.line.ask(question()) == self.line.ask(question(timeout=7, is_lone=True)) == Reply(NOTHING)
        assert len(self.client.asked) == 1
        self.clock.advance(timedelta(hours=1))
        self.line.ask(question())
        assert len(self.client.asked) == 2

    @pytest.mark.parametrize(
        "other", [{"company_id": "acme2"}, {"prompt_version": "extraction-2"}, {"system": "see"}, {"user": "ho"}]
    )
    def test_another_company_prompt_or_text_is_another_question(self, other: dict[str, str]) -> None:
        self.line.ask(question())
        self.line.ask(question(**other))
        assert len(self.client.asked) == 2

    @pytest.mark.parametrize(
        "section",
        [{"model": "m-2"}, {"base_url": "http://localhost:2/v1"}, {"temperature": 1}, {"output_tokens": 512}],
        ids=str,
    )
    def test_another_model_server_or_setting_is_another_question(self, section: dict[str, Any]) -> None:
        self.line.ask(question())
        self.of(**section).ask(question())
        assert len(self.client.asked) == 2

    def test_another_key_is_no_other_question(self) -> None:
        self.line.ask(question())
        self.of(api_key="k").ask(question())
        assert len(self.client.asked) == 1

    def test_the_parts_of_a_question_cannot_be_taken_for_one_another(self) -> None:
        self.line.ask(question("b", system="a"))
        self.line.ask(question("", system="ab"))
        assert len(self.client.asked) == 2

    @pytest.mark.parametrize(
        "reply",
        [Reply(NOTHING, is_cut=True), Reply(None, is_cut=True), Reply([]), Reply({"findings": [{"message": 1}]})],
        ids=["cut", "cut whole", "bare list", "broken finding"],
    )
    def test_what_is_not_whole_is_not_kept(self, reply: Reply) -> None:
        self.client.reply = reply
        assert self.line.ask(question()) == self.line.ask(question()) == reply
        assert len(self.client.asked) == 2

    def test_a_letter_is_written_anew_each_time(self) -> None:
        self.client.reply = Reply({"subject": "s", "opening": "o", "highlights": [], "other_side": "", "ask": "a"})
        for _ in range(2):
            self.line.ask(question(job=ModelJob.LETTER, answer=LetterAnswer))
        assert len(self.client.asked) == 2

    def test_what_is_forgotten_of_one_company_stays_of_others(self) -> None:
        for company in ("acme", "acme-2"):
            self.line.ask(question(company_id=company))
        self.answers.forget("acme")
        for company in ("acme", "acme-2"):
            self.line.ask(question(company_id=company))
        assert [each.company_id for each in self.client.asked] == ["acme", "acme-2", "acme"]


class TestBreaker:
    """Three outages open it; the cache stands before it, as in `registry`."""

    def setup_method(self) -> None:
        self.clock = ManualClock(NOW)
        self.client = Client()
        settings = BreakerSettings(fail_max=3, open_for=30)
        self.breakers = SharedBreakers(MemoryShelf(), self.clock, settings, timedelta(minutes=6))
        spared = Spared(self.client, "gemini/m-1", self.breakers)
        answers = MemoryAnswers(self.clock, timedelta(hours=1))
        self.line = Cached(spared, "gemini", GeminiSettings(), answers)
        self.line.ask(question("kept"))
        self.client.out = TransientError("503")

    def fail(self, *users: str) -> None:
        for user in users:
            with pytest.raises(TransientError):
                self.line.ask(question(user))

    def test_a_kept_answer_is_served_while_it_is_open_and_does_not_close_it(self) -> None:
        self.fail("1", "2", "3")
        self.line.ask(question("kept"))
        self.clock.advance(timedelta(seconds=31))
        self.line.ask(question("kept"))
        assert [each.name for each in self.breakers.open()] == ["gemini/m-1"]
        asked = len(self.client.asked)
        self.fail("4", "5")
        assert len(self.client.asked) == asked + 1

    def test_kept_answers_between_outages_do_not_keep_it_from_opening(self) -> None:
        for user in "123":
            self.fail(user)
            self.line.ask(question("kept"))
        assert [each.name for each in self.breakers.open()] == ["gemini/m-1"]


class TestRate:
    def setup_method(self) -> None:
        self.clock = ManualClock(NOW)
        self.client = Client()
        self.line = Limited(self.client, "gemini", 2, MemoryRates(self.clock), self.clock)

    def test_a_short_wait_is_waited_for_out_of_the_questions_own_time(self) -> None:
        for passed in (0, 56):
            self.clock.advance(timedelta(seconds=passed))
            self.line.ask(question())
        self.line.ask(question())
        assert self.clock.now() == NOW + timedelta(seconds=60)
        assert [each.timeout for each in self.client.asked] == [200, 200, 196]

    def test_whoever_would_wait_longer_comes_again_then(self) -> None:
        for _ in range(2):
            self.line.ask(question())
        self.clock.advance(timedelta(seconds=30))
        with pytest.raises(HeldBackError, match=r"2 requests a minute \(models\.requests_a_minute\.gemini\)") as raised:
            self.line.ask(question())
        assert raised.value.retry_after == timedelta(seconds=30)
        assert len(self.client.asked) == 2

    @given(pauses=st.lists(st.floats(0, 40), max_size=40), most=st.integers(1, 6))
    def test_in_no_minute_are_more_asked_and_nobody_waits_long(self, pauses: list[float], most: int) -> None:
        clock, client = ManualClock(NOW), Client()
        line = Limited(client, "gemini", most, MemoryRates(clock), clock)
        asked: list[datetime] = []
        waits: list[timedelta] = []
        for pause in pauses:
            clock.sleep(pause)
            begun = clock.now()
            try:
                line.ask(question())
                asked.append(clock.now())
            except HeldBackError as error:
                waits.append(error.retry_after or timedelta())
            assert clock.now() - begun <= timedelta(seconds=LONGEST_WAIT)
        assert all(wait > timedelta() for wait in waits)
        for first in asked:
            assert sum(first <= other < first + timedelta(seconds=59.99) for other in asked) <= most


def call(call_id: UUID, at: datetime, usd: float, company: str = "acme") -> ModelCall:
    return ModelCall(
        id=call_id, at=at, company_id=company, provider="gemini", model="m", job=ModelJob.EXTRACTION,
        prompt_version="extraction-1", cost_usd=usd, latency_ms=1, outcome=CallOutcome.OK,
    )  # fmt: skip


class TestBudget:
    """A question may cost a cent: its output alone, a thousand tokens at $10 a million."""

    def setup_method(self) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = MemoryCallLedger()
        self.client = Client()

    def of(self, price: float = 10.0, **budget: float) -> Budgeted:
        values = {"output_tokens": 1000, "price_input": 0, "price_output": price}
        settings = GeminiSettings.model_validate(values)
        return Budgeted(self.client, "gemini", settings, Budget(**budget), self.ledger, self.clock)

    def test_calls_under_way_count_with_the_most_they_may_cost(self) -> None:
        line = self.of(company=0.02)
        for _ in range(2):
            line.ask(question())
        with pytest.raises(HeldBackError) as raised:
            line.ask(question())
        assert str(raised.value) == (
            "gemini is not asked: it may cost $0.0100, and the $0.02 a day of acme (models.budget_usd_a_day.company) "
            "are spent or reserved; they begin anew at 00:00 UTC"
        )
        assert raised.value.retry_after == timedelta(hours=1)
        assert len(self.client.asked) == 2
        line.ask(question(company_id="other"))

    def test_what_a_call_cost_takes_the_place_of_what_was_reserved(self) -> None:
        line = self.of(company=0.02)
        for _ in range(11):
            asked = question()
            line.ask(asked)
            self.ledger.record(call(asked.id, self.clock.now(), 0.001))
        assert self.ledger.reserved == {}
        with pytest.raises(HeldBackError):
            line.ask(question())

    def test_all_companies_share_the_total(self) -> None:
        line = self.of(total=0.02)
        for company in ("acme", "other"):
            line.ask(question(company_id=company))
        with pytest.raises(HeldBackError, match=r"\$0\.02 a day of all companies \(models\.budget_usd_a_day\.total\)"):
            line.ask(question(company_id="third"))

    def test_at_midnight_it_begins_anew(self) -> None:
        line = self.of(company=0.01)
        asked = question()
        line.ask(asked)
        self.ledger.record(call(asked.id, self.clock.now(), 0.009))
        with pytest.raises(HeldBackError) as raised:
            line.ask(question())
        self.clock.advance(timedelta(hours=1))
        with pytest.raises(HeldBackError) as raised:
            line.ask(question())
        assert raised.value.retry_after == timedelta(minutes=30)
        self.clock.advance(raised.value.retry_after)
        line.ask(question())

    def test_a_budget_that_was_raised_is_seen_within_the_hour(self) -> None:
        self.clock.advance(timedelta(hours=2))  # 00:30
        line = self.of(company=0.01)
        line.ask(question())
        with pytest.raises(HeldBackError) as raised:
            line.ask(question())
        assert raised.value.retry_after == timedelta(hours=1)

    @pytest.mark.parametrize("limit", ["company", "total"])
    def test_a_budget_below_one_question_says_what_to_raise_or_lower(self, limit: str) -> None:
        with pytest.raises(TooDearError) as raised:
            self.of(**{"company": 1, "total": 1, limit: 0.009}).ask(question())
        assert str(raised.value) == (
            "gemini is never asked: one question may cost $0.0100, more than the $0.009 of a day "
            f"(models.budget_usd_a_day.{limit}): raise it, or lower gemini.output_tokens or gemini.input_tokens"
        )
        assert self.client.asked == []
        assert self.ledger.reserved == {}

    def test_what_somebody_reserved_who_died_is_free_again_after_a_while(self) -> None:
        line = self.of(company=0.01)
        line.ask(question())  # and no row comes
        self.clock.advance(timedelta(minutes=14))
        with pytest.raises(HeldBackError):
            line.ask(question())
        self.clock.advance(timedelta(minutes=1))
        line.ask(question())

    def test_the_client_is_told_what_is_kept_for_a_call(self) -> None:
        self.of(company=0.02).ask(question())
        assert [asked.reserved for asked in self.client.asked] == [0.01]

    def test_what_costs_nothing_needs_no_budget(self) -> None:
        line = self.of(price=0, company=0)
        line.ask(question())
        assert self.ledger.reserved == {}

    def test_without_a_ledger_nothing_is_asked(self) -> None:
        def reserve(*_: object) -> None:
            raise TransientError("postgres does not answer")

        self.ledger.reserve = reserve  # type: ignore[assignment, method-assign]
        with pytest.raises(TransientError, match="postgres"):
            self.of(total=1).ask(question())
        assert self.client.asked == []

    @given(
        steps=st.lists(
            st.tuples(st.sampled_from("ab"), st.floats(0, 0.01), st.booleans(), st.integers(0, 600)), max_size=40
        )
    )
    def test_the_calls_of_a_day_never_cost_more_than_the_budget(
        self, steps: list[tuple[str, float, bool, int]]
    ) -> None:
        """In any order of calls that end at once or later than others begin."""
        self.setup_method()
        line, under_way = self.of(company=0.03, total=0.05), []
        for company, cost, ends_now, minutes in steps:
            asked, at = question(company_id=company), self.clock.now()
            try:
                line.ask(asked)
            except HeldBackError:
                self.clock.advance(timedelta(minutes=minutes))
                under_way.clear()
                continue
            under_way.append(call(asked.id, at, cost, company))
            if ends_now:
                while under_way:
                    self.ledger.record(under_way.pop())
        rows = self.ledger.calls.values()
        for day in {row.at.date() for row in rows}:
            mine = [row for row in rows if row.at.date() == day]
            assert sum(row.cost_usd for row in mine) <= 0.05 + 1e-9
            for company in "ab":
                assert sum(row.cost_usd for row in mine if row.company_id == company) <= 0.03 + 1e-9
