"""A firm's letters over the API: read, edited and decided about as on the command line, and nobody else's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from httpx2 import Response

from sago.api.shapes.letters import LetterRead, LetterShown, ReceiptsShown
from sago.api.shapes.watches import WatchRead, WatchShown
from sago.domain.companies import Granularity
from sago.domain.events import Fold, Rejection
from sago.domain.letters import EVENT_REJECTED, Letter, LetterState
from sago.domain.mails import Suppression
from sago.domain.watches import Direction
from sago.errors import RestoredError
from sago.outreach.deciding import reject_event
from sago.outreach.firm_desk import FirmDesk
from sago.ports import Transaction
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.api.api_house import MakeHouse
from tests.unit.api.firms import (
    COMPANY,
    FOUNDER_ADDRESS,
    MINE,
    NEVER,
    OTHERS,
    OUTREACH,
    PRIVATE,
    WATCHES,
    Firms,
    two_firms,
)
from tests.unit.outreach import stories

ACTS: dict[str, Callable[[Firms, Letter], Response]] = {
    "edit": lambda firms, letter: firms.edit(letter, subject="ARR passed two million"),
    "approve": lambda firms, letter: firms.approve(letter),
    "reject": lambda firms, letter: firms.act(letter, "reject", because="already in touch"),
    "undo": lambda firms, letter: firms.act(letter, "undo"),
}


@pytest.fixture
def firms(make: MakeHouse) -> Firms:
    return two_firms(make)


@pytest.fixture
def letter(firms: Firms) -> Letter:
    """A draft of the firm's, written offline, so that its claims are to be ticked."""
    return firms.compose(firms.watch())


def path_of(letter: Letter, what: str = "") -> str:
    return f"{OUTREACH}/{letter.id}{what}"


def test_a_letter_is_listed_and_shown(firms: Firms, letter: Letter) -> None:
    page = firms.get(OUTREACH)
    assert page["next"] is None
    (row,) = page["items"]
    answer = firms.ask("GET", path_of(letter))
    read = answer.json()
    assert answer.headers["ETag"] == f'"{letter.draft.sha256}"'
    assert {name: read[name] for name in row} == row
    assert (row["subject"], row["state"], row["sha256"]) == (letter.draft.subject, "draft", letter.draft.sha256)
    assert (row["sender"], row["recipient"]) == ("Dana Reed", "Nell Quist")
    assert read["body"] == letter.draft.body
    assert read["to_tick"] == sorted(letter.to_tick) != []
    assert (read["needed"], read["possible"], read["history"]) == ([], ["approve", "edit", "reject"], [])


def test_highlights_name_their_events(firms: Firms) -> None:
    stories.fold_into(firms.database, [*stories.EVENTS, stories.CFO])
    letter = firms.compose(firms.watch(direction=Direction.TO_INVESTOR))
    lines = [line.model_dump(mode="json") for line in letter.draft.highlights]
    assert lines
    assert firms.get(path_of(letter))["highlights"] == lines
    assert FOUNDER_ADDRESS not in firms.ask("GET", path_of(letter)).text  # its sender's


def test_lists_are_filtered_and_paged(firms: Firms) -> None:
    letters = []
    for number in range(5):
        letters.append(firms.compose(firms.watch(name=str(number))))
        firms.pass_time(minutes=number % 2)
    firms.compose(firms.watch(OTHERS))
    firms.set_state(letters[0], LetterState.REJECTED)
    newest = [str(each.id) for each in sorted(letters, key=lambda each: (each.created_at, each.id), reverse=True)]
    seen, path = [], f"{OUTREACH}?limit=2"
    while path:
        page = firms.get(path)
        seen += [row["id"] for row in page["items"]]
        path = f"{OUTREACH}?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == newest

    def ids(query: str) -> list[str]:
        return [row["id"] for row in firms.get(f"{OUTREACH}?{query}")["items"]]

    assert ids("state=rejected") == [str(letters[0].id)]
    assert ids("state=rejected&state=draft") == newest
    assert ids(f"watch_id={letters[2].watch_id}") == [str(letters[2].id)]
    assert ids(f"company_id={COMPANY}") == newest
    assert ids(f"company_id={PRIVATE}") == ids("company_id=nobody") == ids(f"watch_id={NEVER}") == []
    for wrong in ("state=lost", "watch_id=7", "company_id=No%20Such", "cursor=x", "limit=0"):
        answer = firms.ask("GET", f"{OUTREACH}?{wrong}")
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["field"].partition(".")[0] == wrong.partition("=")[0]


