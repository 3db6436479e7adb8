"""Letters from what a firm sees in bands, or without figures: they pass the check, and hold nothing exact."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest

from sago.domain.companies import Granularity, Share
from sago.domain.events import Event
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.watches import Direction, Watch
from sago.llm.letters import compose_offline
from sago.outreach.checking import check, examine
from sago.outreach.conditions import parse
from sago.outreach.requesting import request_for
from tests.unit.outreach.corpus import known_of
from tests.unit.outreach.corrupting import KINDS, corrupt
from tests.unit.outreach.stories import CFO, COMPANY, DEAL, EVENTS, EXPORT, NOW, event, metric, watch

MRR = event(
    "revenue_milestone", "MRR rose from $380k to $450k", "MRR is $450k now, up from $380k", metric("mrr", 450_000)
)
TEAM = event("hiring", "The team grew to 23 people", "we are twenty-three people now", metric("headcount", 23, "count"))
WATCHES = [watch(), watch("arr >= 2M"), watch("enterprise_deal high >= 1 in 90d", "no setback in 60d")]
EXACT = ("2.1M", "240", "143", "380", "450", "23", "5.4M")


def asked(of: Watch, granularity: Granularity, events: Sequence[Event] = (*EVENTS, MRR, TEAM)) -> LetterRequest | None:
    share = Share(firm_id=of.firm_id, company_id="orchard", granularity=granularity, created_at=of.created_at)
    known = known_of(COMPANY, of, events, share, NOW)
    return request_for(known, NOW, 60, 5)


def with_sentence(request: LetterRequest, sentence: str) -> LetterDraft:
    draft = compose_offline(request)
    return draft.model_copy(update={"body": draft.body.replace("\n\n", f"\n\n{sentence}\n\n", 1)})


def in_bands(*conditions: str) -> LetterRequest:
    request = asked(watch(*conditions), Granularity.BANDS)
    assert request is not None
    return request


@pytest.mark.parametrize("of", WATCHES)
@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_a_coarse_letter_passes_and_holds_no_exact_figure(of: Watch, granularity: Granularity) -> None:
    request = asked(of, granularity)
    if request is None:
        assert (granularity, of.conditions) == (Granularity.NONE, (parse("arr >= 2M"),))
        return
    draft = compose_offline(request)
    assert check(draft, request) == []
    text = f"{draft.subject}\n{draft.body}"
    assert not [figure for figure in EXACT if re.search(rf"(?<![\d.]){re.escape(figure)}(?!\d)", text)]


@pytest.mark.parametrize("of", WATCHES)
@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_a_coarse_letter_with_one_claim_changed_is_refused(of: Watch, granularity: Granularity) -> None:
    request = asked(of, granularity)
    if request is None:
        return
    draft = compose_offline(request)
    made = [each for kind in KINDS if (each := corrupt(draft, request, kind, random.Random(3)))]  # noqa: S311
    assert len(made) >= 8
    assert [(each.kind, each.old, each.new) for each in made if not check(each.draft, request)] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Your ARR is between $2M and $5M.",
        "Your ARR reached $2M–5M on 14 November.",
        "Your ARR is at least $2M.",
        "Kestrel Air pays $200k–500k a year.",
    ],
)
def test_a_band_may_be_told_as_the_band_it_is(sentence: str) -> None:
    request = in_bands("arr >= 2M")
    assert [str(each) for each in check(with_sentence(request, sentence), request)] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Your ARR is $2M.",
        "Your ARR reached $2.1M.",
        "Your ARR is between $2M and $10M.",
        "Your ARR is between $200k and $5M.",
        "Your ARR is above $5M.",
        "Your ARR is at most $2M.",
        "Your ARR grew from $2M to $5M.",
        "Your ARR is $2M–5M a month.",
        "Your MRR is between $2M and $5M.",
        "Kestrel Air pays $2M–5M a year.",
    ],
)
def test_a_band_is_no_figure_and_no_other_band(sentence: str) -> None:
    request = in_bands("arr >= 2M")
    assert check(with_sentence(request, sentence), request)


def test_the_receipt_of_a_band_holds_the_coarse_quote_alone() -> None:
    request = in_bands("arr >= 2M")
    receipts = examine(compose_offline(request), request).receipts
    assert all(not re.search(r"2\.1M|240k|143%", f"{each.quote} {each.transformation}") for each in receipts)
    assert "We just passed [$2M–5M] ARR!" in {each.quote for each in receipts}


@pytest.mark.parametrize("granularity", [Granularity.EXACT, Granularity.BANDS])
@pytest.mark.parametrize("direction", list(Direction))
def test_the_label_before_a_proofs_own_words_is_no_second_heading(
    direction: Direction, granularity: Granularity
) -> None:
    said = "ARR reached $1.81M at the end of September."
    of = event("revenue_milestone", f"Revenue: {said}", said, days_ago=9)
    for heard, conditions in (([DEAL, CFO, EXPORT, of], ["enterprise_deal >= 1"]), ([of], [])):
        request = asked(watch(*conditions, direction=direction), granularity, heard)
        assert request is not None
        draft = compose_offline(request)
        assert check(draft, request) == []
        assert re.search(r"ARR reached \$1(?:\.81M at the end of September|M–2M on 11 November)", draft.body)
        assert "Revenue: ARR" not in draft.subject
        assert "Revenue: Revenue:" not in draft.body


@pytest.mark.parametrize("granularity", [Granularity.EXACT, Granularity.BANDS, Granularity.NONE])
def test_of_a_series_the_newest_is_told_alone_however_coarse(granularity: Granularity) -> None:
    october = event("revenue_milestone", "ARR reached $1.2M", "ARR is $1.2M", metric("arr", 1.2e6), days_ago=18)
    newest = event("revenue_milestone", "ARR reached $8M", "ARR is $8M", metric("arr", 8e6), days_ago=1)
    request = asked(watch(), granularity, [october, newest, DEAL])
    assert request is not None
    assert october.id not in {each.id for each in request.events}
    assert newest.id in {each.id for each in request.events}
