"""Whether what fails in a stream comes each time until a person mends it."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE streams ADD COLUMN needs_mending boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("ALTER TABLE streams DROP COLUMN needs_mending")
