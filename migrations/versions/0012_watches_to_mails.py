"""From the watch to the mail: a watch's weights and voice, verdicts by day, a letter's receipts and approval, notices,
and mails on their way out with those who want none. An erasure may take a whole company."""

from alembic import op

revision = "0012"
down_revision = "0011"

WATCHES = """
ALTER TABLE watches
    ADD COLUMN weights jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN voice jsonb;

CREATE TABLE verdicts (
    watch_id   uuid NOT NULL,
    day        date NOT NULL,
    company_id text COLLATE "C" NOT NULL,
    firm_id    text COLLATE "C" NOT NULL REFERENCES firms,
    outcome    text COLLATE "C" NOT NULL CHECK (outcome IN ('now', 'not_yet', 'do_not_write', 'update')),
    score      double precision NOT NULL,
    detail     jsonb NOT NULL,
    judged_at  timestamptz NOT NULL,
    PRIMARY KEY (watch_id, day)
);
CREATE INDEX verdicts_company_id ON verdicts (company_id);
"""

LETTERS = """
DROP INDEX outreach_live;
ALTER TABLE outreach
    ADD COLUMN prompt_version text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN receipts jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN ticked integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN thread jsonb,
    ADD COLUMN approved_by text COLLATE "C",
    ADD COLUMN approved_at timestamptz,
    DROP CONSTRAINT outreach_state_check,
    ADD CONSTRAINT outreach_state_check CHECK (
        state IN ('draft', 'approved', 'queued', 'sent', 'rejected', 'expired', 'superseded', 'unknown'));
CREATE UNIQUE INDEX outreach_live ON outreach (watch_id, "window")
    WHERE state IN ('draft', 'approved', 'queued', 'sent', 'unknown');
"""

APPROVED = """
UPDATE outreach SET approved_at = a.at, approved_by = a.who
FROM (SELECT DISTINCT ON (subject) subject, at, who FROM audit_log
      WHERE action = 'letter.approved' ORDER BY subject, at DESC, id DESC) a
WHERE a.subject = outreach.id::text AND outreach.state = 'approved'
"""

MAILS = """
CREATE TABLE contacts (
    email     text COLLATE "C" PRIMARY KEY CHECK (email = lower(email)),
    name      text COLLATE "C" NOT NULL,
    timezone  text COLLATE "C",
    digest_at integer CHECK (digest_at BETWEEN 0 AND 23)
);
COMMENT ON COLUMN contacts.digest_at IS 'the hour of the day, in the time zone, at which notices are mailed';

CREATE TABLE suppressions (
    email   text COLLATE "C" PRIMARY KEY CHECK (email = lower(email)),
    because text COLLATE "C" NOT NULL,
    who     text COLLATE "C" NOT NULL,
    at      timestamptz NOT NULL
);

CREATE TABLE notices (
    id         uuid PRIMARY KEY,
    firm_id    text COLLATE "C" NOT NULL REFERENCES firms,
    email      text COLLATE "C" NOT NULL CHECK (email = lower(email)),
    recipient  jsonb NOT NULL,
    day        date NOT NULL,
    items      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (email, day)
);
CREATE TABLE told (
    email     text COLLATE "C" NOT NULL CHECK (email = lower(email)),
    watch_id  uuid NOT NULL,
    what      text COLLATE "C" NOT NULL,
    notice_id uuid NOT NULL REFERENCES notices,
    PRIMARY KEY (email, watch_id, what)
);
COMMENT ON TABLE told IS 'what a notice has told somebody of a watch: it is told once';
COMMENT ON COLUMN told.what IS 'event:<id>, letter:<id>, a firing''s window or an outcome; #2 marks its second telling';

CREATE TABLE mails (
    id              uuid PRIMARY KEY,
    kind            text COLLATE "C" NOT NULL CHECK (kind IN ('letter', 'notice')),
    ref             uuid NOT NULL,
    firm_id         text COLLATE "C" NOT NULL REFERENCES firms,
    company_id      text COLLATE "C",
    recipient       jsonb NOT NULL,
    address         text COLLATE "C" NOT NULL DEFAULT '',
    state           text COLLATE "C" NOT NULL CHECK (
                    state IN ('queued', 'claimed', 'sending', 'sent', 'refused', 'cancelled', 'expired', 'unknown')),
    attempts        integer NOT NULL,
    token           integer NOT NULL,
    lease_until     timestamptz,
    next_attempt_at timestamptz NOT NULL,
    expires_at      timestamptz,
    error           text COLLATE "C",
    waits_for       text COLLATE "C" CHECK (waits_for IN ('pace', 'server', 'content')),
    waits_since     timestamptz,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz,
    file            text COLLATE "C",
    UNIQUE (kind, ref)
);
CREATE INDEX mails_sent ON mails (sent_at) WHERE kind = 'letter' AND sent_at IS NOT NULL;
CREATE INDEX mails_address ON mails (address);
COMMENT ON COLUMN mails.sent_at IS 'when its content began to go over';
COMMENT ON COLUMN mails.address IS 'the recipient''s, as suppressions and contacts are compared';
COMMENT ON COLUMN mails.file IS 'where it lies for a person to send, where no server took it; its state is sent';
COMMENT ON COLUMN mails.waits_for IS 'what keeps a queued one back; pace: its reader''s hours, or a cap';
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE state IN ('queued', 'claimed', 'sending');
"""

