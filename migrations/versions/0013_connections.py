"""What founders connect: accounts with their sealed tokens, whose messages are whose, and how far streams were read."""

from alembic import op

revision = "0013"
down_revision = "0012"

CONNECTIONS = """
CREATE TABLE connections (
    id         uuid PRIMARY KEY,
    source     text COLLATE "C" NOT NULL,
    account    text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    company_id text COLLATE "C",
    containers text[] COLLATE "C" NOT NULL,
    since      timestamptz,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('active', 'refused', 'removed')),
    reason     text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (source, account)
);
CREATE TABLE connection_tokens (
    connection_id uuid PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    sealed        bytea NOT NULL
);
COMMENT ON COLUMN connection_tokens.sealed IS 'Fernet, by a key that only the environment has';
CREATE TABLE routes (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('container', 'domain')),
    key           text COLLATE "C" NOT NULL,
    company_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (connection_id, kind, key)
);
"""

STREAMS = """
CREATE TABLE streams (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    name          text COLLATE "C" NOT NULL,
    window_start  timestamptz,
    window_end    timestamptz,
    cursor        jsonb,
    read_until    timestamptz,
    mark          jsonb,
    newest_at     timestamptz,
    taken         bigint NOT NULL,
    due_at        timestamptz NOT NULL,
    woken         boolean NOT NULL,
    failures      integer NOT NULL,
    error         text COLLATE "C" NOT NULL,
    lease_until   timestamptz,
    queued_until  timestamptz,
    fence         bigint NOT NULL,
    PRIMARY KEY (connection_id, name)
);
CREATE INDEX streams_due_at ON streams (due_at);
COMMENT ON COLUMN streams.window_end IS 'frozen when the window was opened';
COMMENT ON COLUMN streams.cursor IS 'where in the window the next page begins, in the source''s own words';
COMMENT ON COLUMN streams.fence IS 'one more for each reader: what an earlier one writes late is refused';
"""

REFRESHES = """
CREATE TABLE refreshes (
    connection_id uuid PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    due_at        timestamptz NOT NULL,
    failures      integer NOT NULL,
    error         text COLLATE "C" NOT NULL
);
COMMENT ON TABLE refreshes IS 'when the streams and people of a connection are listed again';
"""

NEW = ("connections", "connection_tokens", "routes", "streams", "refreshes")


def upgrade() -> None:
    for statements in (CONNECTIONS, STREAMS, REFRESHES):
        op.execute(statements)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(NEW)} TO sago_worker")


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(reversed(NEW))}")
