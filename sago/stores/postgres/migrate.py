"""Schema changes: the cluster's roles, then Alembic's migrations, in one transaction that only one process holds."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, text

from sago.config import PROJECT
from sago.errors import ConfigError
from sago.sections import PostgresSettings
from sago.stores.postgres.engine import Connections

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = PROJECT / "migrations"
_ALEMBIC = threading.Lock()
"""Alembic keeps the migration it runs in module globals."""
AS_LONG_AS_IT_TAKES = "SET LOCAL statement_timeout = 0"
"""A table of any size is rewritten in one statement. For a lock it is waited as long as by anybody."""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('sago.migrate'))"

ROLES = """
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sago_owner', 'sago_worker', 'sago_api'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- a migration of another database of this cluster was faster
            END;
        END IF;
        BEGIN
            EXECUTE format('SET LOCAL ROLE %I', wanted);
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END;
    END LOOP;
    IF NOT has_schema_privilege('sago_owner', 'public', 'CREATE') THEN
        GRANT USAGE, CREATE ON SCHEMA public TO sago_owner;
    END IF;
    IF NOT has_schema_privilege('sago_owner', 'public', 'CREATE') THEN
        RAISE EXCEPTION 'no grant on schema public' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$
"""
"""Roles belong to the cluster and are not in a dump of the database: made where they are missing, at each migration."""


class SchemaLevel(NamedTuple):
    """The migration the database stands at (None where there is none) and the newest one of this checkout."""

    current: str | None
    head: str


def migrate(settings: PostgresSettings) -> None:
    """Bring the schema to the newest level; does nothing where it is there. Two at once run one after the other.

    Raises ConfigError when the login user may not make roles or use schema public, TransientError when the server
    does not answer.
    """
    _run(settings, wipe=False)


def wipe(settings: PostgresSettings) -> None:
    """Drop every table with its rows, the audit log too, and make them anew."""
    _run(settings, wipe=True)


def schema_level(settings: PostgresSettings) -> SchemaLevel:
    """How far the schema is; raises as `migrate` does when the database cannot be reached."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    connections = Connections(settings, role=None)
    try:
        with connections.begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        connections.close()
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise ConfigError(f"{MIGRATIONS}: no migrations found: install Sago as `make setup` does")
    return SchemaLevel(current, head)


def _run(settings: PostgresSettings, *, wipe: bool) -> None:
    from alembic import command  # 0.2 s that only migrations need

    connections = Connections(settings, role=None)
    try:
        with connections.begin() as connection:
            connection.execute(text(AS_LONG_AS_IT_TAKES))
            connection.execute(text(LOCK))
            _ensure_roles(connection, settings)
            connection.execute(text("SET LOCAL ROLE sago_owner"))
            config = _config()
            config.attributes["connection"] = connection
            with _ALEMBIC:
                if wipe:
                    command.downgrade(config, "base")
                command.upgrade(config, "head")
    finally:
        connections.close()


def _ensure_roles(connection: Connection, settings: PostgresSettings) -> None:
    try:
        connection.execute(text(ROLES))
    except Exception as error:
        if getattr(getattr(error, "orig", None), "pgcode", None) != "42501":
            raise
        raise ConfigError(
            f"postgres at {settings.host}:{settings.port}: user {settings.user} may not set up Sago's roles: as a "
            f"superuser run `ALTER DATABASE {settings.db} OWNER TO {settings.user}; ALTER ROLE {settings.user} "
            f"CREATEROLE` (where the roles exist: `GRANT sago_owner, sago_worker, sago_api TO {settings.user}`)"
        ) from error


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
