"""What a firm sees: sources, granularity, the end; and that verdicts and letters rest on nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.amounts import Amount, find_amounts
from sago.domain.bands import band_of, banded
from sago.domain.companies import DEFAULT_FIRM, Granularity, Share, ShareKind
from sago.domain.events import Event, Evidence, SharedTexts
from sago.domain.letters import Letter, LetterDraft, LetterRequest, LetterState
from sago.domain.watches import Outcome, Watch
from sago.errors import TransientError
from sago.llm.gateway import Gateway
from sago.llm.providers.offline.model import OfflineModel
from sago.outreach import coarsening, sharing
from sago.outreach.banding import evaluate_band, fulfils
from sago.outreach.claims import passages
from sago.outreach.composing import NOT_SHARED, compose_letter
from sago.outreach.conditions import holds, parse
from sago.outreach.remembering import remembered
from sago.outreach.scheduling import verdicts
from sago.outreach.sharing import VERSION, as_shared, seen_by, texts_for, view_of
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from tests.unit.outreach.stories import (
    ARR,
    DEAL,
    EVENTS,
    NOW,
    POINTS,
    database,
    event,
    fold_into,
    metric,
    point,
    watch,
)

MRR = event("revenue_milestone", "MRR is $450k", "MRR hit $450k", metric("mrr", 450_000))


def share(**other: object) -> Share:
    fields: dict[str, object] = {"firm_id": DEFAULT_FIRM, "company_id": "orchard", "created_at": NOW}
    return Share.model_validate(fields | other)


def proof(message_id: str, quote: str) -> Evidence:
    return Evidence(message_id=message_id, quote=quote, start=0, end=len(quote))


def told_by(*proofs: Evidence, of: Event = ARR, **other: object) -> Event:
    return of.model_copy(update={"evidence": proofs, **other})


def test_an_exact_share_of_everything_shows_all_as_it_is() -> None:
    seen = seen_by(share(), EVENTS, POINTS, NOW)
    assert (seen.events, seen.metric_points, seen.bands) == (EVENTS, POINTS, None)


@pytest.mark.parametrize("given", [None, share(until=NOW), share(until=NOW - timedelta(days=1))])
def test_no_share_and_an_ended_one_show_nothing(given: Share | None) -> None:
    seen = seen_by(given, EVENTS, POINTS, NOW)
    assert (seen.events, seen.metric_points, seen.bands) == ([], [], ())


def test_an_event_shows_by_the_source_of_its_first_proof_alone() -> None:
    led_by_mail = told_by(proof("gmail:1", "$2.1M ARR"), proof("slack:2", "$2.1M ARR"))
    led_by_chat = told_by(proof("slack:2", "$2.1M ARR"), proof("gmail:1", "$2.1M ARR"), of=DEAL)
    seen = seen_by(share(sources=("slack",)), [led_by_mail, led_by_chat], [], NOW)
    assert [each.id for each in seen.events] == [DEAL.id]
    assert [each.message_id for each in seen.events[0].evidence] == ["slack:2"]


def test_what_only_an_unshared_proof_says_goes_with_it() -> None:
    """Title, description, time line, names and figures of the mail are not told by the chat."""
    whole = told_by(
        proof("slack:1", "Kestrel Air signed!"),
        proof("gmail:2", "the Kestrel Air contract is worth $240k, says Ada Lovelace"),
        of=DEAL,
        description="Ada Lovelace confirmed $240k",
        impact="$240k a year",
        timeline="2026-11-10: Kestrel Air signed\n2026-11-11: worth $240k",
        stakeholders=("Kestrel Air", "Ada Lovelace"),
    )
    seen = seen_by(share(sources=("slack",)), [whole], [point(whole, "contract_value", 240_000)], NOW)
    (shown,) = seen.events
    assert shown.title == "Enterprise deal: Kestrel Air signed!"
    assert (shown.stakeholders, shown.metrics, seen.metric_points) == (("Kestrel Air",), (), [])
    assert "240" not in shown.model_dump_json(exclude={"id", "evidence"})
    assert "Lovelace" not in shown.model_dump_json()


def test_a_title_begins_with_its_type_once() -> None:
    whole = told_by(proof("slack:1", "Revenue: ARR is up"), proof("gmail:2", "ARR reached $2.1M"))
    (shown,) = seen_by(share(sources=("slack",)), [whole], [], NOW).events
    assert shown.title == "Revenue: ARR is up"


def test_what_a_shared_proof_says_too_stays() -> None:
    whole = told_by(proof("slack:1", "ARR reached $2.1M today"), proof("gmail:2", "ARR: $2.1M"))
    seen = seen_by(share(sources=("slack",)), [whole], POINTS[:1], NOW)
    assert (seen.events[0].title, seen.events[0].metrics) == (ARR.title, ARR.metrics)
    assert seen.metric_points == POINTS[:1]


def test_what_a_cut_leaves_comes_out_as_in_this_version() -> None:
    """Where this fails, raise VERSION by one and put the new texts here: those that are kept are made anew then."""
    whole = told_by(
        proof("slack:1", "Kestrel Air signed, 40 seats!"),
        proof("gmail:2", "the Kestrel Air contract is worth $240k, says Ada Lovelace"),
        of=DEAL,
        title="Kestrel Air signed for $240k",
        stakeholders=("Kestrel Air", "Ada Lovelace"),
        metrics=(metric("contract_value", 240_000), metric("seats", 40, "count")),
    )
    chat, quote = "Enterprise deal: Kestrel Air signed, {} seats!", "Kestrel Air signed, {} seats!"
    told = {kind: texts_for(ShareKind(kind, ("slack",)), whole) for kind in (Granularity.EXACT, Granularity.BANDS)}
    assert (VERSION, told) == (
        2,
        {
            Granularity.EXACT: SharedTexts(chat.format(40), "", "", "", ("Kestrel Air",), [quote.format(40)], [1]),
            Granularity.BANDS: SharedTexts(
                chat.format("20–50"), "", "", "", ("Kestrel Air",), [quote.format("[20–50]")], []
            ),
        },
    )


@given(
    st.lists(st.tuples(st.sampled_from(["slack", "gmail", "linear"]), st.integers(0, 4)), min_size=1, max_size=5),
    st.integers(0, 4),
    st.sampled_from(list(Granularity)),
    st.sampled_from([("*",), ("slack",), ("gmail",), ("slack", "linear")]),
)
def test_texts_that_were_made_ahead_say_what_the_share_shows(
    proofs: list[tuple[str, int]], said: int, granularity: Granularity, sources: tuple[str, ...]
) -> None:
    quotes = ["ARR is $2.1M", "Ada Lovelace joins", "we sold 240 seats in 2026", "signed!", "NRR 143%, Kestrel Air too"]
    event = told_by(
        *(proof(f"{source}:{number}", quotes[which]) for number, (source, which) in enumerate(proofs)),
        title=f"Told: {quotes[said]}",
        description="ARR is $2.1M, 143% NRR",
        impact="240 seats",
        timeline="2026-11-10: $2.1M",
        stakeholders=("Ada Lovelace", "Kestrel Air"),
        metrics=(metric("arr", 2.1e6), metric("nrr", 143.0, "percent"), metric("seats", 240.0, "count")),
    )
    given_ = share(granularity=granularity, sources=sources)
    shown = as_shared(given_, [event])
    if shown:
        texts = SharedTexts(**json.loads(json.dumps(texts_for(given_.kind, event)._asdict())))
        assert as_shared(given_, [event], {event.id: texts}) == shown


def test_nothing_after_the_end_shows_even_before_it() -> None:
    late = DEAL.model_copy(update={"occurred_at": NOW + timedelta(days=3)})
    assert seen_by(share(until=NOW + timedelta(days=1)), [late, ARR], [], NOW).events == [ARR]


def test_bands_show_no_exact_figure() -> None:
    seen = seen_by(share(granularity=Granularity.BANDS), EVENTS, POINTS, NOW)
    assert seen.metric_points == []
    assert [each.title for each in seen.events] == [
        "ARR reached $2M–5M",
        "Kestrel Air signed a contract worth $200k–500k per year",
        "NRR was 140–150%",
    ]
    assert [(each.metric, each.band and each.band.text) for each in seen.bands or ()] == [
        ("arr", "$2M–5M"),
        ("nrr", "140–150%"),
    ]


VALUES = st.integers(0, 10**8).map(float)


@given(VALUES, VALUES.filter(lambda asked: asked >= 1), st.sampled_from([">=", ">", "<=", "<", "==", "!="]))
def test_a_condition_on_a_band_says_only_what_is_true_of_every_value(value: float, asked: float, op: str) -> None:
    condition = parse(f"arr {op} {asked:.0f}")
    band = band_of(value, "USD")
    told = fulfils(condition, band)
    inside = [band.low, (band.low + band.high) / 2, band.high - 1e-6 * (band.high - band.low), value]
    inside += [asked] if band.low <= asked < band.high else []
    if told is not None:
        assert {holds(condition, each) for each in inside} == {told}


@given(st.integers(2_000_000, 4_999_999), st.integers(2_000_000, 4_999_999), st.integers(1, 10**7))
def test_no_threshold_tells_two_figures_of_a_band_apart(one: int, other: int, asked: int) -> None:
    """Whoever may choose thresholds learns nothing by asking often."""
    condition = parse(f"arr >= {asked}")
    answers = []
    for value in (one, other):
        points = [point(ARR, "arr", float(value))]
        answers.append(evaluate_band(condition, [], banded(points), NOW))
    assert answers[0] == answers[1]


def through(granularity: Granularity, *conditions: str, points: object = None) -> MemoryDatabase:
    made = database(watch(*conditions), events=[*EVENTS, MRR])
    if points is not None:
        fold_into(made, [*EVENTS, MRR], points)  # type: ignore[arg-type]
    with made.begin() as tx:
        tx.shares.put(share(granularity=granularity))
    return made


@pytest.mark.parametrize(
    ("granularity", "condition", "outcome", "because"),
    [
        (Granularity.BANDS, "arr >= 2M", Outcome.NOW, "ARR was between $2M and $5M on 14 November"),
        (Granularity.BANDS, "arr >= 3M", Outcome.NOT_YET, "cannot be told from bands: between $2M and $5M"),
        (Granularity.BANDS, "arr >= 5M", Outcome.NOT_YET, "ARR is between $2M and $5M, asked >= $5M"),
        (Granularity.BANDS, "enterprise_deal >= 1", Outcome.NOW, "1 enterprise deal"),
        (Granularity.BANDS, "burn <= 1M", Outcome.NOT_YET, "No burn was ever stated"),
        (Granularity.NONE, "arr >= 2M", Outcome.NOT_YET, "The founder shares no figures"),
        (Granularity.NONE, "enterprise_deal >= 1", Outcome.NOW, "1 enterprise deal"),
        (Granularity.EXACT, "arr >= 2M", Outcome.NOW, "ARR was $2.1M"),
    ],
)
def test_a_watch_is_judged_on_what_its_firm_sees(
    granularity: Granularity, condition: str, outcome: Outcome, because: str
) -> None:
    (verdict,) = verdicts(through(granularity, condition), NOW, 60)
    assert verdict.outcome is outcome
    assert because in verdict.because


def test_arr_from_mrr_is_judged_on_twelve_times_the_band() -> None:
    made = through(Granularity.BANDS, "arr >= 2M", points=[point(MRR, "mrr", 450_000.0)])
    (verdict,) = verdicts(made, NOW, 60)
    assert verdict.outcome is Outcome.NOW
    assert "between $2.4M and $6M, twelve times the MRR" in verdict.because


class Desk:
    """A database of one watch, and letters written about it offline."""

    def __init__(self, of: Watch, granularity: Granularity = Granularity.EXACT) -> None:
        self.watch = of
        self.clock = ManualClock(NOW)
        self.database = database(of)
        self.drafts = MemoryDrafts()
        self.share(granularity=granularity)

    def share(self, **other: object) -> None:
        with self.database.begin() as tx:
            tx.shares.put(share(**other))

    def write(self) -> Letter | None:
        model = OfflineModel()
        return compose_letter(
            self.watch.id, NOW, database=self.database, models=Gateway(model, model, self.clock),
            drafts=self.drafts, clock=self.clock, setback_days=60, highlights=5,
        )  # fmt: skip

    def letters(self) -> list[Letter]:
        with self.database.begin() as tx:
            return tx.outreach.letters(live=False)


@pytest.mark.parametrize("of", [watch("arr >= 2M"), watch("enterprise_deal >= 1"), watch()])
@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_a_letter_says_no_exact_figure(of: Watch, granularity: Granularity) -> None:
    letter = Desk(of, granularity).write()
    if of.conditions and of.conditions[0].name == "arr" and granularity is Granularity.NONE:
        assert letter is None
        return
    assert letter is not None
    text = f"{letter.draft.subject}\n{letter.draft.body}"
    assert not any(figure in text for figure in ("2.1M", "240k", "143"))
    assert letter.draft.metrics == ()


def test_an_ended_share_supersedes_the_draft_and_nothing_more_is_written() -> None:
    desk = Desk(watch("arr >= 2M"))
    assert desk.write() is not None
    desk.share(until=NOW)
    assert desk.write() is None
    assert [each.state for each in desk.letters()] == [LetterState.SUPERSEDED]
    assert desk.database.state.audit_log[-1].why == NOT_SHARED
    (verdict,) = verdicts(desk.database, NOW, 60)
    assert verdict.outcome is Outcome.DO_NOT_WRITE
    assert verdict.because == "The founder shares nothing with this firm any more."


def test_a_share_that_ends_while_a_letter_is_written_keeps_it_from_being_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(watch("arr >= 2M"))
    written = OfflineModel.compose

    def ending(model: OfflineModel, request: LetterRequest) -> LetterDraft:
        desk.share(until=NOW)
        return written(model, request)

    monkeypatch.setattr(OfflineModel, "compose", ending)
    with pytest.raises(TransientError, match="changed while it was written"):
        desk.write()
    assert desk.letters() == []
    assert desk.write() is None


def test_a_share_that_has_ended_by_now_shows_nothing_of_an_earlier_moment() -> None:
    desk = Desk(watch("arr >= 2M"))
    desk.share(until=NOW + timedelta(hours=1))
    desk.clock.advance(timedelta(hours=2))
    assert desk.write() is None


def test_a_watch_of_a_firm_without_a_share_sees_nothing() -> None:
    stranger = watch("arr >= 2M").model_copy(update={"firm_id": "northgate", "id": UUID(int=9)})
    made = database(stranger)
    with made.begin() as tx:
        view = view_of(tx, stranger, NOW)
    assert view.seen.events == []
    assert view.judge(NOW, 60).because == "The founder shares nothing with this firm."


@pytest.mark.parametrize("less", [{"granularity": Granularity.BANDS}, {"sources": ("slack",)}])
def test_no_firm_reads_quicker_for_what_another_has_read(
    monkeypatch: pytest.MonkeyPatch, less: dict[str, object]
) -> None:
    event, firms = told_by(*ARR.evidence, proof("gmail:1", "ARR is $2.1M")), [str(uuid4()), str(uuid4())]
    read: list[str] = []

    def counted(text: str) -> list[Amount]:
        read.append(text)
        return find_amounts(text)

    def split(text: str) -> frozenset[str]:
        read.append(text)
        return passages.split(text)

    monkeypatch.setattr(coarsening, "find_amounts", counted)
    monkeypatch.setattr(sharing, "_amounts_for", remembered(counted))
    monkeypatch.setattr(sharing, "_words_for", remembered(split))

    def texts(firm: str) -> int:
        read.clear()
        assert as_shared(share(firm_id=firm, **less), [event]) != [event]
        return len(read)

    first = texts(firms[0])
    assert first > 0
    assert (texts(firms[0]), texts(firms[1])) == (0, first)
