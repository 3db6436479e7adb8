"""The ledger of model calls, one row a call, and until when a chunk waits because the other side said so.

`model_calls` of 0001 was never written: it is made anew with what a call is known by.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

LEDGER = """
DROP TABLE model_calls;
CREATE TABLE model_calls (
    id             uuid PRIMARY KEY,
    at             timestamptz NOT NULL,
    company_id     text COLLATE "C" NOT NULL,
    provider       text COLLATE "C" NOT NULL,
    model          text COLLATE "C" NOT NULL,
    job            text COLLATE "C" NOT NULL,
    prompt_version text COLLATE "C" NOT NULL,
    input_tokens   bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens  bigint NOT NULL CHECK (output_tokens >= 0),
    cost_usd       numeric(18, 9) NOT NULL CHECK (cost_usd >= 0),
    latency_ms     bigint NOT NULL,
    outcome        text COLLATE "C" NOT NULL
                   CHECK (outcome IN ('ok', 'truncated', 'unusable', 'blocked', 'failed', 'refused')),
    error          text COLLATE "C"
);
CREATE INDEX model_calls_company_id ON model_calls (company_id, at);
GRANT SELECT, INSERT ON model_calls TO sago_worker;
"""

BEFORE = """
DROP TABLE model_calls;
CREATE TABLE model_calls (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id    text COLLATE "C" NOT NULL,
    batch_id      text COLLATE "C",
    chunk_no      integer,
    provider      text COLLATE "C" NOT NULL,
    model         text COLLATE "C" NOT NULL,
    purpose       text COLLATE "C" NOT NULL,
    input_tokens  bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cost_micros   bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    error         text COLLATE "C"
);
CREATE INDEX model_calls_company_id ON model_calls (company_id, started_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON model_calls TO sago_worker;
"""


def upgrade() -> None:
    op.execute(LEDGER)
    op.execute("ALTER TABLE batch_chunks ADD COLUMN retry_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE batch_chunks DROP COLUMN retry_at")
    op.execute(BEFORE)
