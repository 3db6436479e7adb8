"""Proofs with what was said around them: only of the same conversation, only where it is shared, and as it is now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response

from sago.api.routes.events import WITH_CONTEXT
from sago.domain.companies import Granularity
from sago.domain.erasures import Erasure
from sago.domain.messages import Message
from sago.outreach import firm_evidence, nearby
from sago.outreach.firm_evidence import DIRECT, LONGEST_BESIDE, NOT_EXACT, NOT_STORED
from sago.outreach.nearby import Nearby
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.api.api_house import NOW, MakeHouse
from tests.unit.api.firm_house import CHANNEL, DAY, EVENTS, FirmHouse, mail, open_firm_house, said_in

AT = NOW - timedelta(days=5)
MINUTE = timedelta(minutes=1)
ARR = ("arr", 2.1e6, "USD")
TEXT = "Morning all. 🎉 We passed $2.1M ARR! Cake at four."
QUOTE = "We passed $2.1M ARR"


@pytest.fixture
def firms(make: MakeHouse) -> FirmHouse:
    made = open_firm_house(make)
    made.share("northgate")
    return made


def proof_in(channel: str = CHANNEL, at: datetime = AT, number: int = 50, **fields: Any) -> Message:
    return said_in(channel, number, at, TEXT, **fields)


def around(firms: FirmHouse, context: int = 3, **query: Any) -> dict[str, Any]:
    """The only proof of the only event."""
    (event,) = firms.items(EVENTS)
    (proof,) = firms.items(f"{EVENTS}/{event['id']}/evidence", context=context, **query)
    return proof


def texts(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["text"] for row in rows]


def chatter(firms: FirmHouse, channel: str = CHANNEL, **fields: Any) -> None:
    """Five messages before the proof and five after it, a minute apart."""
    for number in (*range(-5, 0), *range(1, 6)):
        firms.hear(said_in(channel, 50 + number, AT + number * MINUTE, f"{channel} {number}", **fields))


def test_a_proof_stands_marked_in_its_message(firms: FirmHouse) -> None:
    firms.tell(proof_in(), QUOTE, ARR)
    proof = around(firms, 0)
    assert proof["message"] == {
        "id": f"slack:{CHANNEL}:50.0",
        "state": "stands",
        "sender": "Dana",
        "sent_at": "2026-02-25T17:00:00Z",
        "changed_at": None,
        "text": TEXT,
        "is_cut": False,
    }
    assert TEXT[proof["span"]["start"] : proof["span"]["end"]] == QUOTE == proof["quote"]
    assert (proof["before"], proof["after"], proof["withheld"]) == ([], [], None)


@pytest.mark.parametrize("most", [1, 3, 5, 20])
def test_of_its_channel_as_many_stand_around_it_as_are_asked_for(firms: FirmHouse, most: int) -> None:
    chatter(firms)
    chatter(firms, "C0OTHER")
    firms.tell(proof_in(), QUOTE, ARR)
    proof = around(firms, most)
    assert texts(proof["before"]) == [f"{CHANNEL} {number}" for number in range(-5, 0)][-most:]
    assert texts(proof["after"]) == [f"{CHANNEL} {number}" for number in range(1, 6)][:most]


def test_of_its_thread_alone_where_it_has_one_and_what_began_it_belongs_to_it(firms: FirmHouse) -> None:
    chatter(firms)
    firms.hear(said_in(CHANNEL, 7, AT - timedelta(days=2), "numbers thread"))
    firms.hear(said_in(CHANNEL, 61, AT + timedelta(days=1), "wow", thread_id="7.0"))
    firms.hear(said_in("C0OTHER", 62, AT + MINUTE, "same time stamp, other channel", thread_id="7.0"))
    firms.hear(said_in("C0OTHER", 7, AT - MINUTE, "same time stamp, other channel"))
    firms.tell(proof_in(thread_id="7.0"), QUOTE, ARR)
    proof = around(firms, 5)
    assert (texts(proof["before"]), texts(proof["after"])) == (["numbers thread"], ["wow"])


def test_of_a_mail_only_its_own_thread(firms: FirmHouse) -> None:
    firms.hear(mail(1, AT - timedelta(hours=3), "how are the numbers?", "t-1"))
    firms.hear(mail(2, AT - timedelta(hours=2), "another matter", "t-2"))
    firms.hear(said_in(CHANNEL, 3, AT - MINUTE, "chat"))
    firms.tell(mail(50, AT, TEXT, "t-1"), QUOTE, ARR)
    proof = around(firms, 5)
    assert (texts(proof["before"]), proof["after"]) == (["how are the numbers?"], [])


def test_nothing_of_another_company_stands_around_it(firms: FirmHouse) -> None:
    chatter(firms, company_id="quietco")
    firms.tell(proof_in(), QUOTE, ARR)
    proof = around(firms, 5)
    assert (proof["before"], proof["after"]) == ([], [])


@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_where_figures_are_not_exact_the_quote_is_coarse_and_all_else_withheld(
    firms: FirmHouse, granularity: Granularity
) -> None:
    chatter(firms)
    firms.tell(proof_in(), QUOTE, ARR)
    firms.share("northgate", granularity=granularity)
    proof = around(firms, 5)
    told = {Granularity.BANDS: "We passed [$2M–5M] ARR", Granularity.NONE: "We passed [not shared] ARR"}
    assert proof == {
        "message_id": f"slack:{CHANNEL}:50.0",
        "quote": told[granularity],
        "withheld": NOT_EXACT,
        "message": None,
        "span": None,
        "before": [],
        "after": [],
    }


def test_a_proof_of_a_source_that_is_not_shared_is_not_there(firms: FirmHouse) -> None:
    firms.tell(proof_in(), QUOTE, ARR)
    firms.tell(mail(51, AT + MINUTE, "ARR: We passed $2.1M ARR, from the board pack", "t-1"), QUOTE, ARR)
    (event,) = firms.items(EVENTS)
    path = f"{EVENTS}/{event['id']}/evidence"
    assert len(firms.items(path, context=2)) == 2
    firms.share("northgate", sources=("slack",))
    assert [row["message_id"] for row in firms.items(path, context=2)] == [f"slack:{CHANNEL}:50.0"]
    firms.share("northgate", sources=("gmail",))
    assert firms.ask(path, context=2).status_code == 404


@pytest.mark.parametrize(
    ("channel", "raw"), [("D0DANA", {}), ("C0FEW", {"channel_type": "mpim"}), ("C0ONE", {"channel_type": "im"})]
)
def test_a_direct_conversation_is_shown_neither_as_a_proofs_nor_around_one(
    firms: FirmHouse, channel: str, raw: dict[str, str]
) -> None:
    firms.tell(proof_in(channel, raw=raw), QUOTE, ARR)
    chatter(firms, channel, raw=raw)
    proof = around(firms, 5)
    assert (proof["quote"], proof["withheld"], proof["message"]) == (QUOTE, DIRECT, None)
    assert (proof["before"], proof["after"]) == ([], [])
    assert f"{channel} 1" not in str(proof)


def test_a_direct_message_that_says_it_is_of_a_channel_is_left_out_around_a_proof(firms: FirmHouse) -> None:
    firms.hear(said_in(CHANNEL, 49, AT - MINUTE, "for few", raw={"channel_type": "mpim"}))
    firms.tell(proof_in(), QUOTE, ARR)
    assert around(firms, 5)["before"] == []


def test_an_edited_message_is_shown_as_it_is_now(firms: FirmHouse) -> None:
    firms.hear(said_in(CHANNEL, 49, AT - MINUTE, "frist"), _changed(49, AT - MINUTE, "first"))
    firms.tell(proof_in(), QUOTE, ARR)
    firms.hear(_changed(50, AT, "We passed $2.0M ARR, sorry"))
    proof = around(firms)
    assert (proof["message"]["state"], proof["message"]["text"]) == ("edited", "We passed $2.0M ARR, sorry")
    assert proof["message"]["changed_at"] == "2026-02-25T18:00:00Z"
    assert proof["span"] is None
    assert [(row["state"], row["text"]) for row in proof["before"]] == [("edited", "first")]


def test_of_deleted_messages_only_that_they_were_there(firms: FirmHouse) -> None:
    firms.hear(said_in(CHANNEL, 49, AT - MINUTE, "secret"), _changed(49, AT - MINUTE, "", deleted=True))
    firms.tell(proof_in(), QUOTE, ARR)
    firms.hear(_changed(50, AT, "", deleted=True))
    proof = around(firms)
    gone = {"state": "deleted", "sender": None, "text": None, "changed_at": "2026-02-25T18:00:00Z"}
    assert {key: proof["message"][key] for key in gone} == gone
    assert (proof["quote"], proof["span"]) == (None, None)
    assert [(row["state"], row["text"], row["sender"]) for row in proof["before"]] == [("deleted", None, None)]


def test_of_erased_messages_only_that_they_were_there(firms: FirmHouse) -> None:
    firms.hear(said_in(CHANNEL, 49, AT - MINUTE, "mine alone", sender="Mara"))
    firms.tell(proof_in(), QUOTE, ARR)
    erasure = Erasure(
        id="6f1d7a52-3c0b-5b7e-9a44-2f5f0c8e51aa",
        company_id="scaleflow",
        sender="Mara",
        because="asked",
        requested_by="dana",
        requested_at=NOW,
    )
    firms.raw.empty(firms.raw.find(erasure))
    (before,) = around(firms)["before"]
    assert (before["state"], before["text"], before["sender"]) == ("erased", None, None)


def test_a_message_that_is_not_stored_any_more_is_withheld(firms: FirmHouse) -> None:
    firms.tell(proof_in(), QUOTE, ARR)
    firms.raw.rows.clear()
    proof = around(firms)
    assert (proof["quote"], proof["withheld"], proof["message"]) == (QUOTE, NOT_STORED, None)


def test_a_long_message_is_whole_as_a_proofs_and_cut_around_one(firms: FirmHouse) -> None:
    firms.hear(said_in(CHANNEL, 49, AT - MINUTE, "long " * 2_000))
    long = said_in(CHANNEL, 50, AT, f"{'word ' * 3_000}{QUOTE}")
    firms.tell(long, QUOTE, ARR)
    proof = around(firms)
    assert (proof["message"]["text"], proof["message"]["is_cut"]) == (long.text, False)
    (before,) = proof["before"]
    assert (len(before["text"]), before["is_cut"]) == (LONGEST_BESIDE, True)


def test_around_a_proof_in_a_lively_channel_the_next_ones_are_found(firms: FirmHouse) -> None:
    for second in range(1, 1500):
        firms.hear(said_in(CHANNEL, 100 + second, AT + timedelta(seconds=second), f"after {second}"))
        firms.hear(said_in(CHANNEL, 5000 + second, AT - timedelta(seconds=second), f"before {second}"))
    firms.tell(proof_in(), QUOTE, ARR)
    proof = around(firms, 2)
    assert (texts(proof["before"]), texts(proof["after"])) == (["before 2", "before 1"], ["after 1", "after 2"])


def test_a_noisy_source_that_is_not_shared_takes_no_place_around_a_proof(firms: FirmHouse) -> None:
    chatter(firms)
    firms.tell(proof_in(), QUOTE, ARR)
    expected = around(firms, 3)
    step = timedelta(milliseconds=250)
    firms.hear(*(mail(n, AT + n * step, "out of office", f"t-{n}") for n in range(-1300, 1300)))
    firms.share("northgate", sources=("slack",))
    assert around(firms, 3) == expected
    assert texts(expected["before"]) == [f"{CHANNEL} {number}" for number in range(-3, 0)]


@pytest.fixture
def dense(firms: FirmHouse, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Twenty-four proofs of one event, twenty messages between each and the next; the ids of the proofs' messages."""
    monkeypatch.setattr(nearby, "ROWS", 50)
    monkeypatch.setattr(firm_evidence, "ROWS_IN_ALL", 180)
    firms.hear(*(said_in(CHANNEL, 1000 + n, AT + n * MINUTE, f"chat {n}") for n in range(-60, 560)))
    proofs = [said_in(CHANNEL, n, AT + n * 20 * MINUTE + MINUTE / 2, TEXT) for n in range(1, 25)]
    for proof in proofs:
        firms.tell(proof, QUOTE, ARR)
    return [proof.id for proof in proofs]


