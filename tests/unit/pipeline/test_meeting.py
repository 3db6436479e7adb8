"""Taking tells of each message that is wanted, known or new, and of nothing that is left out or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sago.domain.connections import Connection
from sago.errors import TransientError
from sago.pipeline.taking import Read
from tests.unit.pipeline.test_taking import BAD, GOOD, LEFT_OUT, House


def told(house: House) -> list[tuple[str, str | None]]:
    seen: list[tuple[str, str | None]] = []

    def met(connection: Connection, reads: Sequence[Read]) -> None:
        assert connection == house.connection
        seen.extend((read.message.id, read.item.container) for read in reads if read.message)

    house.taking = replace(house.taking, met=met)
    return seen


def test_messages_that_are_wanted_are_told_of_also_when_they_are_known() -> None:
    house = House()
    seen = told(house)
    house.take([*GOOD, *BAD, *LEFT_OUT])
    good = [(f"slack:{each.payload['id']}", each.container) for each in GOOD]
    assert seen == good
    house.settle()
    house.take(GOOD)
    assert seen == good * 2
    house.take([*BAD, *LEFT_OUT])
    assert seen == good * 2


def test_where_nobody_can_be_told_nothing_is_handed_in_and_the_vendor_sends_again() -> None:
    house = House()

    def away(connection: Connection, reads: Sequence[Read]) -> None:
        raise TransientError("Postgres is away")

    house.taking = replace(house.taking, met=away)
    with pytest.raises(TransientError):
        house.take(GOOD)
    assert house.published() == []


def test_one_who_cannot_be_met_for_an_error_of_ours_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    met: set[str] = set()

    def stumbling(connection: Connection, reads: Sequence[Read]) -> None:
        for read in reads:
            assert read.message
            if read.message.id == "slack:2":
                raise RecursionError(read.message.text)
            met.add(read.message.id)

    house.taking = replace(house.taking, met=stumbling)
    assert len(house.take(GOOD).ids) == len(GOOD)
    assert met == {f"slack:{each.payload['id']}" for each in GOOD} - {"slack:2"}
    assert "a line" not in caplog.text
