"""Two firms over one house: what founders share with each, their keys, and letters of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from httpx2 import Response

from sago.domain.companies import Person, Share
from sago.domain.events import Fold
from sago.domain.keys import READ, WRITE
from sago.domain.letters import Letter, LetterState
from sago.domain.watches import Watch
from sago.llm.gateway import Gateway
from sago.outreach.composing import compose_letter
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.tenants import MemoryTenants
from tests.unit.api.api_house import HOUSE_KEY, House, MakeHouse
from tests.unit.outreach import stories
from tests.unit.outreach.test_composing import Writer

MINE, OTHERS = "northgate", "southpoint"
COMPANY, PRIVATE = "orchard", "willow"
"""The first shares with both firms, the second with the other one alone."""
WATCHES, OUTREACH = "/api/v1/watches", "/api/v1/outreach"
NEVER = UUID("00000000-0000-4000-8000-000000000000")
PERSON = Person(name="Dana Reed", email="dana@northgate.example")
FOUNDER_ADDRESS = "nell@orchard.example"


@dataclass
class Firms:
    """The house, and what each firm's key opens."""

    house: House
    database: MemoryDatabase
    drafts: MemoryDrafts
    clock: ManualClock
    keys: dict[str, str]

    def ask(self, method: str, path: str, body: Any = None, key: str = MINE, **headers: str) -> Response:
        headers["Authorization"] = f"Bearer {self.keys[key]}"
        answer: Response = self.house.client.request(method, path, json=body, headers=headers)
        return answer

    def get(self, path: str, key: str = MINE) -> Any:
        """What it answers, where it does."""
        answer = self.ask("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, letter: Letter, act: str, key: str = MINE, **sent: Any) -> Response:
        """An act on a letter."""
        return self.ask("POST", f"{OUTREACH}/{letter.id}/{act}", sent, key)

    def approve(self, letter: Letter, key: str = MINE, **sent: Any) -> Response:
        """With every claim looked at."""
        every = {"sha256": letter.draft.sha256, "tick": sorted(letter.to_tick)}
        return self.act(letter, "approve", key, **(every | sent))

    def edit(self, letter: Letter, key: str = MINE, **sent: Any) -> Response:
        same = {"subject": letter.draft.subject, "body": letter.draft.body, "sha256": letter.draft.sha256}
        return self.ask("PUT", f"{OUTREACH}/{letter.id}", same | sent, key)

    def pass_time(self, **length: float) -> None:
        self.clock.advance(timedelta(**length))

    def share(self, firm: str = MINE, company: str = COMPANY, **other: Any) -> None:
        """The founder's share from now on."""
        with self.database.begin() as tx:
            tx.shares.put(Share(firm_id=firm, company_id=company, created_at=self.clock.now(), **other))

    def give(self, firm: str = MINE, company: str = COMPANY, **wish: Any) -> None:
        """As a founder does, over the API; what is not said is as wide as can be."""
        wish = {"sources": ["*"], "granularity": "exact"} | wish
        answer = self.ask("PUT", f"/api/v1/shares/{company}/{firm}", wish, "house")
        assert answer.status_code == 200, answer.text

    def watch(self, firm: str = MINE, company: str = COMPANY, name: str = "", **other: Any) -> Watch:
        """A watch that is kept, and whose condition holds."""
        watch = stories.watch("arr >= 2M").model_copy(
            update={
                "id": uuid5(NAMESPACE_URL, f"{firm}{company}{name}"),
                "firm_id": firm,
                "company_id": company,
                "investor": PERSON,
                **other,
            }
        )
        with self.database.begin() as tx:
            tx.outreach.add_watch(watch)
        return watch

    def compose(self, watch: Watch) -> Letter:
        """Its letter, a draft."""
        writer = Writer()
        letter = compose_letter(
            watch.id,
            self.clock.now(),
            database=self.database,
            models=Gateway(writer, writer, self.clock),  # type: ignore[arg-type]
            drafts=self.drafts,
            clock=self.clock,
            setback_days=60,
            highlights=5,
        )
        assert letter is not None
        return letter

    def letter(self, of: Letter) -> Letter:
        """As it is stored."""
        with self.database.begin() as tx:
            found = tx.outreach.letter(of.id)
        assert found is not None
        return found

    def set_state(self, letter: Letter, state: LetterState, why: str = "") -> None:
        with self.database.begin() as tx:
            tx.outreach.set_letter_state(letter.id, state, self.clock.now(), "sago", why)

    def log(self) -> list[Any]:
        """Lines of the audit log about letters and watches."""
        return [entry for entry in self.database.state.audit_log if entry.action.startswith(("letter.", "watch."))]


def two_firms(make: MakeHouse, now: datetime = stories.NOW) -> Firms:
    """Both firms see the one company exactly; the other one sees a second one."""
    clock, database, drafts = ManualClock(now), stories.database(), MemoryDrafts()
    tenants = MemoryTenants(database, clock)
    house = make(
        key=HOUSE_KEY,
        rate_limit=0,
        adapters={"clock": clock, "database": database, "drafts": drafts, "tenants": tenants},
    )
    with database.begin() as tx:
        tx.companies.ensure(PRIVATE, now)
        private = [
            event.model_copy(update={"id": uuid5(event.id, PRIVATE), "company_id": PRIVATE}) for event in stories.EVENTS
        ]
        points = [stories.point(private[0], "arr", 2.1e6)]
        tx.events.replace(PRIVATE, Fold(private, points), now)
        for firm in (MINE, OTHERS):
            tx.shares.ensure_firm(firm, firm.capitalize())
    keys = {}
    for firm in (MINE, OTHERS):
        keys[firm], _ = house.container.keyring.issue("test", [READ, WRITE], firm, "cli:ana")
    keys["reader"], _ = house.container.keyring.issue("test", [READ], MINE, "cli:ana")
    keys["house"] = HOUSE_KEY
    firms = Firms(house, database, drafts, clock, keys)
    firms.share(MINE)
    firms.share(OTHERS)
    firms.share(OTHERS, PRIVATE)
    return firms
