"""What a person rejects or approves becomes labelled messages on which `sago eval` scores a reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people, scoring
from sago.cli.lookup import me
from sago.domain.events import Event, EventType, Extraction
from sago.domain.letters import LetterState
from sago.domain.messages import Message
from sago.llm.providers.offline import RulesModel
from sago.pipeline.extraction import refold
from sago.pipeline.grounding import ground
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.cli.test_people import House
from tests.unit.llm.said import START, chat, extract, mail
from tests.unit.outreach.stories import NOW

DEAL, MRR = "Contoso signed for three years at $120k a year", "Subject: October\n\nMRR closed October at $182k."
OTHER_MRR = "MRR closed October at $190k"
MESSAGES = (chat(1, "lunch?"), chat(2, DEAL), mail(3, MRR), chat(4, OTHER_MRR), chat(5, "Globex signed, $80k a year"))


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """A house that has read MESSAGES, and keeps them."""
    made = House()
    made.raw = MemoryRawStore()  # type: ignore[attr-defined]
    whole = [Message(**each.model_dump(), company_id="orchard") for each in MESSAGES]
    made.raw.store(whole, "batch", NOW)  # type: ignore[attr-defined]
    observations, _ = ground(
        extract(RulesModel(), *MESSAGES), MESSAGES, company_id="orchard", extractor="rules", extractor_version="1",
        recorded_at=START,
    )  # fmt: skip
    read = [
        Extraction(company_id="orchard", message_id=each.id, version=0, extractor="rules", extractor_version="1",
                   finished_at=START)
        for each in MESSAGES
    ]  # fmt: skip
    with made.database.begin() as tx:
        tx.events.append(observations, read)
        refold(tx, "orchard", NOW)
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


@pytest.fixture
def sago(house: House) -> Callable[..., Result]:
    app = typer.Typer()
    people.register(app)
    scoring.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def events(house: House, event_type: EventType) -> list[Event]:
    with house.database.begin() as tx:
        return sorted(
            (event for event in tx.events.find("orchard") if event.event_type is event_type),
            key=lambda event: event.occurred_at,
        )


def exported(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    gold = (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    return (folder / "messages.csv").read_text(encoding="utf-8"), [json.loads(line) for line in gold]


def test_a_rejected_event_counts_against_a_reader_that_finds_it_still(
    sago: Callable[..., Result], house: House, tmp_path: Path
) -> None:
    contoso, _ = events(house, EventType.ENTERPRISE_DEAL)
    assert sago("events", "reject", str(contoso.id), "--because", "another Contoso").exit_code == 0
    written = sago("events", "export", "--out", str(tmp_path / "judged"), "--json")
    assert json.loads(written.stdout) == {"out": str(tmp_path / "judged"), "messages": 1, "labels": 0}
    messages, gold = exported(tmp_path / "judged")
    assert DEAL in messages
    assert gold == []
    files = [str(tmp_path / "judged" / name) for name in ("messages.csv", "gold.jsonl")]
    scored = json.loads(sago("eval", *files, "--provider", "rules", "--json").stdout)
    assert scored["types"]["enterprise_deal"]["found"] == 1
    assert scored["types"]["enterprise_deal"]["labelled"] == 0
    assert scored["figures"]["precision"]["value"] == 0.0


def test_what_an_approved_letter_tells_is_a_label(sago: Callable[..., Result], house: House, tmp_path: Path) -> None:
    letter = house.compose()
    with house.database.begin() as tx:
        tx.outreach.set_letter_state(letter.id, LetterState.APPROVED, NOW, "kim", "good")
    assert sago("events", "export", "--out", str(tmp_path), "--company", "orchard").exit_code == 0
    messages, gold = exported(tmp_path)
    assert {label["event_type"] for label in gold} >= {"enterprise_deal"}
    assert "lunch" not in messages
    scored = json.loads(
        sago(
            "eval", str(tmp_path / "messages.csv"), str(tmp_path / "gold.jsonl"), "--provider", "rules", "--json"
        ).stdout
    )
    assert scored["figures"]["precision"]["value"] == scored["figures"]["recall"]["value"] == 1.0


def test_without_a_persons_word_there_is_nothing_to_export(sago: Callable[..., Result], tmp_path: Path) -> None:
    result = sago("events", "export", "--out", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "no event was rejected and no letter approved yet" in " ".join(result.stderr.split())
    assert not (tmp_path / "none").exists()


def test_erased_messages_are_not_exported(sago: Callable[..., Result], house: House, tmp_path: Path) -> None:
    contoso, _ = events(house, EventType.ENTERPRISE_DEAL)
    sago("events", "reject", str(contoso.id), "--because", "another Contoso")
    house.raw = MemoryRawStore()  # type: ignore[attr-defined]
    assert sago("events", "export", "--out", str(tmp_path)).exit_code == 1


def test_a_contradiction_is_shown_on_both_sides(sago: Callable[..., Result], house: House) -> None:
    first, second = events(house, EventType.REVENUE_MILESTONE)
    shown = " ".join(sago("events", "show", str(first.id)).stdout.split())
    assert f"contradicts {str(second.id)[:8]}: $182k MRR here, $190k MRR there, both for October 2025" in shown
    listed = " ".join(sago("events", "list").stdout.split())
    assert f"(contradicts {str(second.id)[:8]})" in listed
    assert f"(contradicts {str(first.id)[:8]})" in listed
    rows = [json.loads(line) for line in sago("events", "list", "--json").stdout.splitlines()]
    assert {row["id"]: row["contradicts"] for row in rows if row["contradicts"]} == {
        str(first.id): [str(second.id)],
        str(second.id): [str(first.id)],
    }


def test_a_rejected_side_no_longer_contradicts(sago: Callable[..., Result], house: House) -> None:
    first, second = events(house, EventType.REVENUE_MILESTONE)
    sago("events", "reject", str(second.id), "--because", "a typing error")
    assert "contradicts" not in sago("events", "show", str(first.id)).stdout


def test_a_rejected_event_is_listed_and_taken_back(sago: Callable[..., Result], house: House) -> None:
    contoso, globex = events(house, EventType.ENTERPRISE_DEAL)
    said = " ".join(sago("events", "reject", str(contoso.id), "--because", "another [Contoso]").stderr.split())
    assert said.endswith(f'to take it back: sago events restore {str(contoso.id)[:8]} --because "…"')
    listed = " ".join(sago("events", "rejected").stdout.split())
    assert f"{str(contoso.id)[:8]} orchard {NOW:%Y-%m-%d} cli:" in listed
    assert "another [Contoso]" in listed
    (word,) = [
        json.loads(line) for line in sago("events", "rejected", "--company", "orchard", "--json").stdout.splitlines()
    ]
    assert (word["event_id"], word["because"]) == (str(contoso.id), "another [Contoso]")
    assert events(house, EventType.ENTERPRISE_DEAL) == [globex]
    done = sago("events", "restore", str(contoso.id)[:8], "--because", "our [Contoso]", "--json")
    (taken_back,) = json.loads(done.stdout)["taken_back"]
    assert json.loads(done.stdout)["restored"] == str(contoso.id)
    back = {"restored_by": me(), "restored_at": word["rejected_at"], "restored_because": "our [Contoso]"}
    assert taken_back == word | back
    assert f"1 rejection taken back; see it: sago events show {str(contoso.id)[:8]}" in " ".join(done.stderr.split())
    assert events(house, EventType.ENTERPRISE_DEAL) == [contoso, globex]
    assert "no event is rejected" in sago("events", "rejected").stderr
    assert json.loads(sago("events", "rejected", "--all", "--json").stdout) == taken_back
    with_all = sago("events", "rejected", "--all").stdout.split()
    assert {"another", "taken", "back", f"{me()}:", "our"} <= set(with_all)
    assert with_all.count(f"{NOW:%Y-%m-%d}") == with_all.count("[Contoso]") == 2


def test_what_is_not_rejected_cannot_be_restored(sago: Callable[..., Result], house: House) -> None:
    contoso, _ = events(house, EventType.ENTERPRISE_DEAL)
    refused = sago("events", "restore", str(contoso.id), "--because", "it is ours").exception
    assert str(refused) == f"rejected event {contoso.id}: there is none; see `sago events rejected`"
    assert "Missing option '--because'" in sago("events", "restore", str(contoso.id)).stderr
    assert str(sago("events", "restore", str(contoso.id), "--because", " ").exception).startswith("--because is empty")
    assert str(sago("events", "rejected", "--company", "orchrad").exception).startswith("company orchrad: not known")
