"""Whether what fails in a stream comes each time until a person mends it, and what was handed to the log and is not in
the raw store yet."""

from alembic import op

revision = "0014"
down_revision = "0013"

UNDER_WAY = """
CREATE TABLE under_way (
    company_id text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (company_id, message_id)
);
CREATE INDEX under_way_at ON under_way (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON under_way TO sago_worker;
"""


def upgrade() -> None:
    op.execute("ALTER TABLE streams ADD COLUMN needs_mending boolean NOT NULL DEFAULT false")
    op.execute(UNDER_WAY)


def downgrade() -> None:
    op.execute("DROP TABLE under_way")
    op.execute("ALTER TABLE streams DROP COLUMN needs_mending")
