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
        (LINE.replace("funding", "fundraising"), r"gold.jsonl:2: no label \(event_type\)"),
        (LINE.replace('["m1"]', "[]"), r"gold.jsonl:2: no label \(message_ids\)"),
        (LINE.replace("5000000", '"five"'), r"gold.jsonl:2: no label \(metrics.0.value\)"),
        ("{half\n", "gold.jsonl:2: no label: Invalid JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(LINE + line, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_labels(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "absent.jsonl")
