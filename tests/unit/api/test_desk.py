"""One caller's long work holds up that caller alone, and no route keeps a key from being looked up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest

from sago.api import desk as desks
from sago.api.desk import Desk, LongDesk
from sago.api.problems import ProblemError
from sago.domain.companies import Share
from sago.domain.events import Fold
from sago.errors import TransientError
from sago.outreach.earlier import Earlier
from sago.outreach.firm_desk import FirmDesk
from sago.outreach.firm_watches import FirmWatches
from sago.pipeline.ending import Ending
from tests.unit.api.api_house import MakeHouse
from tests.unit.api.callers import bearer
from tests.unit.api.firm_house import COMPANIES, EVENTS, FirmHouse, open_firm_house

LONG = 60.0


class Hung:
    """A question to which there is no answer before the test is over."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Semaphore(0), threading.Event()
        self.answered = 0

    def __call__(self) -> str:
        self.begun.release()
        self.over.wait(LONG)
        self.answered += 1
        return "late"


@pytest.fixture
def hung() -> Iterator[Hung]:
    question = Hung()
    yield question
    question.over.set()


def run(act: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await act()

    asyncio.run(main())


async def all_ask(desk: LongDesk, question: Callable[[], str], times: int) -> list[asyncio.Task[str]]:
    """Those of one caller, each of which is under way or waits for its turn."""
    asked = [asyncio.create_task(desk.answer(question, "slow")) for _ in range(times)]
    await asyncio.sleep(0)
    return asked


def test_who_has_enough_under_way_waits_and_others_are_answered(hung: Hung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "PATIENCE", LONG)

    async def act() -> None:
        desk = LongDesk(most=3, each=2, within=LONG)
        slow = await all_ask(desk, hung, 9)
        for _ in range(3):
            assert await desk.answer(lambda: "quick", "another") == "quick"
        assert (hung.answered, any(each.done() for each in slow)) == (0, False)
        hung.over.set()
        assert await asyncio.gather(*slow) == ["late"] * 9, "each has had its turn"

    run(act)


def test_one_too_many_of_a_caller_is_told_so_at_once_where_a_crowd_waits(
    hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "PATIENCE", LONG)

    async def act() -> None:
        desk = LongDesk(most=3, each=1, within=2 * LONG)
        asked = await all_ask(desk, hung, 1 + desks.QUEUE)
        with pytest.raises(ProblemError) as refused:
            await desk.answer(hung, "slow")
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "5"})
        assert not any(each.done() for each in asked), "nobody's patience is over, though they have waited longer"
        hung.over.set()
        assert await asyncio.gather(*asked) == ["late"] * len(asked)

    run(act)


def test_who_waits_for_a_turn_is_told_so_after_a_while(hung: Hung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "PATIENCE", 0.0)

    async def act() -> None:
        asked = await all_ask(LongDesk(most=3, each=1, within=LONG), hung, 1 + desks.QUEUE)
        waited = await asyncio.gather(*asked[1:], return_exceptions=True)
        assert [each.status for each in waited if isinstance(each, ProblemError)] == [429] * desks.QUEUE
        assert not asked[0].done()
        hung.over.set()
        assert await asked[0] == "late"

    run(act)


def test_a_place_is_free_once_its_work_has_ended_whoever_still_waits_for_it(hung: Hung) -> None:
    async def act() -> None:
        desk = Desk(most=1)
        turn = asyncio.Semaphore(1)
        for turns in ((turn,), (turn,), ()):
            with pytest.raises(TransientError):
                await desk.answer(hung, 0, *turns)
        assert hung.begun.acquire(timeout=LONG)
        hung.over.set()
        assert await desk.answer(lambda: "a", LONG, turn) == "a"
        assert await desk.answer(lambda: "b", LONG) == "b"
        with pytest.raises(ValueError, match="its own"):
            await desk.answer(_fails, LONG, turn)
        assert await desk.answer(lambda: "a", LONG, turn) == "a"
        assert not hung.begun.acquire(blocking=False), "it is not begun for whoever came in vain"

    run(act)


def test_a_place_is_free_again_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def act() -> None:
        desk = LongDesk(most=1, each=1, within=LONG)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            with pytest.raises(RuntimeError):
                await desk.answer(lambda: "a", "a")
        assert await desk.answer(lambda: "a", "a") == "a"
        assert await desk.answer(lambda: "b", "b") == "b"

    run(act)


