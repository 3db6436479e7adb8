"""What arrives with a merge takes letters back that tell of what it denies."""

from __future__ import annotations

from typing import Any

import pytest

from sago.domain.letters import Letter, LetterState
from sago.domain.messages import Message
from tests.contracts.test_outreach import letter
from tests.unit.pipeline.house import House, deal, message

DENIED = "[[event enterprise_deal subject=Delta status=denied]]"


def house_with_a_deal() -> House:
    house = House(threshold=1)
    house.store(deal(1, "Delta"), deal(2, "Gannet"), name="b1")
    house.run()
    return house


def tells_of(house: House, customer: str, window: str, state: LetterState) -> Letter:
    with house.database.begin() as tx:
        events = tuple(event.id for event in tx.events.find("acme") if customer in event.title)
        assert events
        one = letter(f"{customer} {window}", window, company_id="acme", event_ids=events, state=state)
        assert tx.outreach.add_letter(one)
    house.drafts.put(one)
    return one


def states(house: House, *letters: Letter) -> list[LetterState]:
    with house.database.begin() as tx:
        by_id = {each.id: each for each in tx.outreach.letters(live=False)}
    return [by_id[each.id].state for each in letters]


@pytest.mark.parametrize(
    "said",
    [
        {"n": 3, "text": DENIED},
        {"n": 1, "version": 9, "text": "nothing was signed"},
        {"n": 1, "version": 9, "deleted": True},
    ],
    ids=["denied", "edited away", "deleted"],
)
def test_a_denial_an_edit_and_a_deletion_withdraw_drafts_and_approved_letters(said: dict[str, Any]) -> None:
    house = house_with_a_deal()
    draft = tells_of(house, "Delta", "2026-01", LetterState.DRAFT)
    approved = tells_of(house, "Delta", "2026-02", LetterState.APPROVED)
    queued = tells_of(house, "Delta", "2026-03", LetterState.QUEUED)
    sent = tells_of(house, "Delta", "2026-04", LetterState.SENT)
    other = tells_of(house, "Gannet", "2026-05", LetterState.APPROVED)
    house.store(_message(**said), name="b2")
    house.run()
    assert house.deals() == ["Gannet"]
    superseded, kept = LetterState.SUPERSEDED, [LetterState.QUEUED, LetterState.SENT, LetterState.APPROVED]
    assert states(house, draft, approved, queued, sent, other) == [superseded, superseded, *kept]
    assert {each.window for each in house.drafts.letters.values()} == {"2026-03", "2026-04", "2026-05"}
    with house.database.begin() as tx:
        (change,) = tx.outreach.history(approved.id)
    assert (change.who, change.why) == ("sago", "what it tells was denied, corrected or deleted")


def test_a_further_telling_withdraws_nothing() -> None:
    house = house_with_a_deal()
    draft = tells_of(house, "Delta", "2026-01", LetterState.DRAFT)
    house.store(deal(5, "Delta"), message(6), name="b2")
    house.run()
    assert states(house, draft) == [LetterState.DRAFT]


def test_letters_and_events_change_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_with_a_deal()
    draft = tells_of(house, "Delta", "2026-01", LetterState.DRAFT)

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as killed:
        killed.setattr("sago.stores.memory.outreach.MemoryOutreach.set_letter_state", die)
        house.store(_message(3, text=DENIED), name="b2")
        with pytest.raises(RuntimeError, match="killed"):
            house.run()
    assert (house.deals(), states(house, draft)) == (["Delta", "Gannet"], [LetterState.DRAFT])


def _message(n: int, **other: Any) -> Message:
    deleted = other.pop("deleted", False)
    said = message(n, **other)
    return said.model_copy(update={"deleted": True, "text": ""}) if deleted else said
