"""The new source of docs/recipes.md, as it stands there: pushed and fetched, each note once."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr

from sago.config import PROJECT
from sago.domain.connections import Connection, connection_id_of
from sago.domain.messages import Message
from sago.errors import InvalidMessageError, SignatureError
from sago.pipeline.pulling import Pace, Pulling
from sago.pipeline.reception import Reception
from sago.pipeline.taking import Taking
from sago.ports import Delivery, Source, Vendor
from sago.sections import Section
from sago.sources.platform import Platform
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.standins.paged import at

SECRET = "a secret of this test"
PAGES: dict[str | None, dict[str, Any]] = {}


class StandupSettings(Section):
    api_url: str = "https://standup.example/"
    secret: SecretStr | None = SecretStr(SECRET)


def note(number: int, **more: Any) -> dict[str, Any]:
    said = {"id": f"n{number}", "room": "R1", "author": "U1", "email": "ana@scaleflow.example"}
    return {**said, "written": at(number).isoformat(), "text": f"note {number}", **more}


class Notes(Vendor):
    """What Standup would answer: five notes on three pages."""

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        if path == "rooms":
            return {"rooms": [{"id": "R1"}, {"id": "R2"}]}
        if path == "members":
            return {"members": [{"id": "U1", "name": "Ana", "email": "ana@scaleflow.example"}]}
        first = int((params or {}).get("page", 0))
        shown = [note(number) for number in range(first, min(first + 2, 5))]
        return {"notes": shown, "next": first + 2 if first + 2 < 5 else None}


class OneVendor(Platform):
    def vendor(self, connection: Connection) -> Vendor:
        return Notes()


def example() -> str:
    found = re.search(r"```python\n(.*?)```", (PROJECT / "docs/recipes.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> OneVendor:
    module = ModuleType("standup_of_the_recipe")
    exec(example(), module.__dict__)  # noqa: S102 - the documents' own code
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return OneVendor(lambda _: StandupSettings(), None, {"standup": f"{module.__name__}:Standup"})  # type: ignore[arg-type]


def source_of(platform: Platform) -> Source:
    source = platform.get("standup")
    assert source is not None
    return source


def delivery(body: bytes, minute: int = 600, secret: str = SECRET) -> Delivery:
    told = str(at(600).timestamp())
    signature = hmac.new(secret.encode(), told.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Delivery(body, {"standup-time": told, "standup-signature": signature}, at(minute))


def test_the_example_is_under_eighty_lines() -> None:
    assert len(example().splitlines()) < 80


def test_what_is_pushed_and_fetched_is_stored_once(platform: OneVendor) -> None:
    source, clock, database = source_of(platform), ManualClock(at(600)), MemoryDatabase()
    raw, log = MemoryRawStore(), MemoryLog({"standup": "standup-messages"})
    connection = Connection(
        id=connection_id_of("standup", "T1"),
        source="standup",
        account="T1",
        name="Scaleflow",
        company_id="scaleflow",
        containers=("R1",),
        since=at(0),
        created_at=clock.now(),
    )
    with database.begin() as tx:
        tx.connections.save(connection)
    reception = Reception(log, raw, database, clock, until_stored=False, within=5)
    taking = Taking(reception, raw, log, database, clock, "{}-messages".format, lambda _: {"U1": "Ana"})
    pace = Pace(pull_every=timedelta(minutes=5), run_for=timedelta(seconds=60), look_back=timedelta())
    pulling = Pulling(database, platform, taking, clock, lambda: 0.5, lambda *_: None, pace)

    pushed = delivery(json.dumps({"team": "T1", "note": note(3)}).encode())
    source.verify(pushed)
    assert taking.take(source, connection, source.unpack(pushed).items).ids == ["standup:n3"]
    raw.store([Message.from_json(record.value) for record in log.records("standup-messages")], "b", clock.now())

    refreshed = pulling.refresh(connection.id)
    assert refreshed is not None
    assert refreshed.error == ""
    pulled = pulling.pull(connection.id, "R1")
    assert (pulled.end, pulled.pages, pulled.taken, pulled.known) == ("read", 3, 4, 1)
    stored = [Message.from_json(record.value) for record in log.records("standup-messages")]
    assert sorted(message.native_id for message in stored) == ["n0", "n1", "n2", "n3", "n4"]
    assert {message.sender for message in stored} == {"Ana"}


@pytest.mark.parametrize("wrong", [{"secret": "another"}, {"minute": 606}])
def test_what_standup_did_not_sign_now_is_refused(platform: OneVendor, wrong: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        source_of(platform).verify(delivery(b"{}", **wrong))


def test_a_reminder_is_left_out_and_a_broken_note_refused(platform: OneVendor) -> None:
    source = source_of(platform)
    (item,) = source.unpack(delivery(json.dumps({"team": "T1", "note": note(1, kind="reminder")}).encode())).items
    assert source.ignored(item) == "a reminder"
    for body in (b"{", b"[]", b'{"team": "T1"}', b'{"team": "T1", "note": 7}'):
        with pytest.raises(InvalidMessageError):
            source.unpack(delivery(body))