def test_each_claim_is_told_with_its_proof(firms: Firms, letter: Letter) -> None:
    receipts = firms.get(path_of(letter, "/receipt"))
    assert receipts["sha256"] == letter.draft.sha256
    assert receipts["checks"]
    assert [each["number"] for each in receipts["receipts"]] == list(range(len(letter.receipts)))
    told = next(each for each in receipts["receipts"] if each["event_id"] == str(stories.ARR.id))
    assert (told["quote"], told["standing"]) == (stories.ARR.evidence[0].quote, "proof stands")
    assert told["title"] == stories.ARR.title


def test_words_that_are_shared_no_more_stand_in_no_receipt(firms: Firms, letter: Letter) -> None:
    proven = [each for each in firms.get(path_of(letter, "/receipt"))["receipts"] if each["message_id"]]
    assert all(each["quote"] for each in proven)
    for narrower in ({"granularity": Granularity.BANDS}, {"sources": ("gmail",)}):
        firms.share(**narrower)
        answer = firms.ask("GET", path_of(letter, "/receipt"))
        cut = [each for each in answer.json()["receipts"] if each["message_id"]]
        assert len(cut) == len(proven)
        for each in cut:
            assert (each["quote"], each["transformation"], each["sender"]) == ("", "", "")
            assert (each["said_at"], each["standing"]) == (None, "changed since")


def test_an_edit_is_kept_and_the_same_words_again_change_nothing(firms: Firms, letter: Letter) -> None:
    first = ACTS["edit"](firms, letter)
    assert first.status_code == 200, first.text
    assert first.json()["subject"] == "ARR passed two million"
    assert first.json()["sha256"] == firms.letter(letter).draft.sha256 != letter.draft.sha256
    again = ACTS["edit"](firms, letter)  # with the sha256 of the text before
    assert (again.status_code, again.json()) == (200, first.json())
    (change,) = first.json()["history"]
    assert (change["action"], change["because"]) == ("letter.edited", "by the API")
    assert change["who"].startswith("key:")


def test_words_that_no_event_bears_out_are_refused_one_by_one(firms: Firms, letter: Letter) -> None:
    body = f"{letter.draft.body}\n\nThey signed Globex for $9M. Churn fell to 1%."
    answer = firms.edit(letter, body=body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert len(errors) >= 3
    for word in ("Globex", "$9M", "1%"):
        assert any(word in error["reason"] for error in errors), word
    assert {error["field"] for error in errors} == {"body"}
    assert firms.letter(letter) == letter


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"subject": "ARR"}, "subject"),
        ({"subject": " a b "}, "subject"),
        ({"subject": "x" * 91}, "subject"),
        ({"body": "too short"}, "body"),
        ({"body": "short" + " " * 40}, "body"),
        ({"body": "x" * 5_001}, "body"),
        ({"body": "1 " * 151}, "body"),
        ({"body": None}, "body"),
        ({"sha256": "f00d"}, "sha256"),
        ({"state": "approved"}, "state"),
    ],
)
def test_an_edit_that_makes_no_letter_is_told_by_its_field(
    firms: Firms, letter: Letter, sent: dict[str, Any], field: str
) -> None:
    answer = firms.edit(letter, **sent)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert firms.letter(letter) == letter


@pytest.mark.parametrize("hidden", ["\0", "\u202e", "\x1b[2J", "<b>bold</b>", "https://evil.example"])
def test_an_edit_holds_no_hidden_character_link_or_markup(firms: Firms, letter: Letter, hidden: str) -> None:
    answer = firms.edit(letter, body=f"{letter.draft.body} {hidden}")
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert firms.letter(letter) == letter


def test_approving_twice_approves_once(firms: Firms, letter: Letter) -> None:
    first = firms.approve(letter, because="compared with  the\nthread")
    assert first.status_code == 200, first.text
    read = first.json()
    assert (read["state"], read["possible"]) == ("approved", ["edit", "reject", "undo"])
    assert read["approved_by"].startswith("key:")
    firms.pass_time(seconds=5)
    again = firms.approve(letter, because="again")
    assert (again.status_code, again.json()) == (200, read)
    assert [(line.action, line.why) for line in firms.log()] == [
        ("letter.ticked", "compared with the thread"),
        ("letter.approved", "compared with the thread"),
    ]
    assert list(firms.drafts.letters.values()) == [firms.letter(letter)]


