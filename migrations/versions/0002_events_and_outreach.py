"""Firms and shares, observations and the events folded from them, watches and letters, the audit log."""

from alembic import op

revision = "0002"
down_revision = "0001"

TENANTS = """
CREATE TABLE firms (
    id         text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO firms (id, name) VALUES ('default', 'This house');

CREATE TABLE companies (
    company_id    text COLLATE "C" PRIMARY KEY,
    name          text COLLATE "C" NOT NULL,
    founder       text COLLATE "C",
    founder_title text COLLATE "C" NOT NULL,
    founder_email text COLLATE "C",
    model_policy  text COLLATE "C" NOT NULL DEFAULT 'offline'
                  CHECK (model_policy IN ('offline', 'own_house', 'vendor')),
    created_at    timestamptz NOT NULL
);

CREATE TABLE shares (
    firm_id     text COLLATE "C" NOT NULL REFERENCES firms,
    company_id  text COLLATE "C" NOT NULL REFERENCES companies,
    sources     text[] COLLATE "C" NOT NULL,
    granularity text COLLATE "C" NOT NULL CHECK (granularity IN ('exact', 'bands', 'none')),
    until       timestamptz,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (firm_id, company_id)
);
COMMENT ON COLUMN shares.sources IS 'names of sources; {*} is every source';

CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    firm_id    text COLLATE "C" NOT NULL REFERENCES firms,
    prefix     text COLLATE "C" NOT NULL UNIQUE,
    key_sha256 bytea NOT NULL,
    name       text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
"""

EVENTS = """
CREATE TABLE observations (
    company_id        text COLLATE "C" NOT NULL,
    message_id        text COLLATE "C" NOT NULL,
    version           bigint NOT NULL,
    source            text COLLATE "C" NOT NULL,
    sender            text COLLATE "C" NOT NULL,
    start             integer NOT NULL,
    "end"             integer NOT NULL,
    quote             text COLLATE "C" NOT NULL,
    event_type        text COLLATE "C" NOT NULL,
    status            text COLLATE "C" NOT NULL CHECK (status IN ('actual', 'planned', 'hypothetical', 'denied')),
    severity          text COLLATE "C" NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    title             text COLLATE "C" NOT NULL,
    description       text COLLATE "C" NOT NULL,
    impact            text COLLATE "C" NOT NULL,
    subject           text COLLATE "C",
    metrics           jsonb NOT NULL,
    stakeholders      jsonb NOT NULL,
    corrects          boolean NOT NULL,
    extractor         text COLLATE "C" NOT NULL,
    extractor_version text COLLATE "C" NOT NULL,
    said_at           timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL,
    PRIMARY KEY (company_id, message_id, version, start, "end", event_type, extractor, extractor_version)
);

CREATE TABLE extractions (
    company_id        text COLLATE "C" NOT NULL,
    message_id        text COLLATE "C" NOT NULL,
    version           bigint NOT NULL,
    extractor         text COLLATE "C" NOT NULL,
    extractor_version text COLLATE "C" NOT NULL,
    finished_at       timestamptz NOT NULL,
    PRIMARY KEY (company_id, message_id, version, extractor, extractor_version)
);

CREATE TABLE rejections (
    company_id  text COLLATE "C" NOT NULL,
    event_id    uuid NOT NULL,
    rejected_by text COLLATE "C" NOT NULL,
    because     text COLLATE "C" NOT NULL,
    rejected_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, event_id, rejected_by)
);

CREATE TABLE significant_events (
    id              uuid PRIMARY KEY,
    company_id      text COLLATE "C" NOT NULL,
    event_type      text COLLATE "C" NOT NULL,
    title           text COLLATE "C" NOT NULL,
    description     text COLLATE "C" NOT NULL,
    impact          text COLLATE "C" NOT NULL,
    metrics         jsonb NOT NULL,
    timeline        text COLLATE "C" NOT NULL,
    severity        text COLLATE "C" NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    stakeholders    jsonb NOT NULL,
    source_messages jsonb NOT NULL CHECK (jsonb_array_length(source_messages) > 0),
    occurred_at     timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    is_active       boolean NOT NULL
);
CREATE INDEX significant_events_company_id ON significant_events (company_id);
CREATE INDEX significant_events_event_type ON significant_events (event_type);
CREATE INDEX significant_events_created_at ON significant_events (created_at);
CREATE INDEX significant_events_severity ON significant_events (severity);
CREATE INDEX significant_events_is_active ON significant_events (is_active);

CREATE TABLE event_aliases (
    alias      uuid PRIMARY KEY,
    event_id   uuid NOT NULL,
    company_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX event_aliases_event_id ON event_aliases (event_id);

CREATE TABLE metric_points (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text COLLATE "C" NOT NULL,
    metric     text COLLATE "C" NOT NULL,
    value      double precision NOT NULL,
    unit       text COLLATE "C" NOT NULL,
    as_of      timestamptz NOT NULL,
    said_at    timestamptz NOT NULL,
    event_id   uuid NOT NULL
);
CREATE INDEX metric_points_series ON metric_points (company_id, metric, as_of);
"""

OUTREACH = """
CREATE TABLE watches (
    id         uuid PRIMARY KEY,
    firm_id    text COLLATE "C" NOT NULL REFERENCES firms,
    company_id text COLLATE "C" NOT NULL,
    investor   jsonb,
    met_on     date,
    reason     text COLLATE "C" NOT NULL,
    conditions jsonb NOT NULL,
    direction  text COLLATE "C" NOT NULL CHECK (direction IN ('to_founder', 'to_investor')),
    created_at timestamptz NOT NULL,
    is_active  boolean NOT NULL
);
CREATE INDEX watches_company_id ON watches (company_id);

CREATE TABLE outreach (
    id          uuid PRIMARY KEY,
    firm_id     text COLLATE "C" NOT NULL REFERENCES firms,
    watch_id    uuid NOT NULL,
    company_id  text COLLATE "C" NOT NULL,
    "window"    text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL CHECK (
                state IN ('draft', 'approved', 'sent', 'rejected', 'expired', 'superseded', 'unknown')),
    sender      jsonb NOT NULL,
    recipient   jsonb,
    draft       jsonb NOT NULL,
    event_ids   uuid[] NOT NULL,
    composed_by text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX outreach_live ON outreach (watch_id, "window") WHERE state IN ('draft', 'approved', 'sent');
CREATE INDEX outreach_company_id ON outreach (company_id);

CREATE TABLE audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    who        text COLLATE "C" NOT NULL,
    action     text COLLATE "C" NOT NULL,
    subject    text COLLATE "C" NOT NULL,
    firm_id    text COLLATE "C",
    company_id text COLLATE "C",
    detail     jsonb NOT NULL
);
CREATE INDEX audit_log_subject ON audit_log (subject);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- a trigger beside the missing grants: it binds the owner and a superuser too
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

TABLES = (
    "audit_log", "outreach", "watches", "metric_points", "event_aliases", "significant_events", "rejections",
    "extractions", "observations", "api_keys", "shares", "companies", "firms",
)  # fmt: skip


def upgrade() -> None:
    for statements in (TENANTS, EVENTS, OUTREACH):
        op.execute(statements)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(TABLES)}")
    op.execute("DROP FUNCTION refuse_change()")
