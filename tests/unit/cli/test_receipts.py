"""`sago outreach receipt`: each claim with its proof, held against what is stored now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from sago.domain.companies import Granularity
from sago.domain.erasures import NO_WORDS
from sago.domain.messages import Message
from tests.unit.cli.test_people import UPDATE, House, house, lines, sago
from tests.unit.outreach.stories import ARR, EVENTS, NOW, fold_into

__all__ = ["house", "sago"]


def receipts(sago: Callable[..., Result], house: House) -> dict[str, dict[str, Any]]:
    (shown,) = lines(sago("outreach", "receipt", the_id(house), "--json"))
    return {each["claim"]: each for each in shown["receipts"]}


def the_id(house: House) -> str:
    with house.database.begin() as tx:
        return str(tx.outreach.letters(live=False)[0].id)


def test_each_claim_is_shown_with_its_proof_and_hash(sago: Callable[..., Result], house: House) -> None:
    house.compose()
    arr = receipts(sago, house)["$2.1M"]
    assert (arr["event_id"], arr["quote"], arr["standing"]) == (str(ARR.id), ARR.evidence[0].quote, "proof stands")
    assert {each["standing"] for each in receipts(sago, house).values()} == {"proof stands"}
    shown = sago("outreach", "receipt", the_id(house)).stdout
    assert "We just passed $2.1M ARR!" in shown
    assert "approved by nobody yet" in shown
    assert "checks passed" in shown


def test_the_message_says_who_said_it_and_whether_the_words_are_still_there(
    sago: Callable[..., Result], house: House
) -> None:
    house.compose()
    proof = ARR.evidence[0]
    message = Message(
        id=proof.message_id,
        company_id="orchard",
        source="slack",
        sender="Ana",
        sent_at=ARR.occurred_at,
        text=proof.quote,
    )
    house.raw.store([message], "b1", NOW)
    assert (receipts(sago, house)["$2.1M"]["sender"], receipts(sago, house)["$2.1M"]["standing"]) == (
        "Ana",
        "proof stands",
    )
    edited = message.model_copy(update={"version": 5, "edited_at": NOW, "text": "We passed nothing at all, sorry."})
    house.raw.store([edited], "b2", NOW)
    assert receipts(sago, house)["$2.1M"]["standing"] == "changed since"


def test_an_event_that_is_gone_has_changed_and_an_erased_quote_is_erased(
    sago: Callable[..., Result], house: House
) -> None:
    letter = house.compose()
    fold_into(house.database, [event for event in EVENTS if event.id != ARR.id], [])
    assert receipts(sago, house)["$2.1M"]["standing"] == "changed since"
    bare = tuple(receipt.without_words() for receipt in letter.receipts)
    with house.database.begin() as tx:
        tx.erasures.take_letter(letter.model_copy(update={"draft": NO_WORDS, "receipts": bare}))
    (shown,) = lines(sago("outreach", "receipt", str(letter.id), "--json"))
    assert {each["standing"] for each in shown["receipts"]} == {"erased"}
    assert all(each["sha256"] and not each["quote"] for each in shown["receipts"])
    assert "(erased)" in sago("outreach", "receipt", str(letter.id)).stdout


def test_a_letter_in_bands_has_receipts_in_bands_that_stand(sago: Callable[..., Result], house: House) -> None:
    with house.database.begin() as tx:
        share = tx.shares.get(UPDATE.firm_id, "orchard")
        assert share is not None
        tx.shares.put(share.model_copy(update={"granularity": Granularity.BANDS}))
    proof = ARR.evidence[0]
    at = {"source": "slack", "sender": "Ana", "sent_at": ARR.occurred_at}
    house.raw.store([Message(id=proof.message_id, company_id="orchard", text=proof.quote, **at)], "b1", NOW)
    house.compose()
    found = receipts(sago, house)
    assert {each["standing"] for each in found.values()} == {"proof stands"}
    assert str(ARR.id) in {each["event_id"] for each in found.values()}
    assert "2.1M" not in sago("outreach", "receipt", the_id(house)).stdout


@pytest.mark.parametrize("wanted", ["zzzz"])
def test_an_unknown_letter_is_named(sago: Callable[..., Result], wanted: str) -> None:
    result = sago("outreach", "receipt", wanted)
    assert result.exit_code != 0
