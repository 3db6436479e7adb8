"""Raw messages, the batches that read them, and the book-keeping that makes every effect happen once."""

from alembic import op

revision = "0001"
down_revision = None

MESSAGES = """
CREATE TABLE sql_messages (
    company_id   text COLLATE "C" NOT NULL,
    message_id   text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    day          date NOT NULL,
    sent_at      timestamptz NOT NULL,
    source       text COLLATE "C" NOT NULL,
    sender       text COLLATE "C" NOT NULL,
    edited_at    timestamptz,
    deleted      boolean NOT NULL,
    thread_id    text COLLATE "C",
    subject      text COLLATE "C",
    text         text COLLATE "C" NOT NULL,
    raw          jsonb NOT NULL,
    raw_cut      boolean NOT NULL,
    content_sha  bytea NOT NULL,
    received_at  timestamptz NOT NULL,
    batch_name   text COLLATE "C" NOT NULL,
    batch_id     text COLLATE "C",
    extracted_at timestamptz,
    -- not sent_at: a second delivery of a version under another time is a conflict, and must be seen
    PRIMARY KEY (company_id, message_id, version)
);
CREATE INDEX sql_messages_range ON sql_messages (company_id, sent_at, message_id, version);

CREATE TABLE ingest_days (
    received_day date NOT NULL,
    company_id   text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    PRIMARY KEY (received_day, company_id, day)
);
"""

BATCHES = """
CREATE TABLE batches (
    id              text COLLATE "C" PRIMARY KEY,
    company_id      text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL CHECK (state IN ('claimed', 'extracting', 'merged', 'failed')),
    run             text COLLATE "C" NOT NULL,
    claimed_at      timestamptz NOT NULL,
    merged_at       timestamptz,
    next_attempt_at timestamptz,
    attempts        integer NOT NULL DEFAULT 0,
    error           text COLLATE "C"
);
CREATE INDEX batches_due ON batches (next_attempt_at) WHERE state <> 'merged';
CREATE INDEX batches_company_id ON batches (company_id);

CREATE TABLE batch_chunks (
    batch_id   text COLLATE "C" NOT NULL REFERENCES batches ON DELETE CASCADE,
    chunk_no   integer NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'split', 'dead')),
    attempts   integer NOT NULL DEFAULT 0,
    error      text COLLATE "C",
    error_type text COLLATE "C",
    result     jsonb,
    PRIMARY KEY (batch_id, chunk_no),
    CHECK ((state = 'done') = (result IS NOT NULL))
);

CREATE TABLE batch_members (
    company_id text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    run        text COLLATE "C" NOT NULL,
    sent_at    timestamptz NOT NULL,
    source     text COLLATE "C" NOT NULL,
    batch_id   text COLLATE "C" NOT NULL REFERENCES batches ON DELETE CASCADE,
    chunk_no   integer,
    PRIMARY KEY (company_id, message_id, version, run)
);
CREATE INDEX batch_members_chunk ON batch_members (batch_id, chunk_no);
"""

LEDGER = """
CREATE TABLE dead_letters (
    origin      text COLLATE "C" PRIMARY KEY,
    topic       text COLLATE "C" NOT NULL,
    company_id  text COLLATE "C",
    message_id  text COLLATE "C",
    error       text COLLATE "C" NOT NULL,
    error_type  text COLLATE "C" NOT NULL,
    failed_at   timestamptz NOT NULL,
    attempts    integer NOT NULL,
    value       bytea NOT NULL,
    replayed_at timestamptz
);
CREATE INDEX dead_letters_failed_at ON dead_letters (failed_at);

CREATE TABLE bridge_progress (
    log_id     text COLLATE "C" NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    partition  integer NOT NULL,
    watermark  bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, topic, partition)
);

CREATE TABLE ticks (
    job         text COLLATE "C" NOT NULL,
    due_at      timestamptz NOT NULL,
    state       text COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'skipped')),
    lease_until timestamptz NOT NULL,
    attempts    integer NOT NULL,
    PRIMARY KEY (job, due_at)
);

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

CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    company_id   text COLLATE "C" NOT NULL,
    message_id   text COLLATE "C",
    sender       text COLLATE "C",
    because      text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    applied_at   timestamptz
);
CREATE INDEX erasures_company_id ON erasures (company_id);
"""

TABLES = (
    "erasures", "model_calls", "ticks", "bridge_progress", "dead_letters",
    "batch_members", "batch_chunks", "batches", "ingest_days", "sql_messages",
)  # fmt: skip


def upgrade() -> None:
    for statements in (MESSAGES, BATCHES, LEDGER):
        op.execute(statements)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(TABLES)}")