def test_claims_have_to_be_looked_at_where_the_house_says_so(firms: Firms, letter: Letter) -> None:
    every = sorted(letter.to_tick)
    refused = firms.approve(letter, tick=[every[0]])
    assert refused.status_code == 409
    left = [each for each in every if each not in letter.equals([every[0]])]
    assert f"claims not ticked: {', '.join(map(str, left))};" in refused.json()["detail"]
    assert firms.letter(letter) == letter
    for number in (len(letter.receipts), -1):
        wrong = firms.approve(letter, tick=[*every, number])
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "tick")
    assert firms.approve(letter).json()["to_tick"] == []


def test_it_is_said_which_text_is_approved(firms: Firms, letter: Letter) -> None:
    tick = sorted(letter.to_tick)
    unsaid = firms.act(letter, "approve", tick=tick)
    assert unsaid.status_code == 428
    stale = firms.approve(letter, sha256="0" * 64)
    assert stale.status_code == 409
    assert "has another text than the one you have seen" in stale.json()["detail"]
    assert firms.edit(letter, sha256=None, subject="ARR passed two million").status_code == 428
    assert firms.edit(letter, sha256="0" * 64, subject="ARR passed two million").status_code == 409
    path = path_of(letter, "/approve")
    for wrong in ("*", "f00d", 'W/"f00d"'):
        assert firms.ask("POST", path, {"tick": tick}, **{"If-Match": wrong}).status_code == 422, wrong
    both = firms.ask("POST", path, {"tick": tick, "sha256": "0" * 64}, **{"If-Match": f'"{letter.draft.sha256}"'})
    assert both.status_code == 422
    assert firms.letter(letter) == letter
    etag = firms.ask("GET", path_of(letter)).headers["ETag"]
    assert firms.ask("POST", path, {"tick": tick}, **{"If-Match": etag}).status_code == 200


def test_an_approval_of_a_text_that_was_edited_since_is_none(firms: Firms, letter: Letter) -> None:
    assert firms.approve(letter).status_code == 200
    assert ACTS["edit"](firms, letter).json()["state"] == "draft"
    assert firms.approve(letter).status_code == 409
    assert firms.letter(letter).state is LetterState.DRAFT


def test_words_beyond_the_events_are_approved_by_who_stands_by_them(firms: Firms, letter: Letter) -> None:
    edited = firms.edit(letter, body=f"{letter.draft.body}\n\nThe board was delighted and sang for the whole team.")
    assert edited.status_code == 200, edited.text
    read = edited.json()
    (doubt,) = read["doubts"]
    assert "delighted" in doubt
    sent = {"sha256": read["sha256"], "tick": read["to_tick"]}
    refused = firms.approve(letter, **sent)
    assert refused.status_code == 409
    assert doubt in refused.json()["detail"]
    assert "approve it with `stand_by`, or edit it" in refused.json()["detail"]
    assert firms.approve(letter, **sent, stand_by=True).json()["state"] == "approved"


def test_a_decision_is_undone_while_it_is_fresh_and_undoing_again_changes_nothing(firms: Firms, letter: Letter) -> None:
    assert firms.act(letter, "undo").status_code == 409  # nobody has decided
    for decide in (ACTS["approve"], ACTS["reject"]):
        assert decide(firms, letter).status_code == 200
        first = firms.ask("POST", path_of(letter, "/undo"))
        assert (first.status_code, first.json()["state"]) == (200, "draft")
        assert firms.act(letter, "undo").json() == first.json()
        assert first.json()["history"][-1]["action"] == "letter.reopened"
    lines = [firms.get(f"/api/v1/audit?action={action}")["items"] for action in ("letter.reopened", "letter.draft")]
    assert lines[0] == lines[1]
    assert [line["action"] for line in lines[0]] == ["letter.reopened"] * 2
    ACTS["approve"](firms, letter)
    firms.pass_time(minutes=5)
    assert "undo" not in firms.get(path_of(letter))["possible"]
    late = firms.act(letter, "undo")
    assert late.status_code == 409
    assert "reject it instead" in late.json()["detail"]


