"""`batches.fired_at`: by it, and the task that is next in the queue, a batch knows whether its own may still wait."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE batches ADD COLUMN fired_at timestamptz")
    op.execute("UPDATE batch_chunks SET begun = 0 WHERE begun > 0 AND begun_at IS NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE batches DROP COLUMN fired_at")
