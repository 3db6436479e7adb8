"""Postgres: batches, observations, events, letters and the ledger, over SQLAlchemy with psycopg2."""

from sago.stores.postgres.database import PostgresDatabase
from sago.stores.postgres.migrate import migrate, schema_level

__all__ = ["PostgresDatabase", "migrate", "schema_level"]
