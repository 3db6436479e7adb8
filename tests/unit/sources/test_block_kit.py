"""Words out of Block Kit: each block and element of docs.slack.dev/reference/block-kit, and those nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.sources.block_kit import DEPTH, text_of
from sago.sources.slack_text import escape, shown

LINKS = "the page https://y.example o@x.example +1555"
NAMES = {"U1": "Orla", "S1": "founders", "C2": "sales"}


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def word(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


IMAGE = {"type": "image", "image_url": "https://i.example/1.png", "alt_text": "MRR by month"}
BUTTON = {"type": "button", "text": plain("Approve"), "value": "secret"}


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "header", "text": plain("A &amp; B <@U1>")}, "A & B <@U1>"),
        (
            {"type": "section", "text": mrkdwn("Hi <@U1>"), "fields": [mrkdwn("*Amount*"), plain("$5")]},
            "Hi @Orla\n*Amount*\n$5",
        ),
        ({"type": "section", "text": mrkdwn("Chart"), "accessory": IMAGE}, "Chart\nMRR by month"),
        ({"type": "section", "text": mrkdwn("Approve?"), "accessory": BUTTON}, "Approve?"),
        (
            {"type": "context", "elements": [IMAGE, mrkdwn("as of <!date^1772442251^{date}|March 2>")]},
            "MRR by month\nas of March 2",
        ),
        ({**IMAGE, "title": plain("Revenue")}, "Revenue\nMRR by month"),
        ({"type": "image", "title": plain("Same"), "alt_text": "Same"}, "Same"),
        ({"type": "markdown", "text": "# Plan\n**bold** <b>"}, "# Plan\n**bold** <b>"),
        (
            {"type": "video", "title": plain("Demo"), "description": plain("Two minutes"), "alt_text": "Demo"},
            "Demo\nTwo minutes",
        ),
        (
            {"type": "input", "label": plain("Runway"), "hint": plain("months"), "element": {"initial_value": "9"}},
            "Runway\nmonths",
        ),
        ({"type": "alert", "level": "error", "text": mrkdwn("We are down")}, "We are down"),
        (
            {"type": "card", "title": mrkdwn("Deal"), "subtitle": mrkdwn("Acme"), "body": mrkdwn("$5k")},
            "Deal\nAcme\n$5k",
        ),
        ({"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("Deal"), "actions": [BUTTON]}]}, "Deal"),
        ({"type": "actions", "elements": [BUTTON]}, ""),
        ({"type": "context_actions", "elements": [{"type": "icon_button", "text": plain("Like")}]}, ""),
        ({"type": "divider"}, ""),
        ({"type": "file", "external_id": "x", "source": "remote", "title": "deck.pdf"}, ""),
        ({"type": "call", "call": {"v1": {"name": "Weekly"}}}, ""),
        ({"type": "unheard_of", "text": mrkdwn("still words"), "elements": [BUTTON]}, "still words"),
        ({"type": "static_select", "placeholder": plain("choose"), "text": plain("x")}, ""),
        ("not a block", "not a block"),
        (None, ""),
        (7, ""),
    ],
)
def test_a_block(block: Any, text: str) -> None:
    assert text_of([block], NAMES) == text


def test_a_container_holds_blocks() -> None:
    held = {"type": "container", "title": plain("Updates"), "subtitle": mrkdwn("2 records"), "child_blocks": [IMAGE]}
    assert text_of([held], NAMES) == "Updates\n2 records\nMRR by month"
    titled = {**held, "rich_text_title": rich(section(word("Better"))), "child_blocks": []}
    assert text_of([titled], NAMES) == "Better\n2 records"


def test_a_plan_tells_its_tasks() -> None:
    task = {"type": "task_card", "title": "Draft", "output": rich(section(word("done"))), "status": "complete"}
    task["sources"] = [{"type": "url", "url": "https://x.example", "text": "the page"}]
    assert text_of([{"type": "plan", "title": "Raise", "tasks": [task]}], NAMES) == "Raise\nDraft\ndone\nthe page"


def test_a_table_has_a_line_for_each_row() -> None:
    rows = [
        [{"type": "raw_text", "text": "Month"}, {"type": "raw_text", "text": "MRR"}],
        [rich(section(word("March"))), {"type": "raw_number", "value": 48200, "text": ""}],
        "no row",
        [None, {"type": "raw_number", "value": 1, "text": "$1"}],
    ]
    lines = "Month | MRR\nMarch | 48200\n | $1"
    assert text_of([{"type": "table", "rows": rows}], NAMES) == lines
    assert text_of([{"type": "data_table", "caption": "2026", "rows": rows}], NAMES) == f"2026\n{lines}"


def test_a_chart_tells_its_figures() -> None:
    pie = {"type": "pie", "segments": [{"label": "EU", "value": 7}, {"label": "US", "value": 3.5}]}
    line = {"type": "line", "series": [{"name": "MRR", "data": [{"label": "Jan", "value": 1}, {"label": "Feb"}]}]}
    block = {"type": "data_visualization", "title": "Revenue"}
    assert text_of([{**block, "chart": pie}], NAMES) == "Revenue\nEU: 7\nUS: 3.5"
    assert text_of([{**block, "chart": line}], NAMES) == "Revenue\nMRR: Jan 1, Feb "
    assert text_of([{**block, "chart": "x"}], NAMES) == "Revenue"


def test_rich_text_is_read_with_its_lists_quotes_and_code() -> None:
    def listed(style: str, *texts: str, **more: Any) -> dict[str, Any]:
        return {
            "type": "rich_text_list",
            "style": style,
            "elements": [section(word(text)) for text in texts],
            **more,
        }

    block = rich(
        section(word("Goals:\n")),
        listed("bullet", "hire", "ship"),
        listed("bullet", "in May", indent=1),
        listed("ordered", "first", "second"),
        listed("ordered", "third", offset=2),
        {"type": "rich_text_quote", "elements": [word("they said\nyes")]},
        {"type": "rich_text_preformatted", "elements": [word("a = 1\nb = 2")]},
    )
    assert text_of([block], NAMES).split("\n") == [
        "Goals:",
        "• hire",
        "• ship",
        "    • in May",
        "1. first",
        "2. second",
        "3. third",
        "> they said",
        "> yes",
        "a = 1",
        "b = 2",
    ]


@pytest.mark.parametrize(
    ("element", "text"),
    [
        (word("a < b & c"), "a < b & c"),
        ({"type": "link", "url": "https://x.example", "text": "the page"}, "the page"),
        ({"type": "link", "url": "https://x.example"}, "https://x.example"),
        ({"type": "user", "user_id": "U1"}, "@Orla"),
        ({"type": "user", "user_id": "U2"}, "@U2"),
        ({"type": "canvas_user_mention", "user_id": "U1"}, "@Orla"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "@founders"),
        ({"type": "team", "team_id": "T1"}, "@T1"),
        ({"type": "channel", "channel_id": "C2"}, "#sales"),
        ({"type": "broadcast", "range": "here"}, "@here"),
        ({"type": "emoji", "name": "ship", "unicode": "1f6a2"}, "🚢"),
        ({"type": "emoji", "name": "ours"}, ":ours:"),
        ({"type": "emoji", "name": "odd", "unicode": "d83d"}, ":odd:"),
        ({"type": "emoji", "name": "odd", "unicode": "0"}, ":odd:"),
        ({"type": "emoji", "name": "odd", "unicode": "ffffffffff"}, ":odd:"),
        ({"type": "date", "timestamp": 1772442251, "format": "{date}", "fallback": "March 2"}, "March 2"),
        ({"type": "date", "timestamp": 1772442251, "format": "{date}"}, "2026-03-02"),
        ({"type": "date", "timestamp": 10**30}, "1" + "0" * 30),
        ({"type": "color", "value": "#F405B3"}, "#F405B3"),
        ({"type": "message_mention", "channel_id": "C1", "message_ts": "1.2"}, ""),
        ({"type": "attachment_mention", "url": "https://x.example", "text": "Deal 17"}, "Deal 17"),
        ({"type": "unheard_of", "text": "words"}, "words"),
        ({"type": "text", "text": 7}, ""),
    ],
)
def test_an_element_of_rich_text(element: dict[str, Any], text: str) -> None:
    assert text_of([rich(section(word("x"), element))], NAMES) == f"x{text}"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<@U1>, <@U2|jiri> and <@U3|@ana>", "@Orla, @jiri and @ana"),
        ("<#C1|docks> <#C2> <#C3|>", "#docks #sales #C3"),
        ("<!subteam^S1|@x> <!subteam^S2|@ops> <!subteam^S3>", "@founders @ops @S3"),
        ("<!date^1772442251^{date_num} at {time}^https://x.example|March 2>", "March 2"),
        ("<!date^1772442251^{date}>", "2026-03-02"),
        ("<!date^soon^{date}>", "soon"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<https://x.example|the page> <https://y.example> <mailto:o@x.example|o@x.example> <tel:+1555>", LINKS),
        ("a &lt; b &amp;amp; c &gt; d :tada: *bold*", "a < b &amp; c > d :tada: *bold*"),
        ("<!unheard^x|label> <!unheard>", "label @unheard"),
        ("< <@U1", "< <@U1"),
    ],
)
def test_mrkdwn_as_people_see_it(written: str, text: str) -> None:
    assert shown(written, NAMES) == text


@given(st.text())
def test_what_is_escaped_is_shown_as_it_was(text: str) -> None:
    assert shown(escape(text), NAMES) == text


def test_what_nests_deeper_than_any_message_is_left_out() -> None:
    block: dict[str, Any] = {"type": "section", "text": mrkdwn("deep")}
    for _ in range(DEPTH * 100):
        block = {"type": "container", "title": plain("t"), "child_blocks": [block]}
    assert text_of([block], NAMES).count("t") <= DEPTH
    element = section(word("deep"))
    for _ in range(DEPTH * 100):
        element = section(element)
    assert text_of([rich(element)], NAMES) == ""
