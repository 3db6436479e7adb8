"""Texts of events as shares that do not show all of them tell them, made when an event changes: each takes some tenths
of a millisecond or more, and a page has hundreds."""

from alembic import op

revision = "0016"
down_revision = "0015"

SHARED_TEXTS = """
CREATE TABLE shared_texts (
    event_id    uuid NOT NULL REFERENCES significant_events ON DELETE CASCADE,
    granularity text COLLATE "C" NOT NULL CHECK (granularity IN ('exact', 'bands', 'none')),
    sources     text[] COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    made_of     timestamptz NOT NULL,
    texts       jsonb NOT NULL,
    PRIMARY KEY (event_id, granularity, sources)
);
COMMENT ON TABLE shared_texts IS 'what firms read in place of an event''s own words, by what their share shows';
COMMENT ON COLUMN shared_texts.made_of IS 'updated_at of the event they were made of: they count for that alone';
GRANT SELECT, INSERT, UPDATE, DELETE ON shared_texts TO sago_worker;
GRANT SELECT (event_id, granularity, sources, version, made_of, texts) ON shared_texts TO sago_api;
GRANT SELECT (updated_at) ON significant_events TO sago_api;
ALTER TABLE shared_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY house ON shared_texts TO sago_owner, sago_worker USING (true) WITH CHECK (true);
CREATE POLICY firm ON shared_texts FOR SELECT TO sago_api USING (EXISTS (
    SELECT FROM significant_events e JOIN shares s ON s.company_id = e.company_id
    WHERE e.id = shared_texts.event_id AND s.granularity = shared_texts.granularity AND s.sources = shared_texts.sources
));
"""


def upgrade() -> None:
    op.execute(SHARED_TEXTS)


def downgrade() -> None:
    op.execute("REVOKE SELECT (updated_at) ON significant_events FROM sago_api; DROP TABLE shared_texts")
