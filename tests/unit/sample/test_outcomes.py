"""The sample's three companies, read and folded without servers: three reasons, three outcomes, each explained."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, timedelta

import pytest
from rich.console import Console

from sago.config import PROJECT
from sago.domain.batches import Batch, BatchState
from sago.domain.events import Extraction, Observation
from sago.domain.messages import CompactMessage, Message
from sago.domain.significance import Fate, Scale
from sago.domain.watches import Outcome, Verdict
from sago.llm.letters import compose_offline
from sago.llm.providers.offline import RulesModel
from sago.outreach.judging import Explanation, Judging
from sago.outreach.knowledge import load
from sago.outreach.requesting import request_for
from sago.pipeline import reading as pipeline_reading
from sago.pipeline.folding import fold
from sago.pipeline.reading import Reading
from sago.report.explanation import explanation
from sago.report.phrases import LABELS, one_line
from sago.sample import stories
from sago.sources.files import read_path
from sago.stores.clock import SystemClock
from sago.stores.memory.database import MemoryDatabase


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MemoryDatabase:
    """The month as `sago demo` would leave it."""
    file = tmp_path_factory.mktemp("sample") / "sample.csv"
    stories.write_csv(file, rows=1000, seed=7)
    clock, database = SystemClock(), MemoryDatabase()
    messages: dict[str, list[CompactMessage]] = {}
    for row in read_path(file, company_id="none", mapping={}, now=clock.now()):
        assert isinstance(row, Message)
        messages.setdefault(row.company_id, []).append(row.compact())
    with database.begin() as tx:
        for company in stories.companies():
            tx.companies.ensure(company.company_id, clock.now())
            tx.companies.save(company)
        for each in stories.watches(clock.now()):
            tx.outreach.add_watch(each)
    for company_id, said in messages.items():
        _keep(database, company_id, said, _read(company_id, said))
    return database


def _read(company_id: str, messages: list[CompactMessage]) -> list[Observation]:
    found: list[Observation] = []

    def keeping(company: str, observations: list[Observation], _: list[object]) -> object:
        found.extend(observations)
        return fold(company, observations, [])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_reading, "fold", keeping)
        reading = Reading(RulesModel(), SystemClock(), print, chunk=100, context=20, attempts=1)
        reading.events(company_id, messages)
    return found


def _keep(
    database: MemoryDatabase, company_id: str, messages: list[CompactMessage], observations: list[Observation]
) -> None:
    now = messages[-1].sent_at
    readings = [
        Extraction(
            company_id=company_id, message_id=each.message_id, version=each.version, extractor=each.extractor,
            extractor_version=each.extractor_version, finished_at=each.recorded_at,
        )
        for each in observations
    ]  # fmt: skip
    batch = Batch(id=company_id, company_id=company_id, state=BatchState.CLAIMED, claimed_at=now)
    with database.begin() as tx:
        tx.batches.open(batch, [(each.ref(company_id), each.source) for each in messages])
        tx.events.append(observations, readings)
        tx.events.replace(company_id, fold(company_id, observations, []), now)


@pytest.fixture(scope="module")
def explained(made: MemoryDatabase) -> dict[str, Explanation]:
    """As of the month's last day, a verdict of ten days before beside each."""
    judging, at = Judging(made, 60, Scale(), SystemClock()), _newest(made)
    judging.keep_all(at - timedelta(days=10))
    with made.begin() as tx:
        waiting = [watch for watch in tx.outreach.watches() if watch.conditions]
    return {each.verdict.watch.company_id: each for each in judging.explain(waiting, at)}


def _newest(made: MemoryDatabase) -> datetime:
    return max(member.ref.sent_at for member in made.state.members.values())


