"""One page of a company's figures, by when they were true."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, literal, select, tuple_

from sago.domain.readings import SeriesAsked
from sago.stores.postgres.tables import metric_points


def points_asked(asked: SeriesAsked) -> Select[Any]:
    """The statement of this page. That nothing lies before `after` is said of its first column alone as well: a row
    policy lets that one be looked up in the index first, whatever is thought of comparing whole rows."""
    c = metric_points.c
    place = (c.as_of, c.metric, c.event_id, c.unit)
    query = select(metric_points).where(c.company_id == asked.company_id).order_by(*place)
    query = query.limit(asked.limit).offset(asked.skip)
    if asked.metric is not None:
        query = query.where(c.metric == asked.metric)
    if asked.event_id is not None:
        query = query.where(c.event_id == asked.event_id)
    if asked.since is not None:
        query = query.where(c.as_of >= asked.since)
    if asked.until is not None:
        query = query.where(c.as_of < asked.until)
    if asked.after is not None:
        last = (literal(value, column.type) for value, column in zip(asked.after, place, strict=True))
        query = query.where(c.as_of >= asked.after.as_of, tuple_(*place) > tuple_(*last))
    return query