def test_rejecting_needs_a_reason_and_is_done_once(firms: Firms, letter: Letter) -> None:
    for sent in ({}, {"because": ""}, {"because": "x" * 501}):
        assert firms.act(letter, "reject", **sent).status_code == 422
    assert firms.act(letter, "reject", because="no", sha256="0" * 64).status_code == 409
    first = ACTS["reject"](firms, letter)
    assert (first.status_code, first.json()["state"]) == (200, "rejected")
    assert ACTS["reject"](firms, letter).json() == first.json()
    assert [line.why for line in firms.log()] == ["already in touch"]
    assert firms.drafts.letters == {}


@pytest.mark.parametrize("state", [LetterState.SUPERSEDED, LetterState.EXPIRED, LetterState.UNKNOWN])
@pytest.mark.parametrize("act", ACTS)
def test_what_the_state_forbids_is_refused_with_what_is_possible(
    firms: Firms, letter: Letter, state: LetterState, act: str
) -> None:
    firms.set_state(letter, state)
    before = firms.letter(letter)
    answer = ACTS[act](firms, letter)
    assert answer.status_code == 409
    assert state.instead in answer.json()["detail"]
    assert firms.letter(letter) == before
    read = firms.get(path_of(letter))
    assert (read["possible"], read["to_tick"], read["needed"], read["doubts"]) == ([], [], [], [])


@pytest.mark.parametrize("act", ACTS)
def test_another_firms_letter_is_as_one_that_never_was(firms: Firms, act: str) -> None:
    others = firms.compose(firms.watch(OTHERS))
    never = others.model_copy(update={"id": NEVER})
    mine = firms.compose(firms.watch())
    for what in (lambda each: ACTS[act](firms, each), *_reads(firms)):
        answers = [what(each) for each in (others, never)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len({(answer.content, _fixed(answer)) for answer in answers}) == 1
    assert firms.letter(others) == others
    assert [row["id"] for row in firms.get(OUTREACH)["items"]] == [str(mine.id)]


@pytest.mark.parametrize("act", ACTS)
def test_once_a_share_has_ended_its_letters_are_not_there(firms: Firms, letter: Letter, act: str) -> None:
    firms.share(until=firms.clock.now())
    never = letter.model_copy(update={"id": NEVER})
    for what in (lambda each: ACTS[act](firms, each), *_reads(firms)):
        gone, none = what(letter), what(never)
        assert gone.status_code == none.status_code == 404
        assert (gone.content, _fixed(gone)) == (none.content, _fixed(none))
    assert firms.letter(letter) == letter
    assert firms.get(OUTREACH)["items"] == []


@pytest.mark.parametrize("act", ACTS)
def test_who_may_only_read_acts_on_no_letter(firms: Firms, letter: Letter, act: str) -> None:
    firms.keys["mine"] = firms.keys[MINE]
    for key in ("reader", "house"):
        firms.keys[MINE] = firms.keys[key]
        answers = [ACTS[act](firms, each) for each in (letter, letter.model_copy(update={"id": NEVER}))]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].content == answers[1].content
    assert firms.letter(letter) == letter
    assert firms.ask("GET", path_of(letter), key="reader").status_code == 200
    assert firms.ask("GET", path_of(letter), key="house").status_code == 403


def test_no_answer_holds_the_founders_address(firms: Firms, letter: Letter) -> None:
    assert letter.recipient is not None
    assert letter.recipient.email == FOUNDER_ADDRESS
    with firms.database.begin() as tx:
        word = Suppression(email=FOUNDER_ADDRESS, because="asked us to stop", who="cli:ana", at=firms.clock.now())
        tx.contacts.suppress(word)
    answers = [*(read(letter) for read in _reads(firms)), firms.approve(letter)]
    answers += [act(firms, letter) for act in ACTS.values()]
    firms.set_state(letter, LetterState.SUPERSEDED, f"{FOUNDER_ADDRESS} gets no mail")
    answers += [firms.ask("GET", path_of(letter)), firms.ask("GET", OUTREACH)]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["detail"].endswith("its reader wants no mail")
    for answer in answers:
        said = json.dumps(answer.json())
        assert FOUNDER_ADDRESS not in said, answer.request.url
        assert word.because not in said, answer.request.url
    assert "[address] gets no mail" in firms.get(path_of(letter))["history"][-1]["because"]


def folded_to_nothing(tx: Transaction, company_id: str, now: datetime) -> None:
    tx.events.replace(company_id, Fold([], []), now)


