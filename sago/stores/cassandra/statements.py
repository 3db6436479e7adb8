"""The CQL the store speaks; a table's name is one of `rows.TABLES`, never a value from outside."""
# ruff: noqa: S608

from __future__ import annotations

CONTENT = ("source", "sender", "thread_id", "subject", "text", "raw", "raw_cut", "edited_at", "deleted")
OWNER = ("batch_name", "content_sha", "received_at")
CLUSTERING = ("sent_at", "message_id", "version")
PARTITION = ("company_id", "day")

_KEY = (*PARTITION, *CLUSTERING)
_ONE_ROW = " AND ".join(f"{name} = ?" for name in _KEY)
_ONE_PARTITION = "company_id = ? AND day = ?"

INGEST_DAY = "INSERT INTO ingest_days (received_day, company_id, day) VALUES (?, ?, ?)"
RECEIVED_DAYS = "SELECT DISTINCT received_day FROM ingest_days"
CHANGED_DAYS = "SELECT company_id, day FROM ingest_days WHERE received_day = ?"


def claim(table: str) -> str:
    """Write a row nobody owns. The second condition changes nothing: it has a refusal tell the owner's content too."""
    values = ", ".join(f"{name} = ?" for name in (*CONTENT, *OWNER))
    return f"UPDATE {table} SET {values} WHERE {_ONE_ROW} IF batch_name = null AND content_sha = null"


def mark(table: str) -> str:
    return f"UPDATE {table} SET batch_id = ?, extracted_at = ? WHERE {_ONE_ROW}"


def empty(table: str) -> str:
    """A conditional write, as the row was: a plain one carries its client's clock, and may lie below Paxos's."""
    return (
        f"UPDATE {table} SET sender = '', subject = null, text = '', raw = '{{}}', raw_cut = false, deleted = true "
        f"WHERE {_ONE_ROW} IF EXISTS"
    )


def senders_of_day(table: str) -> str:
    return f"SELECT {', '.join(_KEY)}, sender, deleted, batch_name FROM {table} WHERE {_ONE_PARTITION}"


def by_keys(table: str) -> str:
    return f"{_select_messages(table)} WHERE {_ONE_PARTITION} AND (sent_at, message_id, version) IN ?"


def within(table: str, order: str) -> str:
    """Of one partition: `ASC`, or backwards with `DESC`."""
    ordered = ", ".join(f"{name} {order}" for name in CLUSTERING)
    return f"{_select_messages(table)} WHERE {_ONE_PARTITION} AND sent_at >= ? AND sent_at < ? ORDER BY {ordered}"


def keys_of_day(table: str) -> str:
    return f"SELECT {', '.join(_KEY)}, batch_name FROM {table} WHERE {_ONE_PARTITION}"


def partitions(table: str) -> str:
    return f"SELECT DISTINCT company_id, day FROM {table}"


def count(table: str) -> str:
    """Rows that hold a message: a mark alone has no batch name."""
    return f"SELECT count(batch_name) AS messages FROM {table} WHERE {_ONE_PARTITION}"


def _select_messages(table: str) -> str:
    return f"SELECT {', '.join((*_KEY, *CONTENT))}, batch_name FROM {table}"
