"""All wiring, nowhere else: settings in, a container of adapters and use cases out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sago.bootstrap.reaching import Reaching
from sago.config import Settings

PREPARED: dict[str, tuple[str, ...]] = {
    "store": ("storing",),
    "upkeep": ("batching", "reaper", "drafts"),
    "extract": ("extracting", "drafts"),
    "merge": ("extracting", "drafts"),
    "outreach": ("models", "raw", "drafts"),
    "mail": ("database", "drafts"),
    "sources": ("pulling",),
}
"""By the queue whose tasks need it."""


@dataclass(frozen=True)
class Container(Reaching):
    """Adapters and use cases of one process; each is made when first asked for, so a command pays for what it uses."""

    def prepare(self, queues: Iterable[str]) -> None:
        """Import and make what the tasks of these queues need, without connecting: what a parent has imported its forks
        share."""
        for queue in queues:
            for part in PREPARED[queue]:
                getattr(self, part)


def build(settings: Settings) -> Container:
    """The container of these settings; nothing is connected yet."""
    return Container(settings)


def migrate(settings: Settings) -> None:
    """Bring the schema of every store to its newest level; raises ConfigError where a store refuses."""
    from sago.stores.postgres import migrate as migrate_postgres

    migrate_postgres(settings.postgres)
    if settings.raw_store.kind == "cassandra":
        from sago.stores.cassandra import migrate as migrate_cassandra

        migrate_cassandra(settings.cassandra)
