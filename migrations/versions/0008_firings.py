"""When a batch was fired, and when an attempt at a chunk was counted.

The attempts of one firing count once, and a batch knows by the task that is next in the queue whether its own may still
wait. What was counted without its moment counts no more.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE batches ADD COLUMN fired_at timestamptz")
    op.execute("ALTER TABLE batch_chunks ADD COLUMN begun_at timestamptz")
    op.execute("UPDATE batch_chunks SET begun = 0 WHERE begun > 0")


def downgrade() -> None:
    op.execute("ALTER TABLE batch_chunks DROP COLUMN begun_at")
    op.execute("ALTER TABLE batches DROP COLUMN fired_at")
