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
    connected_at timestamptz,
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
CREATE TABLE served (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    company_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (connection_id, company_id)
);
COMMENT ON TABLE served IS 'companies that messages of a connection may be stored for, by routes that are gone as well';
"""

STREAMS = """
CREATE SEQUENCE stream_fences;
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
COMMENT ON COLUMN streams.fence IS 'another for each reader and each row made anew: others may not write';
"""

IDENTITIES = """
CREATE TABLE identities (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    native_id     text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    shown_as      text COLLATE "C" NOT NULL,
    address       text COLLATE "C" NOT NULL,
    is_bot        boolean NOT NULL,
    seen_at       timestamptz NOT NULL,
    PRIMARY KEY (connection_id, native_id)
);
CREATE TABLE participants (
    company_id    text COLLATE "C" NOT NULL,
    connection_id uuid NOT NULL,
    native_id     text COLLATE "C" NOT NULL,
    since         timestamptz NOT NULL,
    PRIMARY KEY (company_id, connection_id, native_id),
    FOREIGN KEY (connection_id, native_id) REFERENCES identities ON DELETE CASCADE
);
CREATE INDEX participants_identity ON participants (connection_id, native_id);
CREATE TABLE person_decisions (
    id               uuid PRIMARY KEY,
    company_id       text COLLATE "C" NOT NULL,
    one_connection   uuid NOT NULL,
    one_id           text COLLATE "C" NOT NULL,
    other_connection uuid NOT NULL,
    other_id         text COLLATE "C" NOT NULL,
    verdict          text COLLATE "C" NOT NULL CHECK (verdict IN ('confirmed', 'rejected')),
    reason           text COLLATE "C" NOT NULL,
    who              text COLLATE "C" NOT NULL,
    at               timestamptz NOT NULL,
    FOREIGN KEY (company_id, one_connection, one_id) REFERENCES participants ON DELETE CASCADE,
    FOREIGN KEY (company_id, other_connection, other_id) REFERENCES participants ON DELETE CASCADE
);
CREATE INDEX person_decisions_one ON person_decisions (company_id, one_connection, one_id);
CREATE INDEX person_decisions_other ON person_decisions (company_id, other_connection, other_id);
COMMENT ON COLUMN identities.shown_as IS 'by which texts show them: the first name that was known, never changed';
COMMENT ON TABLE participants IS 'in the streams of which companies an identity was seen';
COMMENT ON TABLE person_decisions IS 'those in force; what was decided and undone is in the audit log';
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

HEARD = """
CREATE TABLE heard (
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    company_id    text COLLATE "C" NOT NULL,
    container     text COLLATE "C" NOT NULL,
    day           date NOT NULL,
    newest_at     timestamptz NOT NULL,
    PRIMARY KEY (connection_id, company_id, container, day)
);
COMMENT ON TABLE heard IS 'on which days messages of a container were said, pushed and fetched alike';
"""

UNDER_WAY = """
CREATE TABLE under_way (
    company_id text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (company_id, message_id)
);
CREATE INDEX under_way_at ON under_way (at);
COMMENT ON TABLE under_way IS 'what was handed to the log for a company and is not in the raw store yet';
"""

NEW = (
    "connections", "connection_tokens", "routes", "served", "streams", "refreshes",
    "identities", "participants", "person_decisions", "heard", "under_way",
)  # fmt: skip


def upgrade() -> None:
    for statements in (CONNECTIONS, STREAMS, REFRESHES, IDENTITIES, HEARD, UNDER_WAY):
        op.execute(statements)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(NEW)} TO sago_worker")
    op.execute("GRANT USAGE ON SEQUENCE stream_fences TO sago_worker")


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(reversed(NEW))}")
    op.execute("DROP SEQUENCE stream_fences")
