"""Whether every message is accounted for, read from the stores themselves and by no code of the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

import psycopg2

from sago.bootstrap import Container
from sago.domain.messages import MessageKey
from tests.faults.load import Load, claims, facts

READ = """
SELECT b.company_id, key->>0, (key->>1)::bigint, count(*)
FROM batches b JOIN batch_chunks c ON c.batch_id = b.id, jsonb_array_elements(c.result->'read') key
WHERE b.company_id LIKE %s AND b.run = 'live' AND b.state = 'merged' AND c.state = 'done' GROUP BY 1, 2, 3
"""
DEAD = "SELECT company_id, message_id, error FROM dead_letters WHERE company_id LIKE %s AND replayed_at IS NULL"
OPEN = "SELECT id, state, error FROM batches WHERE company_id LIKE %s AND state <> 'merged'"
TWO_LETTERS = """
SELECT count(*) FROM (SELECT 1 FROM outreach
WHERE company_id LIKE %s AND state NOT IN ('rejected', 'expired', 'superseded')
GROUP BY watch_id, "window" HAVING count(*) > 1) twice
"""


Version = tuple[str, MessageKey]
"""Of a company's message."""


class Account(NamedTuple):
    """What became of a load. `lost` and `doubled` say of what, for a person; both empty when all is well."""

    lost: list[str]
    doubled: list[str]
    overtaken: int = 0
    """Versions that nobody read, as a higher one of the same message had been read before they were queued."""


class Books:
    """The stores behind one load."""

    def __init__(self, container: Container, load: Load) -> None:
        self._container = container
        self._load = load

    def is_complete(self) -> bool:
        """Whether every version that must be read is in a merged batch, or in the dead letters, and no batch is open.

        Raises what the drivers raise while a server is away.
        """
        return not self._ask(OPEN) and not self._unread(self._read(), self._dead())[0]

    def settle(self, *, rows: bool = True) -> Account:
        """Compare everything there is with everything there should be; `rows` of the raw store too."""
        lost: list[str] = []
        doubled: list[str] = []
        read, dead = self._read(), self._dead()
        lost += [f"batch {name} hangs, {state}: {error}" for name, state, error in self._ask(OPEN)]
        unread, overtaken = self._unread(read, dead)
        lost += [f"{company}/{key} is in no merged batch" for company, key in unread]
        lost += [f"{pair} is a dead letter: {dead[pair]}" for pair in dead.keys() - self._load.dead]
        doubled += [f"{pair} was read {times} times" for pair, times in read.items() if times > 1]
        doubled += [f"{pair} was read and is a dead letter" for pair in self._load.dead & {*_ids(read)}]
        for company in self._load.stories:
            if rows:
                self._compare_rows(company, lost, doubled)
            events, observations = self._load.undisturbed[company]
            with self._container.database.begin() as tx:
                found, said = tx.events.find(company), tx.events.current(company)
            _compare(company, "event", facts(found), facts(events), lost, doubled)
            _compare(company, "observation", claims(said), claims(observations), lost, doubled)
        ((twice,),) = self._ask(TWO_LETTERS)
        doubled += [f"{twice} windows with two live letters"] if twice else []
        return Account(lost, doubled, len(overtaken))

    def _compare_rows(self, company: str, lost: list[str], doubled: list[str]) -> None:
        """Each version is one row, to the letter; there are no others on its days."""
        expected = {message.ref: message.content_sha() for message in self._load.stories[company]}
        days = sorted({ref.sent_at.date() for ref in expected})
        rows = Counter(ref for day in days for ref in self._container.raw.read_day(company, day))
        doubled += [f"row {ref} stands {times} times" for ref, times in rows.items() if times > 1]
        doubled += [f"row {ref} was never sent" for ref in rows.keys() - expected.keys()]
        stored = {each.ref: each.content_sha() for each in self._container.raw.read(sorted(expected))}
        lost += [f"row {ref} is missing or other" for ref, sha in expected.items() if stored.get(ref) != sha]

    def _read(self) -> dict[tuple[str, MessageKey], int]:
        return {(company, MessageKey(name, version)): times for company, name, version, times in self._ask(READ)}

    def _dead(self) -> dict[tuple[str, str], str]:
        """(company, message id) → why."""
        return {(company, name): error for company, name, error in self._ask(DEAD)}

    def _unread(
        self, read: dict[tuple[str, MessageKey], int], dead: dict[tuple[str, str], str]
    ) -> tuple[list[Version], list[Version]]:
        """What should have been read, and what a fault turned round with its edit: a version that came to be queued
        after a higher one was read is never read."""
        highest = {(company, key.message_id): key.version for company, key in sorted(read)}
        wanted = [(company, key) for company, keys in self._load.to_be_read.items() for key in keys]
        left = [each for each in wanted if each not in read and (each[0], each[1].message_id) not in dead]
        overtaken = [each for each in left if highest.get((each[0], each[1].message_id), -1) > each[1].version]
        return [each for each in left if each not in overtaken], overtaken

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        url = self._container.settings.postgres.url().replace("+psycopg2", "")
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, (f"{self._load.name}-%",))
            return cursor.fetchall()


def _ids(read: dict[tuple[str, MessageKey], int]) -> list[tuple[str, str]]:
    return [(company, key.message_id) for company, key in read]


def _compare(
    company: str, what: str, found: Sequence[Any], wanted: Sequence[Any], lost: list[str], doubled: list[str]
) -> None:
    """As multisets."""
    have, want = Counter(map(str, found)), Counter(map(str, wanted))
    lost += [f"{company}: {what} {each}" for each in (want - have).elements()]
    doubled += [f"{company}: {what} {each}" for each in (have - want).elements()]
