"""A company of 120 messages, three of them marked deals: what runs through a model outside the house are given."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEALS = {3: "Anvil", 70: "Borealis", 110: "Cobalt"}
MARK = "[[event enterprise_deal subject={}]]"


def write_messages(path: Path) -> None:
    """The stream as a CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "is_chat", "chat_sender", "email_sender", "timestamp", "content", "company_id"])
        for n in range(120):
            said = MARK.format(DEALS[n]) if n in DEALS else f"standup {n}"
            writer.writerow([f"c{n}", "true", "ana", "", (START + timedelta(minutes=n)).isoformat(), said, "orchard"])
