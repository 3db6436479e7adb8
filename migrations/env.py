"""Alembic's entry: runs on the connection that `sago.stores.postgres.migrate` hands over, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
