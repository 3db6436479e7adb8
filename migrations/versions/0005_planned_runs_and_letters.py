"""Since when a job has its cron line, and letters that are due, each with what became of it."""

from alembic import op

revision = "0005"
down_revision = "0004"

PLANS = """
CREATE TABLE plans (
    job   text COLLATE "C" PRIMARY KEY,
    cron  text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO sago_worker;
"""

COMPOSITIONS = """
CREATE TABLE compositions (
    watch_id        uuid NOT NULL,
    as_of           timestamptz NOT NULL,
    state           text COLLATE "C" NOT NULL CHECK (state IN ('due', 'done', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    retry_at        timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    error           text COLLATE "C",
    PRIMARY KEY (watch_id, as_of)
);
CREATE INDEX compositions_due ON compositions (next_attempt_at) WHERE state = 'due';
GRANT SELECT, INSERT, UPDATE, DELETE ON compositions TO sago_worker;
"""


def upgrade() -> None:
    op.execute(PLANS)
    op.execute(COMPOSITIONS)


def downgrade() -> None:
    op.execute("DROP TABLE compositions, plans")
