"""`batch_chunks.begun`: attempts without an end, by which a chunk that takes its worker along is known."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE batch_chunks ADD COLUMN begun integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE batch_chunks DROP COLUMN begun")
