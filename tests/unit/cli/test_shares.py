"""`sago share` over stores in memory: what a founder sees, gives, takes back, and has proven."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.config import Settings
from sago.domain.companies import DEFAULT_FIRM, Granularity
from sago.domain.events import Fold
from sago.errors import UsageError
from sago.outreach.giving import Giving
from sago.pipeline.ending import Ending
from sago.pipeline.revoking import Revoking
from tests.unit.outreach.stories import COMPANY, EVENTS, POINTS, watch
from tests.unit.outreach.stories import NOW as TOLD
from tests.unit.pipeline.house import House


class Wired(House):
    """What the commands use of a container."""

    settings = Settings(kafka={"topics": {"slack": "slack-messages", "gmail": "gmail-messages"}})

    @property
    def clock(self) -> Wired:
        return self

    def now(self) -> datetime:
        return TOLD

    @property
    def revoking(self) -> Revoking:
        return Revoking(self.database, self.erasing)

    @property
    def giving(self) -> Giving:
        return Giving(self.database, self, self.settings.outreach.setback_days, self.erasing.drafts)

    @property
    def ending(self) -> Ending:
        return Ending(self.database, self, self.revoking, self.recovery, self.log)

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Wired:
    """A company with three events and a watch of Northgate that waits for an ARR."""
    made = Wired()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    with made.database.begin() as tx:
        tx.companies.ensure("orchard", TOLD - timedelta(days=90))
        tx.companies.save(COMPANY)
        tx.events.replace("orchard", Fold(EVENTS, POINTS), TOLD)
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.outreach.add_watch(watch("arr >= 2M", "nrr >= 145%").model_copy(update={"firm_id": "northgate"}))
    return made


def sago(*arguments: str, says: str = "") -> Result:
    app = typer.Typer()
    people.register(app)
    return CliRunner().invoke(app, ["share", *arguments], input=says)


def test_a_preview_shows_what_a_share_would_before_it_is_given(house: Wired) -> None:
    shown = sago("preview", "orchard", "--firm", "Northgate", "--granularity", "bands")
    assert shown.exit_code == 0, shown.output
    assert "is not given yet" in shown.stdout
    assert "“We just passed [$2M–5M] ARR!”" in shown.stdout
    assert "NRR cannot be told from bands" in shown.stdout
    assert not re.search(r"2\.1M|240k|143", shown.stdout)
    with house.database.begin() as tx:
        assert tx.shares.get("northgate", "orchard") is None


def test_a_previews_figures_are_told_as_people_write_them_with_their_day(house: Wired) -> None:
    rows = [line.split() for line in sago("preview", "orchard", "--firm", "Northgate").stdout.splitlines()]
    assert ["ARR", "$2.1M", "14", "November", "2026"] in rows
    assert ["NRR", "143%", "15", "November", "2026"] in rows


def test_a_preview_as_json_holds_what_is_seen_and_nothing_else(house: Wired) -> None:
    exact = json.loads(sago("preview", "orchard", "--firm", "Northgate", "--sources", "slack", "--json").stdout)
    assert [each["value"] for each in exact["figures"]] == [2.1e6, 143]
    assert {each["outcome"] for each in exact["verdicts"]} == {"not_yet"}
    mail = json.loads(sago("preview", "orchard", "--firm", "Northgate", "--sources", "gmail", "--json").stdout)
    assert (mail["events"], mail["figures"], mail["hidden_events"]) == ([], [], 3)
    bands = sago("preview", "orchard", "--firm", "Northgate", "--granularity", "bands", "--json").stdout
    assert not re.search(r"2\.1|2100000|240000|143", bands)
    assert house.database.state.audit_log == []


@pytest.mark.usefixtures("house")
def test_a_preview_is_a_page_too(tmp_path: Path) -> None:
    page = tmp_path / "preview.html"
    sago("preview", "orchard", "--firm", "Northgate", "--granularity", "bands", "--html", str(page))
    text = page.read_text()
    assert "What Northgate would see of Orchard" in text
    assert "[$2M–5M]" in text
    assert not re.search(r"2\.1M|240k|143|<script", text)


def test_what_is_granted_is_listed_and_previewed_until_it_ends(house: Wired) -> None:
    granted = ("--sources", "slack,gmail", "--granularity", "bands", "--until", "2026-12-31")
    assert sago("grant", "orchard", "--firm", "Northgate", *granted).exit_code == 0
    rows = [json.loads(line) for line in sago("list", "--json").stdout.splitlines()]
    assert [(row["firm_id"], row["granularity"], row["holds"]) for row in rows] == [
        (DEFAULT_FIRM, "exact", True),
        ("northgate", "bands", True),
    ]
    assert rows[1]["until"] == "2027-01-01T00:00:00Z"
    assert "2026-12-31" in sago("list").stdout
    shown = sago("preview", "orchard", "--firm", "northgate")
    assert "sources slack, gmail; figures in bands; until 31 December 2026; this share is given" in " ".join(
        shown.stdout.split()
    )
    assert [each.action for each in house.database.state.audit_log] == ["share.granted"]


def test_a_revoked_share_is_proven_to_have_left_nothing(house: Wired) -> None:
    sago("grant", "orchard", "--firm", "Northgate")
    before = sago("verify", "orchard", "--firm", "Northgate")
    assert before.exit_code == 1
    assert "left in share" in before.stdout
    asked = sago("revoke", "orchard", "--firm", "Northgate", "--because", "raised", says="n\n")
    assert asked.exit_code == 1
    done = sago("revoke", "orchard", "--firm", "Northgate", "--because", "raised", "--yes")
    assert "0  letters without their text" in done.stdout
    assert "raw rows" not in done.stdout
    after = sago("verify", "orchard", "--firm", "Northgate")
    assert after.exit_code == 0
    assert "nothing but hashes is left" in after.stdout
    assert "the evidence stays for them" in " ".join(after.stderr.split())
    last = json.loads(sago("revoke", "orchard", "--firm", "default", "--because", "raised", "--yes", "--json").stdout)
    assert last["evidence"] is not None
    whole = json.loads(sago("verify", "orchard", "--firm", "default", "--json").stdout)
    assert whole == {"left": {}, "evidence_too": True, "sources": [], "kafka": []}


def test_what_kafka_still_holds_is_listed_and_no_failure(house: Wired) -> None:
    house.log.append("slack-messages", b"orchard", b"{}")
    sago("revoke", "orchard", "--firm", "default", "--because", "raised", "--yes")
    shown = sago("verify", "orchard", "--firm", "default")
    assert shown.exit_code == 0
    assert "1  in Kafka: slack-messages, partition" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("grant", "nobody", "--firm", "N"), "company nobody: not known; known are: orchard"),
        (("grant", "orchard", "--firm", "  ?? "), "write its name with letters or digits"),
        (("grant", "orchard", "--firm", "N", "--sources", "slack,fax"), "--sources fax: is no source; known are slack"),
        (("grant", "orchard", "--firm", "N", "--sources", ","), "--sources empty: is no source"),
        (("grant", "orchard", "--firm", "N", "--until", "2020-01-01"), "is over; to end a share"),
        (("revoke", "orchard", "--firm", "N", "--because", " ", "--yes"), "--because is empty"),
        (("revoke", "orchard", "--firm", "N", "--because", "x", "--yes"), "was never given a share of orchard"),
        (("verify", "orchard", "--firm", "N"), "those that were: default"),
    ],
)
@pytest.mark.usefixtures("house")
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    result = sago(*arguments)
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


def test_a_firm_is_one_however_its_name_is_written(house: Wired) -> None:
    sago("grant", "orchard", "--firm", "Northgate Capital", "--granularity", "none")
    sago("grant", "orchard", "--firm", "northgate capital", "--granularity", "bands")
    with house.database.begin() as tx:
        share = tx.shares.get("northgate-capital", "orchard")
        assert tx.shares.firms()["northgate-capital"] == "Northgate Capital"
    assert share is not None
    assert share.granularity is Granularity.BANDS


def test_a_watch_belongs_to_a_firm(house: Wired) -> None:
    app = typer.Typer()
    people.register(app)
    made = CliRunner().invoke(app, ["watch", "add", "orchard", "--when", "arr >= 3M", "--firm", "Alder"])
    assert made.exit_code == 0, made.output
    with house.database.begin() as tx:
        assert [each.firm_id for each in tx.outreach.watches("orchard") if each.firm_id != "default"][-1:] == ["alder"]
        assert tx.shares.firms()["alder"] == "Alder"
