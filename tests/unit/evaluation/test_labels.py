"""A file of labels is read whole, or the line and field that are wrong are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sago.errors import UsageError
from sago.evaluation.labels import read_labels

LINE = (
    '{"company_id": "acme", "event_type": "funding", "severity": "high", "title": "Round closed",'
    ' "message_ids": ["m1"], "metrics": [{"name": "round", "value": 5000000, "unit": "EUR"}]}\n'
)


def test_labels_are_read_in_order_and_empty_lines_left_out(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(LINE + "\n" + LINE.replace("Round closed", "Second round"), encoding="utf-8")
    assert [label.title for label in read_labels(path)] == ["Round closed", "Second round"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LINE.replace("funding", "fundraising"), 'event_type: is "fundraising"; did you mean funding?'),
        (LINE.replace("funding", "xyzzy"), 'event_type: is "xyzzy"; possible are user_growth, revenue_milestone, '),
        (LINE.replace('"high"', '"urgent"'), 'severity: is "urgent"; possible are high, medium, low'),
        (LINE.replace('["m1"]', "[]"), "message_ids: is empty; name at least one"),
        (LINE.replace('["m1"]', "[1]"), "message_ids 1: is no text; put it in quotation marks"),
        (LINE.replace("[{", "{").replace("}]", "}"), "metrics: is no list; write it in square brackets"),
        (LINE.replace("5000000", '"five"'), "metrics 1, value: is no number; write it as in 450000 or 4.5"),
        (LINE.replace("5000000", "null"), "metrics 1, value: is no number; write it as in 450000 or 4.5"),
        (LINE.replace("5000000", "NaN"), "metrics 1, value: is no number; write it as in 450000 or 4.5"),
        (LINE.replace('"title"', '"titel"'), "titel: there is no such field; did you mean title?"),
        (LINE.replace('"value"', '"sum"'), "metrics 1, sum: there is no such field; there are name, value, unit"),
        (LINE.replace('"title": "Round closed",', ""), "title: is missing; add it"),
        (LINE.replace("Round closed", "R"), "title: is too short; its length is 5 at least"),
        ("{half\n", "is no JSON from column 2 on; a label is one JSON object a line, as {"),
        ("[1, 2]\n", "is no JSON object; a label is one JSON object a line, as {"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_and_how_to_mend_it(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(LINE + line, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_labels(path)
    assert str(raised.value).startswith(f"{path}:2: {said}")


def test_bytes_that_are_not_utf8_are_named_by_line_and_place(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes((LINE + LINE.replace("Round", "Fjärde")).encode("latin-1"))
    with pytest.raises(UsageError) as raised:
        read_labels(path)
    assert str(raised.value) == f"{path}:2: byte 81 is not UTF-8; save the file as UTF-8"


def test_what_editors_and_writers_of_json_put_into_a_file_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text("\ufeff" + LINE.replace("Round", "Ro\u2028und"), encoding="utf-8")
    assert [label.title for label in read_labels(path)] == ["Ro\u2028und closed"]


def test_an_empty_file_has_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.touch()
    assert read_labels(path) == []


@pytest.mark.parametrize(("name", "said"), [("absent.jsonl", "there is no such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"cannot be read.*{said}.*; name the file of labels") as raised:
        read_labels(tmp_path / name)
    assert "Errno" not in str(raised.value)
