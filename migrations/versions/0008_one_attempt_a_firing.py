"""`batch_chunks.begun_at`: when an attempt was last counted, so that Celery's own retries of one firing count once."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE batch_chunks ADD COLUMN begun_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE batch_chunks DROP COLUMN begun_at")
