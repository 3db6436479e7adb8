"""Cassandra: raw messages by company and day, over cassandra-driver."""

from sago.stores.cassandra.migrate import migrate, schema_level
from sago.stores.cassandra.store import CassandraRawStore

__all__ = ["CassandraRawStore", "migrate", "schema_level"]
