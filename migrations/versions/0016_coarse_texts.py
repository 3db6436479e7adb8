"""Texts of events as shares that are not exact tell them, made when an event changes: each takes milliseconds, and a
page has hundreds."""

from alembic import op

revision = "0016"
down_revision = "0015"

COARSE_TEXTS = """
CREATE TABLE coarse_texts (
    event_id    uuid NOT NULL REFERENCES significant_events ON DELETE CASCADE,
    granularity text COLLATE "C" NOT NULL CHECK (granularity IN ('bands', 'none')),
    version     integer NOT NULL,
    made_of     timestamptz NOT NULL,
    texts       jsonb NOT NULL,
    PRIMARY KEY (event_id, granularity)
);
COMMENT ON TABLE coarse_texts IS 'what firms read in place of an event''s own words, where figures are not shared';
COMMENT ON COLUMN coarse_texts.made_of IS 'updated_at of the event they were made of: they count for that alone';
GRANT SELECT, INSERT, UPDATE, DELETE ON coarse_texts TO sago_worker;
GRANT SELECT (event_id, granularity, version, made_of, texts) ON coarse_texts TO sago_api;
GRANT SELECT (updated_at) ON significant_events TO sago_api;
ALTER TABLE coarse_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE coarse_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY house ON coarse_texts TO sago_owner, sago_worker USING (true) WITH CHECK (true);
CREATE POLICY firm ON coarse_texts FOR SELECT TO sago_api USING (EXISTS (
    SELECT FROM significant_events e JOIN shares s ON s.company_id = e.company_id
    WHERE e.id = coarse_texts.event_id AND s.granularity = coarse_texts.granularity
));
"""


def upgrade() -> None:
    op.execute(COARSE_TEXTS)


def downgrade() -> None:
    op.execute("REVOKE SELECT (updated_at) ON significant_events FROM sago_api; DROP TABLE coarse_texts")