def test_the_work_of_one_page_is_bounded_and_its_cursor_goes_on(
    firms: FirmHouse, dense: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read_range = firms.raw.read_range

    def counted(*args: Any, **named: Any) -> list[Message]:
        found = read_range(*args, **named)
        reads.append(len(found))
        return found

    monkeypatch.setattr(firms.raw, "read_range", counted)
    (event,) = firms.items(EVENTS)
    found, sizes = [], []
    for page in firms.pages(f"{EVENTS}/{event['id']}/evidence", context=20, limit=50):
        assert len(reads) <= 2 * WITH_CONTEXT
        assert sum(reads) <= 180 + 2 * 50
        reads.clear()
        sizes.append(len(page))
        found += page
    assert [row["message_id"] for row in found] == dense
    assert max(sizes) < WITH_CONTEXT, "much was said around them"
    assert all(len(row["before"]) == len(row["after"]) == 20 for row in found)
    alone = firms.items(f"{EVENTS}/{event['id']}/evidence", context=20, limit=1)
    assert alone == found, "what stands around a proof does not depend on its page"
    monkeypatch.setattr(firm_evidence, "ROWS_IN_ALL", 10_000)
    first = next(firms.pages(f"{EVENTS}/{event['id']}/evidence", context=1, limit=50))
    assert len(first) == WITH_CONTEXT


@pytest.mark.usefixtures("dense")
def test_rows_between_moments_that_are_near_one_another_are_read_once(firms: FirmHouse) -> None:
    near = Nearby(firms.raw, "scaleflow", "slack")
    whole = firms.raw.read_range("scaleflow", NOW - 30 * DAY, NOW, 10_000)
    for moment in (AT + n * 20 * MINUTE for n in range(1, 9)):
        after, before = near.after(moment), near.before(moment)
        later = [row for row in whole if row.sent_at >= moment]
        assert after == later[:50]
        assert before == whole[: len(whole) - len(later)][-50:]
    assert near.read <= 2 * 50 + 7 * 23


def test_rows_of_a_moment_of_which_not_all_were_wanted_are_not_read_again(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "ROWS", 3)
    minutes = (0, 0, 0, 0, 1, 5, 6)
    firms.hear(*(said_in(CHANNEL, n, AT + minute * MINUTE, f"chat {n}") for n, minute in enumerate(minutes)))
    whole = firms.raw.read_range("scaleflow", AT, NOW, 100)
    near = Nearby(firms.raw, "scaleflow", "slack")
    for moment in (AT + minutes * MINUTE for minutes in (2, 3, 6)):
        earlier = [row for row in whole if row.sent_at < moment]
        assert near.after(moment) == whole[len(earlier) :]
        assert near.before(moment) == earlier[-3:]
    assert near.read == 2 + 3


def test_what_was_said_at_the_same_moment_stands_on_one_side(firms: FirmHouse) -> None:
    for number in (49, 51):
        firms.hear(said_in(CHANNEL, number, AT, f"at once {number}"))
    firms.tell(proof_in(), QUOTE, ARR)
    proof = around(firms, 5)
    assert (texts(proof["before"]), texts(proof["after"])) == (["at once 49"], ["at once 51"])


def test_proofs_come_in_pages_in_the_order_they_were_said(firms: FirmHouse) -> None:
    for number in range(5):
        message = said_in(CHANNEL, 60 + number, AT + number * MINUTE, f"{QUOTE}, day {number}")
        firms.tell(message, QUOTE, ARR)
    (event,) = firms.items(EVENTS)
    rows = firms.items(f"{EVENTS}/{event['id']}/evidence", limit=2)
    assert [row["message_id"] for row in rows] == [f"slack:{CHANNEL}:{60 + number}.0" for number in range(5)]


def _changed(number: int, at: datetime, text: str, **fields: Any) -> Message:
    changed = AT + timedelta(hours=1)
    version = int(changed.timestamp() * 1_000_000)
    return said_in(CHANNEL, number, at, text, version=version, edited_at=changed, **fields)


def test_what_is_shared_no_more_once_the_messages_are_read_is_not_told(
    firms: FirmHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    firms.tell(proof_in(), QUOTE, ARR)
    (event,) = firms.items(EVENTS)
    path, read = f"{EVENTS}/{event['id']}/evidence", MemoryRawStore.read_range

    def asked_while(**fields: Any) -> Response:
        def reading(raw: MemoryRawStore, *args: Any, **asked: Any) -> list[Message]:
            firms.share("northgate", **fields)
            return read(raw, *args, **asked)

        firms.share("northgate")
        monkeypatch.setattr(MemoryRawStore, "read_range", reading)
        answer = firms.ask(path)
        monkeypatch.undo()
        return answer

    assert asked_while().json()["items"][0]["message"]["text"] == TEXT
    (coarse,) = asked_while(granularity=Granularity.BANDS).json()["items"]
    assert (coarse["quote"], coarse["withheld"], coarse["message"]) == ("We passed [$2M–5M] ARR", NOT_EXACT, None)
    for gone in ({"until": NOW - MINUTE}, {"sources": ("gmail",)}):
        assert asked_while(**gone).status_code == 404