def test_a_firm_reads_that_an_event_was_called_wrong_and_not_by_whom_or_why(firms: Firms, letter: Letter) -> None:
    (event_id, *_) = letter.event_ids
    word = Rejection(
        company_id=letter.company_id,
        event_id=event_id,
        because="on Slack Margit says 1.79M",
        rejected_by="cli:root",
        rejected_at=firms.clock.now(),
    )
    assert reject_event(word, database=firms.database, drafts=firms.drafts, refold=folded_to_nothing)
    told = [firms.get(path_of(letter))["history"][-1], *firms.get(f"/api/v1/audit?subject={letter.id}")["items"]]
    assert [each["who"] for each in told] == ["the house"] * 2
    assert [told[0]["because"], told[1]["detail"]["why"]] == [EVENT_REJECTED] * 2


def test_who_of_the_house_approved_is_told_to_no_other_firm(firms: Firms, letter: Letter) -> None:
    with firms.database.begin() as tx:
        tx.outreach.set_letter_state(letter.id, LetterState.APPROVED, firms.clock.now(), "cli:root", "by phone")
    reads = [firms.get(path) for path in (path_of(letter), OUTREACH, path_of(letter, "/receipt"))]
    late = firms.act(letter, "reject", because="no", sha256="0" * 64)
    for read in (*reads, late.json()):
        assert "root" not in json.dumps(read)
        assert "by phone" not in json.dumps(read)
    assert reads[0]["approved_by"] == reads[2]["approved_by"] == "the house"


def test_a_letter_that_nobody_signs_needs_a_name(firms: Firms) -> None:
    letter = firms.compose(firms.watch(name="unnamed", investor=None))
    (needed,) = firms.get(path_of(letter))["needed"]
    assert needed.startswith("its watch names nobody who writes")
    refused = firms.approve(letter)
    assert refused.status_code == 409
    assert needed in refused.json()["detail"]
    assert firms.letter(letter).state is LetterState.DRAFT


def test_what_speaks_against_it_keeps_it_from_approval_with_nothing_ticked(firms: Firms, letter: Letter) -> None:
    firms.pass_time(days=20)
    against = firms.get(path_of(letter))["needed"]
    assert any("it is no news any more" in line or "outreach.fresh_for" in line for line in against)
    answer = firms.approve(letter)
    assert answer.status_code == 409
    assert all(line in answer.json()["detail"] for line in against)
    assert firms.letter(letter) == letter


