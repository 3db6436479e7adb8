"""`sago connect slack` against the stand-in of Slack, as a founder goes through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sago.cli import connect_choice
from sago.domain.connections import ConnectionState, connection_id_of
from sago.embedded.servers import free_port
from sago.errors import ConfigError, SagoError, UsageError
from tests.canaries import SLACK_TOKEN, slack_token
from tests.contracts.connecting import Browser, House, without_layout
from tests.standins.slack_server import SlackServer, slack_server

ID = connection_id_of("slack", "T0STANDIN1")
PASTED = ("slack", "--token", "-")


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as server:
        server.methods.tokens[SLACK_TOKEN] = "active"
        server.workspace.add_channel("C1", "general")
        server.workspace.add_channel("C2", "sales")
        server.workspace.add_channel("G3", "board", is_private=True)
        server.workspace.add_channel("C4", "random", is_member=False)
        yield server


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, slack: SlackServer) -> House:
    return House(monkeypatch, slack.environment())


def error_of(house: House, *arguments: str, says: str | None = None) -> SagoError:
    result = house.sago(*arguments, says=says)
    assert isinstance(result.exception, SagoError), result.output
    return result.exception


def test_a_pasted_token_connects_what_is_named_and_its_first_pull_is_sent(house: House) -> None:
    done = house.sago(*PASTED, "--channel", "#general", "--channel", "G3", "--company", "acme", says=SLACK_TOKEN + "\n")
    assert done.exit_code == 0, done.output
    connection = house.only()
    assert (connection.account, connection.name, connection.company_id) == ("T0STANDIN1", "Stand-in", "acme")
    assert connection.containers == ("C1", "G3")
    assert connection.since is None
    assert house.streams() == ["C1", "G3"]
    assert house.token() == SLACK_TOKEN
    assert sorted(house.sent()) == ["sources.pull", "sources.pull", "sources.refresh"]
    assert "2 channels, acme" in done.stdout


def test_a_channel_that_the_bot_is_not_in_is_connected_with_a_word_on_how_to_mend_it(house: House) -> None:
    done = house.sago(*PASTED, "--channel", "random", "--channel", "sales", says=SLACK_TOKEN)
    assert done.exit_code == 0, done.output
    assert "random: the bot is not in it: `/invite @sago` in #random" in without_layout(done.stderr)
    assert "sales:" not in done.stderr


def test_at_rest_a_token_is_sealed(house: House) -> None:
    house.sago(*PASTED, "--all", says=SLACK_TOKEN)
    with house.database.begin() as tx:
        sealed = tx.connections.token(ID)
    assert sealed
    assert SLACK_TOKEN.encode() not in sealed


def test_nothing_is_shared_by_default(house: House) -> None:
    house.at_a_terminal()
    done = house.sago(*PASTED, "--company", "acme", says=f"{SLACK_TOKEN}\n\n")
    assert done.exit_code == 0, done.output
    assert house.only().containers == ()
    assert house.streams() == []
    assert "sago connect share T0STANDIN1 --channel NAME" in without_layout(done.stderr)


def test_a_person_chooses_by_number_and_name_and_is_asked_again_after_a_slip(house: House) -> None:
    house.at_a_terminal()
    done = house.sago("slack", says=f"{SLACK_TOKEN}\n9\n1, sales\n")
    assert done.exit_code == 0, done.output
    assert "the numbers go from 1 to 4" in done.stderr
    assert "/invite @sago" in done.stderr
    assert house.only().containers == ("G3", "C2")  # board, general, sales are read at once; random is last


def test_connecting_again_renews_token_and_choice_and_doubles_nothing(house: House, slack: SlackServer) -> None:
    house.sago(*PASTED, "--channel", "general", "--company", "acme", says=SLACK_TOKEN)
    first = house.only()
    with house.database.begin() as tx:
        tx.connections.refuse(first.id, "Slack: token_revoked")
    slack.methods.tokens = {slack_token("second"): "active"}
    assert house.sago(*PASTED, "--channel", "sales", says=slack_token("second")).exit_code == 0
    again = house.only()
    assert (again.id, again.created_at, again.company_id) == (first.id, first.created_at, "acme")
    assert first.connected_at
    assert again.connected_at
    assert first.connected_at < again.connected_at
    assert (again.state, again.reason, again.containers) == (ConnectionState.ACTIVE, "", ("C2",))
    assert house.token() == slack_token("second")
    assert house.streams() == ["C2"]


def test_connecting_again_takes_up_a_stream_that_failed(house: House) -> None:
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    now = house.clock.now()
    with house.database.begin() as tx:
        stream = tx.streams.claim(ID, "C1", now, now)
        assert stream is not None
        tx.streams.release(stream.model_copy(update={"failures": 9, "error": "x", "due_at": now.replace(year=2100)}))
    house.sent()
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    with house.database.begin() as tx:
        (mended,) = tx.streams.of(ID)
    assert (mended.failures, mended.error) == (0, "")
    assert "sources.pull" in house.sent()


def test_an_earlier_day_is_read_from_anew(house: House) -> None:
    house.sago(*PASTED, "--channel", "general", "--since", "2026-03-01", says=SLACK_TOKEN)
    now = house.clock.now()
    with house.database.begin() as tx:
        stream = tx.streams.claim(ID, "C1", now, now)
        assert stream is not None
        tx.streams.release(stream.model_copy(update={"read_until": now}))
    house.sago(*PASTED, "--channel", "general", "--since", "2026-04-01", says=SLACK_TOKEN)
    with house.database.begin() as tx:
        assert tx.streams.of(ID)[0].read_until == now
    done = house.sago(*PASTED, "--channel", "general", "--since", "2026-01-01", says=SLACK_TOKEN)
    with house.database.begin() as tx:
        assert tx.streams.of(ID)[0].read_until is None
    assert house.only().since == datetime(2026, 1, 1, tzinfo=UTC)
    assert "10,000 messages take 11 h at least" in without_layout(done.stderr)


def test_through_a_tunnel_the_browser_brings_the_token(
    monkeypatch: pytest.MonkeyPatch, house: House, slack: SlackServer
) -> None:
    port = free_port()
    browser = Browser(monkeypatch, ("https://tunnel.example", f"http://127.0.0.1:{port}"))
    way = ("--redirect-url", "https://tunnel.example/back", "--port", str(port))
    done = house.sago("slack", *way, "--channel", "general", "--company", "acme")
    assert done.exit_code == 0, done.output
    assert [(status, "You can close this window" in page) for status, page in browser.pages] == [(200, True)]
    assert house.token() in slack.methods.tokens
    assert house.token() != SLACK_TOKEN
    assert "state=" not in done.output
    asked = next(asked for method, asked in slack.asked if method == "oauth.v2.access")
    assert asked["redirect_uri"] == "https://tunnel.example/back"


def test_whoever_says_no_connects_nothing(monkeypatch: pytest.MonkeyPatch, house: House, slack: SlackServer) -> None:
    slack.denies = True
    port = free_port()
    browser = Browser(monkeypatch, ("https://tunnel.example", f"http://127.0.0.1:{port}"))
    error = error_of(house, "slack", "--redirect-url", "https://tunnel.example/", "--port", str(port), "--all")
    assert "you said no" in str(error)
    assert "Nothing was shared" in browser.pages[0][1]
    with house.database.begin() as tx:
        assert tx.connections.all() == []


@pytest.mark.parametrize(
    ("arguments", "says", "told"),
    [
        ((*PASTED, "--channel", "lounge"), SLACK_TOKEN, "there are: board, general, sales, random"),
        ((*PASTED, "--all", "--company", "acmee"), SLACK_TOKEN, "known are: acme; add --new"),
        ((*PASTED, "--all", "--company", "Acme Inc", "--new"), SLACK_TOKEN, "write it in small letters"),
        ((*PASTED, "--channel", "nope", "--company", "acmee"), SLACK_TOKEN, "channel nope: there is none"),
        ((*PASTED, "--all", "--since", "2999-01-01"), SLACK_TOKEN, "has not come yet"),
        ((*PASTED, "--all", "--channel", "general"), SLACK_TOKEN, "names everything already"),
        ((*PASTED,), SLACK_TOKEN, "nobody can be asked what to share"),
        (("slack", "--all"), None, "with `--token -`"),
        ((*PASTED, "--all"), "\n", "begins with xoxb-"),
        ((*PASTED, "--all"), slack_token("unknown"), "copy it anew, whole"),
        (("slack", "--port", "0", "--all"), None, "https addresses only"),
        (("slack", "--redirect-url", "http://x.example", "--port", "1", "--all"), None, "write an https address"),
        (("slack", "--url", "https://x.example"), None, "goes with --manifest"),
        (("slack", "--manifest", "--url", "http://x.example"), None, "https address"),
    ],
)
def test_what_cannot_be_done_says_how_it_can(house: House, arguments: tuple[str, ...], says: str, told: str) -> None:
    error = error_of(house, *arguments, says=says)
    assert isinstance(error, UsageError)
    assert told in str(error)
    with house.database.begin() as tx:
        assert tx.connections.all() == []
        assert [each.company_id for each in tx.companies.all()] == ["acme"]


def test_a_token_among_the_arguments_is_refused_and_not_repeated(house: House) -> None:
    assert "reads stdin" in str(error_of(house, "slack", "--token", SLACK_TOKEN, "--all"))


def test_a_token_without_its_scopes_is_told_which(house: House, slack: SlackServer) -> None:
    slack.methods.scopes = ("channels:read", "groups:read", "channels:history")
    error = error_of(house, *PASTED, "--all", says=SLACK_TOKEN)
    assert "team:read" in str(error)


def test_without_a_key_nothing_is_asked_of_slack(house: House, slack: SlackServer) -> None:
    from sago.stores.fernet_vault import FernetVault

    house.vault = FernetVault(None)
    error = error_of(house, *PASTED, "--all", says=SLACK_TOKEN)
    assert isinstance(error, ConfigError)
    assert "sago connect key" in str(error)
    assert slack.asked == []


def test_a_wrong_secret_is_named(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.setenv("SAGO_SLACK__CLIENT_SECRET", "another")
    port = free_port()
    Browser(monkeypatch, ("https://tunnel.example", f"http://127.0.0.1:{port}"))
    error = error_of(house, "slack", "--redirect-url", "https://tunnel.example/", "--port", str(port), "--all")
    assert "SAGO_SLACK__CLIENT_SECRET: Slack does not know this pair (bad_client_secret)" in str(error)


def test_slack_is_waited_for_where_it_asks_for_that(house: House, slack: SlackServer) -> None:
    slack.misbehave("429", "conversations.list", retry_after=1)
    assert house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN).exit_code == 0


@pytest.mark.parametrize("kind", ["500", "cut", "html", "internal_error"])
def test_when_slack_does_not_answer_well_nothing_is_kept(house: House, slack: SlackServer, kind: str) -> None:
    slack.misbehave(kind, "team.info")
    error_of(house, *PASTED, "--all", says=SLACK_TOKEN)
    with house.database.begin() as tx:
        assert tx.connections.all() == []


def test_list_and_show_tell_how_far_and_what_is_wrong_without_the_token(house: House) -> None:
    assert "nothing is connected yet" in house.sago("list").stderr
    house.sago(*PASTED, "--channel", "general", "--channel", "random", "--company", "acme", says=SLACK_TOKEN)
    now = house.clock.now()
    with house.database.begin() as tx:
        stream = tx.streams.claim(ID, "C4", now, now)
        assert stream is not None
        mend = "Slack: not_in_channel: write `/invite @sago`"
        tx.streams.release(stream.model_copy(update={"failures": 1, "error": mend, "due_at": now}))
    assert "slack/T0STANDIN1" in house.sago("list").stdout
    shown = without_layout(house.sago("show", "T0").stdout)
    assert "waits for its first reading" in shown
    assert "/invite @sago" in shown
    told = json.loads(house.sago("show", "stand-in", "--json").stdout)
    assert [each["name"] for each in told["streams"]] == ["C1", "C4"]
    assert json.loads(house.sago("list", "--json").stdout)["account"] == "T0STANDIN1"


def test_share_reads_exactly_what_is_named_from_then_on(house: House) -> None:
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    assert house.sago("share", "T0", "--channel", "sales", "--channel", "board").exit_code == 0
    assert house.streams() == ["C2", "G3"]
    house.at_a_terminal()
    assert house.sago("share", "T0", says="\n").exit_code == 0
    assert house.streams() == ["C2", "G3"]
    assert house.sago("share", "T0", "--all").exit_code == 0
    assert house.streams() == ["C1", "C2", "G3"]  # those the bot is in


def test_routes_are_set_replaced_and_taken_away(house: House) -> None:
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    done = house.sago("route", "T0", "--channel", "sales=acme")
    assert "channel C2 → acme" in done.stdout
    assert "C2" not in house.sago("route", "T0", "--channel", "C2=").stdout
    for wrong, told in (
        (("--domain", "nowhere=acme"), "write it as acme.example"),
        (("--domain", "acme.example"), "NAME=COMPANY"),
        (("--domain", "acme.example=acme"), "use --channel"),
        (("--channel", "sales=who"), "known are: acme"),
        (("--channel", "nope=acme"), "there is none"),
    ):
        assert told in str(error_of(house, "route", "T0", *wrong))


def test_remove_revokes_and_forgets_and_leaves_the_company(house: House, slack: SlackServer) -> None:
    house.sago(*PASTED, "--channel", "general", "--company", "acme", says=SLACK_TOKEN)
    house.sago("route", "T0", "--channel", "sales=acme")
    assert "give --yes" in str(error_of(house, "remove", "T0"))
    done = house.sago("remove", "T0", "--yes")
    assert done.exit_code == 0, done.output
    assert "the token is revoked and deleted" in done.stderr
    assert "sago erase" in done.stderr
    assert slack.methods.tokens[SLACK_TOKEN] == "token_revoked"
    gone = house.only()
    assert (gone.state, gone.containers, house.streams()) == (ConnectionState.REMOVED, (), [])
    with house.database.begin() as tx:
        assert tx.connections.token(gone.id) is None
        assert tx.connections.routes(gone.id) == []
        assert tx.companies.get("acme") is not None
    assert "not connected" in str(error_of(house, "show", "T0"))


def test_what_was_said_while_an_account_was_let_go_is_not_read_later(house: House, slack: SlackServer) -> None:
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    house.sago("remove", "T0", "--yes")
    slack.methods.tokens[SLACK_TOKEN] = "active"
    before = house.clock.now()
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    again = house.only()
    assert again.since is not None
    assert again.since >= before


def test_when_slack_is_away_an_account_is_let_go_here_and_the_rest_is_said(house: House, slack: SlackServer) -> None:
    house.sago(*PASTED, "--channel", "general", says=SLACK_TOKEN)
    slack.misbehave("500", "auth.revoke")
    done = house.sago("remove", "T0", "--yes")
    assert done.exit_code == 0
    assert "not taken back at Slack (Slack answers 500): do it there" in without_layout(done.stderr)
    assert house.only().state is ConnectionState.REMOVED


def test_with_the_last_share_the_token_is_taken_back_at_slack(house: House, slack: SlackServer) -> None:
    house.sago(*PASTED, "--channel", "general", "--company", "acme", says=SLACK_TOKEN)
    done = house.revoke_share()
    assert done.exit_code == 0, done.output
    assert "slack/T0STANDIN1: its token is taken back at Slack" in without_layout(done.stderr)
    assert slack.methods.tokens[SLACK_TOKEN] == "token_revoked"
    assert (house.only().state, house.streams()) == (ConnectionState.REMOVED, [])


@pytest.mark.parametrize("fault", ["500", "invalid_arguments"])
def test_a_share_ends_whole_where_slack_does_not_take_the_token_back(
    house: House, slack: SlackServer, fault: str
) -> None:
    house.sago(*PASTED, "--channel", "general", "--company", "acme", says=SLACK_TOKEN)
    slack.misbehave(fault, "auth.revoke")
    done = house.revoke_share("--json")
    assert done.exit_code == 0, done.output
    told = without_layout(done.stderr)
    assert "slack/T0STANDIN1: not taken back at Slack (" in told
    assert "do it there, under slack.com/apps/manage" in told
    (account,) = json.loads(done.stdout)["evidence"]["accounts"]
    assert account["account"] == "slack/T0STANDIN1"
    assert account["why"]
    assert slack.methods.tokens[SLACK_TOKEN] == "active"
    gone = house.only()
    with house.database.begin() as tx:
        assert tx.connections.token(gone.id) is None
        assert tx.erasures.left_of_company("acme") == {}


def test_the_manifest_holds_scopes_events_and_the_webhook(house: House) -> None:
    import yaml

    read = yaml.safe_load(house.sago("slack", "--manifest", "--url", "https://sago.example.com/").stdout)
    assert "channels:history" in read["oauth_config"]["scopes"]["bot"]
    events = read["settings"]["event_subscriptions"]
    assert events["request_url"] == "https://sago.example.com/api/v1/data-flow/webhook/slack"
    assert events["bot_events"] == ["message.channels", "message.groups"]
    assert "event_subscriptions" not in yaml.safe_load(house.sago("slack", "--manifest").stdout)["settings"]


def test_all_is_whatever_there_is_and_will_be() -> None:
    assert connect_choice.understood(" ALL ", [], "channel") == ("*",)
