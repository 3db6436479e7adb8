"""The generation, by which a restored backup is told, and `unknown` letters that fill their window.

`erasures` of 0001 names either a message or a sender.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

GENERATION = """
CREATE TABLE generation (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    number      bigint NOT NULL,
    advanced_at timestamptz NOT NULL,
    held        boolean NOT NULL DEFAULT false
);
GRANT SELECT, INSERT, UPDATE, DELETE ON generation TO sago_worker;
"""

ERASURES = "ALTER TABLE erasures ADD CONSTRAINT erasures_names_one CHECK (num_nonnulls(message_id, sender) = 1)"

LIVE = 'CREATE UNIQUE INDEX outreach_live ON outreach (watch_id, "window") WHERE state IN ({states})'


def upgrade() -> None:
    op.execute(GENERATION)
    op.execute(ERASURES)
    op.execute("DROP INDEX outreach_live")
    op.execute(LIVE.format(states="'draft', 'approved', 'sent', 'unknown'"))


def downgrade() -> None:
    op.execute("DROP INDEX outreach_live")
    op.execute(LIVE.format(states="'draft', 'approved', 'sent'"))
    op.execute("ALTER TABLE erasures DROP CONSTRAINT erasures_names_one")
    op.execute("DROP TABLE generation")
