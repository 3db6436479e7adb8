"""Health tells how what founders connected does, beside what it told before; `sago status` shows the same."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from sago.cli.picture import picture
from sago.domain.connections import Connection, ConnectionState, connection_id_of
from sago.domain.vitals import Health
from sago.errors import TransientError
from tests.unit.api.api_house import HEALTH, NOW, House

DAY = timedelta(days=1)


def connect(house: House, source: str, **values: object) -> Connection:
    known = {"id": connection_id_of(source, "1"), "source": source, "account": "1", "name": "Scaleflow"}
    known |= {"containers": ("*",)}
    made = Connection.model_validate({**known, "company_id": "scaleflow", "created_at": NOW - 20 * DAY, **values})
    with house.container.database.begin() as tx:
        tx.connections.save(made)
    return made


def told(house: House) -> Health:
    answer = house.client.get(HEALTH)
    assert answer.status_code == 200
    return Health.model_validate(answer.json())


def shown(health: Health, width: int = 200) -> str:
    console = Console(width=width, file=StringIO())
    with console.capture() as captured:
        console.print(picture(None, {}, health, width))
    return captured.get()


def test_each_connection_is_told_of_and_nothing_else_changes(house: House) -> None:
    before = told(house)
    assert before.sources == []
    assert "sources" not in shown(before)
    gone = {"state": ConnectionState.REFUSED, "reason": "gmail: invalid_grant"}
    connect(house, "gmail", **gone)
    slack = connect(house, "slack")
    with house.container.database.begin() as tx:
        tx.streams.ensure(slack.id, ["C1", "C2"], NOW)
        tx.heard.note(slack.id, "acme", {"C1": [NOW - timedelta(minutes=4)]})
        ours = tx.streams.claim(slack.id, "C2", NOW, NOW + DAY)
        assert ours is not None
        tx.streams.release(ours.model_copy(update={"failures": 9, "error": "slack: HTTP 500"}))
    health = told(house)
    assert [(each.source, each.state) for each in health.sources or []] == [("gmail", "refused"), ("slack", "failing")]
    assert health.model_copy(update={"sources": []}) == before
    said = shown(health)
    assert "refused  gmail Scaleflow: gmail: invalid_grant; nothing is read" in said
    assert "failing    C2: not read since 10 February, 9 failures in a row: slack: HTTP 500" in said
    assert "C1" not in said, "a channel that is well takes no line"
    assert max(len(line) for line in shown(health, 40).splitlines()) <= 40


def test_it_is_not_known_while_postgres_is_silent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise TransientError("Postgres does not answer")

    monkeypatch.setattr(house.container.database, "begin", away)
    assert told(house).sources is None
