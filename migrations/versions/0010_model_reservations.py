"""What calls under way may cost at most, so that a budget holds over all processes; and the day's calls by time."""

from alembic import op

revision = "0010"
down_revision = "0009"

RESERVATIONS = """
CREATE TABLE model_reservations (
    call_id    uuid PRIMARY KEY,
    company_id text COLLATE "C" NOT NULL,
    usd        numeric(18, 9) NOT NULL CHECK (usd >= 0),
    at         timestamptz NOT NULL,
    until      timestamptz NOT NULL
);
CREATE INDEX model_calls_at ON model_calls (at);
GRANT SELECT, INSERT, DELETE ON model_reservations TO sago_worker;
"""


def upgrade() -> None:
    op.execute(RESERVATIONS)


def downgrade() -> None:
    op.execute("DROP INDEX model_calls_at")
    op.execute("DROP TABLE model_reservations")