def test_nothing_is_approved_over_a_restored_backup(firms: Firms, letter: Letter, monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise RestoredError("Postgres is an older backup (generation 3, 7 outside)")

    monkeypatch.setattr("sago.pipeline.generations.Generations.announce", refuse)
    answer = firms.approve(letter)
    assert answer.status_code == 503
    assert "generation" not in answer.text
    assert firms.letter(letter).state is LetterState.DRAFT


def test_the_log_has_no_words_of_a_letter(
    firms: Firms, letter: Letter, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        firms.edit(letter, body=f"{letter.draft.body}\n\nThey signed Globex for $9M.")
        firms.approve(letter, tick=[])
        ACTS["edit"](firms, letter)
    logged = caplog.text + "".join(capsys.readouterr())
    assert "/api/v1/outreach" in logged
    assert not any(word in logged for word in ("Globex", "two million", letter.draft.subject, *firms.keys.values()))


def test_each_example_of_the_document_is_an_answer_of_its_route(firms: Firms) -> None:
    for shape in (LetterRead, LetterShown, ReceiptsShown, WatchRead, WatchShown):
        (example,) = shape.model_json_schema()["examples"]
        assert shape.model_validate(example).model_dump(mode="json").keys() == example.keys()
    post = firms.house.client.get("/openapi.json").json()["paths"][WATCHES]["post"]
    sent = post["requestBody"]["content"]["application/json"]["examples"]["watch"]["value"]
    assert firms.ask("POST", WATCHES, sent | {"company_id": COMPANY}).status_code == 201


def _reads(firms: Firms) -> list[Callable[[Letter], Response]]:
    return [lambda each, what=what: firms.ask("GET", path_of(each, what)) for what in ("", "/receipt")]  # type: ignore[misc]


def _fixed(answer: Response) -> tuple[tuple[str, str], ...]:
    """Headers that do not count requests."""
    return tuple(sorted(each for each in answer.headers.items() if each[0] not in ("x-request-id", "ratelimit")))


LESS = [{"granularity": "bands"}, {"granularity": "none"}, {"sources": ["gmail"]}]


@pytest.mark.parametrize("wish", LESS, ids=str)
@pytest.mark.parametrize("state", [LetterState.DRAFT, LetterState.APPROVED, LetterState.REJECTED, LetterState.SENT])
def test_a_narrower_share_takes_the_words_of_letters_that_rest_on_more(
    firms: Firms, letter: Letter, wish: dict[str, Any], state: LetterState
) -> None:
    others = firms.compose(firms.watch(OTHERS))
    if state is not LetterState.DRAFT:
        firms.approve(letter)
        firms.set_state(letter, state)
    firms.give(**wish)
    has_left = state in (LetterState.SENT, LetterState.REJECTED)
    after = state if has_left else LetterState.SUPERSEDED
    read = firms.get(path_of(letter))
    assert (read["state"], read["possible"]) == (after, [])
    paths = (OUTREACH, path_of(letter), path_of(letter, "/receipt"), "/api/v1/audit")
    told = "".join(firms.ask("GET", path).text for path in paths)
    assert "2.1M" not in told
    assert "We just passed" not in told
    for act in ACTS.values():
        refused = act(firms, letter)
        assert refused.status_code == (200 if act is ACTS["reject"] and state is LetterState.REJECTED else 409)
        assert "2.1M" not in refused.text
    assert firms.drafts.files(letter) == []
    assert firms.letter(others) == others


def test_a_narrower_share_leaves_letters_that_tell_no_more_than_it(firms: Firms, letter: Letter) -> None:
    firms.give(until="2030-01-01T00:00:00Z", sources=["slack"])
    assert firms.letter(letter) == letter
    assert firms.drafts.files(letter) != []


def test_a_planned_run_writes_anew_by_the_narrower_share_and_by_a_wider_one_again(firms: Firms, letter: Letter) -> None:
    with firms.database.begin() as tx:
        watch = tx.outreach.watch(letter.watch_id)
    assert watch is not None
    firms.give(granularity="bands")
    coarse = firms.compose(watch)
    assert coarse.id != letter.id
    assert "2.1M" not in coarse.draft.body
    assert "$2M" in coarse.draft.body
    assert firms.drafts.files(coarse) != []
    firms.give()
    assert firms.letter(coarse) == coarse
    exact = firms.compose(watch)
    assert "$2.1M" in exact.draft.body
    assert firms.approve(exact).status_code == 200
    assert firms.get(path_of(letter))["subject"] != letter.draft.subject


def test_a_draft_without_figures_is_renewed_with_its_proofs_once_the_share_is_wider(firms: Firms) -> None:
    deal = stories.event("enterprise_deal", "Kestrel Air signed", "Kestrel Air signed, $240k a year")
    stories.fold_into(firms.database, [deal])
    watch = firms.watch(conditions=stories.watch("enterprise_deal >= 1").conditions)
    firms.give(granularity="bands")
    firms.compose(watch)
    firms.give()
    exact = firms.compose(watch)
    assert firms.approve(exact).status_code == 200


def test_a_share_that_shows_less_once_the_proofs_are_read_is_heeded(
    firms: Firms, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_day = MemoryRawStore.read_day

    def reading(raw: MemoryRawStore, *asked: Any) -> Any:
        firms.give(granularity="bands")
        return read_day(raw, *asked)

    monkeypatch.setattr(MemoryRawStore, "read_day", reading)
    answer = firms.ask("GET", path_of(letter, "/receipt"))
    assert answer.json()["state"] == "superseded"
    assert "2.1M" not in answer.text


def test_a_letter_that_is_withdrawn_while_what_it_needs_is_told_is_read_anew(
    firms: Firms, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its transaction is over, and what is possible is looked up."""
    asked: list[Any] = []
    possible = FirmDesk._possible

    def meanwhile(desk: FirmDesk, *args: Any) -> list[str]:
        if not asked:
            asked.append(args)
            firms.give(granularity="bands")
        return possible(desk, *args)

    monkeypatch.setattr(FirmDesk, "_possible", meanwhile)
    answer = firms.ask("GET", path_of(letter))
    assert answer.json()["state"] == "superseded"
    assert "2.1M" not in answer.text