ERASURES = """
ALTER TABLE erasures
    DROP CONSTRAINT erasures_names_one,
    ADD CONSTRAINT erasures_names_one CHECK (message_id IS NULL OR sender IS NULL);
COMMENT ON COLUMN erasures.sender IS 'with neither sender nor message the erasure takes the whole company';
"""

FIRM = """firm_id = current_firm() AND EXISTS (
    SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = {table}.company_id
    AND (s.until IS NULL OR s.until > now()))"""
"""What quotes a company is its firm's while a share holds."""

NEW = ("verdicts", "contacts", "suppressions", "notices", "told", "mails")

UNKNOWN = """
UPDATE outreach SET state = 'unknown' FROM mails m
WHERE m.kind = 'letter' AND m.ref = outreach.id AND m.state IN ('sending', 'unknown') AND outreach.state = 'queued'
"""
"""Letters that may have arrived: the older level would have them sent once more."""

BEFORE = """
DROP INDEX outreach_live;
UPDATE outreach SET state = 'approved' WHERE state = 'queued';
ALTER TABLE outreach
    DROP COLUMN prompt_version,
    DROP COLUMN receipts,
    DROP COLUMN ticked,
    DROP COLUMN thread,
    DROP COLUMN approved_by,
    DROP COLUMN approved_at,
    DROP CONSTRAINT outreach_state_check,
    ADD CONSTRAINT outreach_state_check CHECK (
        state IN ('draft', 'approved', 'sent', 'rejected', 'expired', 'superseded', 'unknown'));
CREATE UNIQUE INDEX outreach_live ON outreach (watch_id, "window")
    WHERE state IN ('draft', 'approved', 'sent', 'unknown');
ALTER TABLE watches DROP COLUMN weights, DROP COLUMN voice;
COMMENT ON COLUMN erasures.sender IS NULL;
DELETE FROM erasures WHERE message_id IS NULL AND sender IS NULL;
ALTER TABLE erasures
    DROP CONSTRAINT erasures_names_one,
    ADD CONSTRAINT erasures_names_one CHECK ((message_id IS NULL) <> (sender IS NULL));
"""


def upgrade() -> None:
    for statements in (WATCHES, LETTERS, APPROVED, MAILS, ERASURES):
        op.execute(statements)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(NEW)} TO sago_worker")
    op.execute("GRANT SELECT ON verdicts TO sago_api")
    op.execute("ALTER TABLE verdicts ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE verdicts FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY house ON verdicts TO sago_owner, sago_worker USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY firm ON verdicts TO sago_api USING ({FIRM.format(table='verdicts')})")
    op.execute(f"ALTER POLICY firm ON outreach USING ({FIRM.format(table='outreach')})")


def downgrade() -> None:
    op.execute(UNKNOWN)
    op.execute("ALTER POLICY firm ON outreach USING (firm_id = current_firm())")
    op.execute(f"DROP TABLE {', '.join(('told', *(name for name in NEW if name != 'told')))}")
    op.execute(BEFORE)