def _fails() -> None:
    raise ValueError("its own")


@pytest.fixture
def firms(make: MakeHouse) -> FirmHouse:
    made = open_firm_house(partial(make, answer_within=1.0))
    for firm in ("northgate", "southgate"):
        made.share(firm)
        made.key(firm, "read")
    return made


def test_forty_questions_of_one_firm_about_the_past_keep_no_other_waiting(
    firms: FirmHouse, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    folding: list[str] = []

    def fold(_: Earlier, share: Share, __: object) -> Fold:
        folding.append(share.firm_id)
        hung()
        return Fold([], [])

    monkeypatch.setattr(Earlier, "fold", fold)
    monkeypatch.setattr(desks, "PATIENCE", 0.5)
    paths = [(EVENTS, {"company_id": "scaleflow"}), (f"{COMPANIES}/scaleflow/series", {})]
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(firms.ask, path, as_of="2026-02-20", **query) for _ in range(20) for path, query in paths]
        assert all(hung.begun.acquire(timeout=LONG) for _ in range(2))
        assert firms.ask(COMPANIES, "southgate").status_code == 200
        assert firms.ask(EVENTS, "southgate").status_code == 200
        answers = [each.result() for each in asked]
    assert hung.answered == 0, "nobody waited for the end of a question"
    assert folding == ["northgate", "northgate"]
    assert {answer.status_code for answer in answers} == {429, 503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)


def test_forty_long_questions_of_one_firm_about_its_own_keep_no_other_waiting(
    firms: FirmHouse, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a watch says, and each act on a letter, which tells what the letter needs."""
    monkeypatch.setattr(FirmWatches, "explain", lambda *_: hung())
    for act in ("letter", "receipts", "edit", "approve", "reject", "undo"):
        monkeypatch.setattr(FirmDesk, act, lambda *_, **__: hung())
    monkeypatch.setattr(desks, "PATIENCE", 0.5)
    key = {"Authorization": f"Bearer {firms.key('northgate', 'read', 'write')}"}
    letter, sha = f"/api/v1/outreach/{UUID(int=1)}", {"sha256": "0" * 64}
    questions = [
        ("GET", f"/api/v1/watches/{UUID(int=1)}", None),
        ("GET", letter, None),
        ("GET", f"{letter}/receipt", None),
        ("PUT", letter, {"subject": "About us", "body": "B" * 20, **sha}),
        ("POST", f"{letter}/approve", sha),
        ("POST", f"{letter}/reject", {"because": "no"}),
        ("POST", f"{letter}/undo", {}),
    ]
    with ThreadPoolExecutor(42) as pool:
        asked = [
            pool.submit(firms.house.client.request, method, path, json=body, headers=key)
            for _ in range(6)
            for method, path, body in questions
        ]
        assert all(hung.begun.acquire(timeout=LONG) for _ in range(2))
        assert firms.ask(COMPANIES, "southgate").status_code == 200
        assert {each.result().status_code for each in asked} == {429, 503}
    assert hung.answered == 0, "nobody waited for the end of a question"


def test_a_key_is_looked_up_while_all_other_desks_are_full(firms: FirmHouse) -> None:
    state = firms.house.client.app.state
    state.desk, state.readings, state.endings = Desk(0), LongDesk(0, 1, LONG), LongDesk(0, 1, LONG)
    answer = firms.house.client.get("/api/v1/event-types", headers=bearer(firms.house, "operate"))
    assert answer.status_code == 200


def test_tasks_are_told_while_a_founder_asks_forty_times_what_is_left(
    firms: FirmHouse, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    founder, stranger = bearer(firms.house, "share:scaleflow"), bearer(firms.house, "operate")
    path = "/api/v1/shares/scaleflow/northgate/left"
    monkeypatch.setattr(Ending, "proof_of_end", lambda *_: hung())
    monkeypatch.setattr(desks, "PATIENCE", 0.5)
    firms.house.client.app.state.desk = Desk(most=1)
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(firms.house.client.get, path, headers=founder) for _ in range(40)]
        assert firms.house.client.get("/api/v1/tasks", headers=stranger).status_code == 200
        assert {each.result().status_code for each in asked} == {429, 503}
    assert hung.answered == 0, "nobody waited for what is left"