def shown(of: Explanation, width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(explanation(of.verdict, of.before, of.changes, of.verdict.watch.company_id, of.titles))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def verdicts(explained: dict[str, Explanation]) -> dict[str, Verdict]:
    return {company_id: each.verdict for company_id, each in explained.items()}


def test_three_reasons_end_in_the_three_outcomes(explained: dict[str, Explanation]) -> None:
    assert {company_id: each.outcome for company_id, each in verdicts(explained).items()} == {
        "scaleflow": Outcome.NOW,
        "tidewell": Outcome.NOT_YET,
        "brackenpay": Outcome.DO_NOT_WRITE,
    }


@pytest.mark.parametrize(
    ("company_id", "told"),
    [
        (
            "scaleflow",
            [
                "ARR was $2.1M on 26 March, you asked for at least $2M.",
                "“I have counted it twice, with Meridian and Halden in and Tallow out: our ARR is $2.1M as of",
                "was NOT YET, is NOW",
                "Tallow & Finch will not renew, losing $500 a month (medium), 13 March "
                "“small one: Tallow & Finch won't renew",
            ],
        ),
        (
            "tidewell",
            [
                "ARR is €1.4M of €3M, €1.6M to go.",
                "✓ compliance >= 1: 1 on 10 March",
                "“The CE mark is granted: class IIa under the MDR, certificate valid for five years.”",
                "“March is closed: MRR €117k, so ARR is €1.404M.”",
                "open €2M ARR by 31 December: still open, €1.4M on 31 March",
                "“We aim for €2M ARR by the end of the year.” said on 1 April",
            ],
        ),
        (
            "brackenpay",
            [
                "What you asked for holds, but told on 1 April: "
                "“On 23 March payouts were down for 5 hours 20 minutes.”",
                "✓ arr >= 5M: $5.74M on 31 March “March is closed: MRR $478k, ARR $5.736M.”",
                "The CTO is leaving (high), 30 March",
                "Our CTO resigned, his last day is 30 April.",
            ],
        ),
    ],
)
def test_each_is_explained_with_figure_day_and_quote(
    explained: dict[str, Explanation], company_id: str, told: list[str]
) -> None:
    text = shown(explained[company_id])
    assert [each for each in told if each not in text] == []


def test_each_score_lists_its_parts_and_adds_up(explained: dict[str, Explanation]) -> None:
    for verdict in verdicts(explained).values():
        parts = [*verdict.scores, *verdict.newly_met]
        assert verdict.score == pytest.approx(sum(each.value for each in parts))
        assert all(each.because.count("×") == 3 for each in verdict.scores)


def test_promises_without_a_day_or_of_somebody_else_are_none(explained: dict[str, Explanation]) -> None:
    found = {company_id: each.promises for company_id, each in verdicts(explained).items()}
    assert found["scaleflow"] == found["brackenpay"] == ()
    assert [(each.what, each.due, each.fate) for each in found["tidewell"]] == [
        ("3M ARR", date(2027, 12, 31), Fate.OPEN),
        ("€2M ARR", date(2026, 12, 31), Fate.OPEN),
    ]


def test_a_lively_month_has_no_gap_and_ten_days_later_all_are_silent(
    made: MemoryDatabase, explained: dict[str, Explanation]
) -> None:
    assert all(each.gaps == () for each in verdicts(explained).values())
    later = Judging(made, 60, Scale(), SystemClock()).explain(
        [explained["tidewell"].verdict.watch], _newest(made) + timedelta(days=10)
    )
    (gap,) = later[0].verdict.gaps
    assert (gap.source, gap.days) == (None, 10)
    assert later[0].verdict.because.startswith("ARR is €1.4M of €3M, €1.6M to go. Nobody has written for 10 days;")


def test_on_a_narrow_screen_nothing_is_cut(explained: dict[str, Explanation]) -> None:
    wide, narrow = (shown(explained["tidewell"], width).replace(" ", "") for width in (200, 40))
    assert narrow == wide


def test_the_readme_shows_what_the_demo_says(made: MemoryDatabase, explained: dict[str, Explanation]) -> None:
    """Verdicts with their proofs, and how the letter begins; what changes with every rule of the reader is left out."""
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", (PROJECT / "README.md").read_text(encoding="utf-8")).split())
    for verdict in verdicts(explained).values():
        said = verdict.against[0].title if verdict.against else verdict.because
        proof = verdict.against[0].evidence[0] if verdict.against else verdict.results[-1].proof[-1]
        assert f"“{verdict.watch.reason}” {LABELS[verdict.outcome]} " in shown
        assert one_line(said) in shown
        assert f"“{one_line(proof.quote)}”" in shown
    now = verdicts(explained)["scaleflow"]
    with made.begin() as tx:
        known = load(tx, now.watch.id, now.as_of)
    request = request_for(known, now.as_of, 60, 5) if known else None
    assert request is not None
    draft = compose_offline(request)
    greeting, opening, *_ = draft.body.split("\n\n")
    assert f"Subject {draft.subject} {greeting} {opening} … …" in shown
