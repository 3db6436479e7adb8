"""One page of the events that a firm sees, in as many reads of an index as it has shared sources and the page rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, bindparam, text
from sqlalchemy.sql.selectable import TextualSelect

from sago.domain.pages import EventsAsked
from sago.stores.postgres.columns import Words
from sago.stores.postgres.tables import Time

ROWS = """
    (SELECT e.occurred_at, e.id FROM significant_events e
     WHERE {of}.source = '*' AND e.company_id = {of}.company_id AND e.is_active{asked}
     ORDER BY e.occurred_at DESC, e.id DESC LIMIT {limit})
    UNION ALL
    (SELECT e.occurred_at, e.id FROM significant_events e
     WHERE {of}.source <> '*' AND e.company_id = {of}.company_id AND e.lead_source = {of}.source AND e.is_active{asked}
     ORDER BY e.occurred_at DESC, e.id DESC LIMIT {limit})"""
PAGE = """
WITH seen AS (
    SELECT DISTINCT company_id, unnest(CASE WHEN '*' = ANY (sources) THEN '{{*}}' ELSE sources END) AS source
    FROM shares WHERE (until IS NULL OR until > greatest(now(), :clock)){company}
), newest AS MATERIALIZED (
    SELECT seen.company_id, seen.source, first.occurred_at FROM seen CROSS JOIN LATERAL ({first}) first
    ORDER BY first.occurred_at DESC, first.id DESC LIMIT :limit
), oldest AS (
    SELECT CASE count(*) WHEN :limit THEN min(occurred_at) ELSE '-infinity' END AS occurred_at FROM newest
), page AS MATERIALIZED (
    SELECT e.id FROM newest CROSS JOIN LATERAL ({rows}) e ORDER BY e.occurred_at DESC, e.id DESC LIMIT :limit
)
SELECT {columns} FROM page JOIN significant_events e ON e.id = page.id ORDER BY e.occurred_at DESC, e.id DESC"""
"""The first row of each shared source of each company; then, of as many as can lie on the page, their rows, none older
than the page can reach. What is not shared is not passed over: it is never read. Until the page is known only the
index is looked at, which has what may be asked for."""
REACHED = " AND e.occurred_at >= (SELECT oldest.occurred_at FROM oldest)"


def newest_events(asked: EventsAsked, columns: Sequence[Column[Any]], at: datetime | None = None) -> TextualSelect:
    """The statement of this page, to be run in a firm's view, of shares that hold at this moment too."""
    conditions, values = _conditions(asked)
    values.append(bindparam("clock", at, Time))
    also = "".join(f" AND {condition}" for condition in conditions)
    first = ROWS.format(of="seen", limit=1, asked=also)
    page = ROWS.format(of="newest", limit=":limit", asked=also + REACHED)
    names = ", ".join(f"e.{column.name}" for column in columns)
    company = "" if asked.company_id is None else " AND company_id = :company"
    if asked.company_id is not None:
        values.append(bindparam("company", asked.company_id, Words))
    statement = text(PAGE.format(company=company, first=first, rows=page, columns=names))
    return statement.bindparams(bindparam("limit", asked.limit), *values).columns(*columns)


def _conditions(asked: EventsAsked) -> tuple[list[str], list[Any]]:
    """What is asked of an event beside its company. Types and severities under a collation that equals as theirs does,
    and that their own indexes do not have: of every company's events, these are read by the thousand."""
    conditions: list[str] = []
    values: list[Any] = []
    for column, among in (("event_type", asked.event_types), ("severity", asked.severities)):
        if among:
            conditions.append(f'e.{column} COLLATE "POSIX" = ANY (:{column})')
            values.append(bindparam(column, sorted(str(each) for each in among)))
    for name, comparison, moment in (("since", ">=", asked.since), ("until", "<", asked.until)):
        if moment is not None:
            conditions.append(f"e.occurred_at {comparison} :{name}")
            values.append(bindparam(name, moment, Time))
    if asked.after is not None:
        conditions.append("(e.occurred_at, e.id) < (:at, :id)")
        values += [bindparam("at", asked.after.at, Time), bindparam("id", asked.after.row)]
    return conditions, values
