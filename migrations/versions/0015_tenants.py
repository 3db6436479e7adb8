"""Tenants of the API: what a key opens, and what the API's own role may see."""

from alembic import op

revision = "0015"
down_revision = "0014"

KEYS = """
ALTER TABLE api_keys
    ALTER COLUMN firm_id DROP NOT NULL,
    ADD COLUMN scopes text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN created_by text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN used_at timestamptz;
REVOKE ALL ON api_keys FROM sago_api;
DROP POLICY firm ON api_keys;
"""
"""A key is looked up before it is known whose it is: by the house, never by a firm."""

KEYS_BEFORE = """
DELETE FROM api_keys WHERE firm_id IS NULL;
ALTER TABLE api_keys
    DROP COLUMN scopes,
    DROP COLUMN created_by,
    DROP COLUMN used_at,
    ALTER COLUMN firm_id SET NOT NULL;
GRANT SELECT, INSERT, UPDATE ON api_keys TO sago_api;
CREATE POLICY firm ON api_keys TO sago_api USING (firm_id = current_firm());
"""


LEAD = """
ALTER TABLE significant_events ADD COLUMN lead_source text COLLATE "C"
    GENERATED ALWAYS AS (split_part(source_messages -> 0 ->> 'message_id', ':', 1)) STORED;
COMMENT ON COLUMN significant_events.lead_source IS 'the source of the first proof: where it is shared the event is';
CREATE INDEX significant_events_newest ON significant_events (company_id, occurred_at DESC, id DESC)
    INCLUDE (lead_source, event_type, severity) WHERE is_active;
CREATE INDEX significant_events_newest_of_source
    ON significant_events (company_id, lead_source, occurred_at DESC, id DESC)
    INCLUDE (event_type, severity) WHERE is_active;
CREATE INDEX watches_firm_id ON watches (firm_id, created_at, id) WHERE is_active;
CREATE INDEX outreach_firm_id ON outreach (firm_id, created_at DESC, id DESC);
"""
"""A column, for an index on the expression would go unused: its functions are not leakproof, and a row policy lets none
of those see a row first."""

LEAD_BEFORE = """
DROP INDEX significant_events_newest, significant_events_newest_of_source, watches_firm_id, outreach_firm_id;
ALTER TABLE significant_events DROP COLUMN lead_source;
"""

LINES = """
ALTER TABLE audit_log ADD COLUMN line uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;
COMMENT ON COLUMN audit_log.line IS 'as a firm names it: the ids of its lines would count those of others in between';
CREATE INDEX audit_log_firm_id ON audit_log (firm_id, id DESC) WHERE firm_id IS NOT NULL;
"""
LINES_BEFORE = "ALTER TABLE audit_log DROP COLUMN line; DROP INDEX audit_log_firm_id;"

READ = {
    "firms": "id, name",
    "shares": "firm_id, company_id, sources, granularity, until, created_at",
    "companies": "company_id, name, founder, founder_title, model_policy",
    "significant_events": "id, company_id, event_type, title, description, impact, metrics, timeline, severity, "
    "stakeholders, source_messages, occurred_at, is_active, lead_source",
    "event_aliases": "alias, event_id",
    "metric_points": "company_id, metric, value, unit, as_of, said_at, event_id",
    "watches": "id, firm_id, company_id, investor, met_on, reason, conditions, direction, weights, created_at, "
    "is_active",
    "outreach": 'id, firm_id, watch_id, company_id, "window", state, sender, recipient, draft, event_ids, composed_by, '
    "prompt_version, receipts, ticked, thread, created_at, approved_by, approved_at",
    "audit_log": "id, line, at, who, action, subject, firm_id, company_id, detail",
}
"""Every column that `sago_api` reads. It writes none, and no other table is open to it. Not among them: the address of
a founder, and how somebody writes, which was learned from their mails. With the people of letters came their addresses,
until 0020."""

HOLDS = """EXISTS (
    SELECT FROM shares s WHERE s.firm_id = (SELECT current_firm()) AND s.company_id = {table}.company_id
    AND (s.until IS NULL OR s.until > now()){further})"""
OF_FIRM = "firm_id = (SELECT current_firm())"
POLICIES = {
    "shares": OF_FIRM,
    "companies": HOLDS.format(table="companies", further=""),
    "significant_events": "is_active AND "
    + HOLDS.format(
        table="significant_events",
        further=" AND (s.until IS NULL OR significant_events.occurred_at < s.until)"
        " AND ('*' = ANY (s.sources) OR significant_events.lead_source = ANY (s.sources))",
    ),
    "event_aliases": "EXISTS (SELECT FROM significant_events e WHERE e.id = event_aliases.event_id)",
    "metric_points": "EXISTS (SELECT FROM significant_events e WHERE e.id = metric_points.event_id) AND "
    + HOLDS.format(table="metric_points", further=" AND s.granularity = 'exact'"),
    "watches": f"is_active AND {OF_FIRM}",
    "outreach": f"{OF_FIRM} AND " + HOLDS.format(table="outreach", further=""),
    "audit_log": f"{OF_FIRM} AND (split_part(action, '.', 1) IN ('key', 'share', 'watch')"
    " OR split_part(action, '.', 1) = 'letter' AND " + HOLDS.format(table="audit_log", further="") + ")",
}
"""Which rows. Of a company whose share is over there is the share, what was done to it, and the firm's own watch. Lines
of the log on connections and persons bear the house's firm, and are not for it."""

RIGHTS_BEFORE = """
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM sago_api;
GRANT SELECT ON firms, companies, shares, significant_events, event_aliases, metric_points, verdicts TO sago_api;
GRANT SELECT, INSERT, UPDATE ON watches, outreach, api_keys TO sago_api;
GRANT SELECT, INSERT ON audit_log TO sago_api;
"""
SHARED_BEFORE = """EXISTS (
    SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = {table}.company_id
    AND (s.until IS NULL OR s.until > now()){further})"""
POLICIES_BEFORE = {
    "shares": "firm_id = current_firm()",
    "companies": SHARED_BEFORE.format(table="companies", further=""),
    "significant_events": SHARED_BEFORE.format(
        table="significant_events",
        further=" AND ('*' = ANY (s.sources)"
        " OR split_part(source_messages -> 0 ->> 'message_id', ':', 1) = ANY (s.sources))",
    ),
    "event_aliases": POLICIES["event_aliases"],
    "metric_points": "EXISTS (SELECT FROM significant_events e WHERE e.id = metric_points.event_id) AND EXISTS ("
    "SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = metric_points.company_id"
    " AND s.granularity = 'exact')",
    "watches": "firm_id = current_firm()",
    "outreach": "firm_id = current_firm() AND " + SHARED_BEFORE.format(table="outreach", further=""),
    "audit_log": "firm_id = current_firm()",
}
OF_FIRM_BEFORE = ("shares", "watches", "outreach", "audit_log")
"""Whose policy was for writing as well, and is called `firm`; the others' is `shared`."""

TASK_RUNS = """
CREATE TABLE task_runs (
    id              uuid PRIMARY KEY,
    name            text COLLATE "C" NOT NULL,
    arguments       jsonb NOT NULL,
    firm_id         text COLLATE "C" REFERENCES firms,
    who             text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C",
    started_at      timestamptz NOT NULL
);
COMMENT ON TABLE task_runs IS 'what people started by name; what became of it is in the result backend';
CREATE INDEX task_runs_newest ON task_runs (firm_id, started_at DESC, id DESC);
CREATE INDEX dead_letters_newest ON dead_letters (failed_at DESC, origin DESC);
GRANT SELECT, INSERT, UPDATE, DELETE ON task_runs TO sago_worker;
GRANT SELECT (id, name, arguments, firm_id, who, started_at) ON task_runs TO sago_api;
ALTER TABLE task_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE task_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY house ON task_runs TO sago_owner, sago_worker USING (true) WITH CHECK (true);
CREATE POLICY firm ON task_runs FOR SELECT TO sago_api USING (firm_id = (SELECT current_firm()));
"""
TASK_RUNS_BEFORE = "DROP TABLE task_runs; DROP INDEX dead_letters_newest;"


def upgrade() -> None:
    op.execute(KEYS)
    op.execute(LEAD)
    op.execute(LINES)
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM sago_api")
    for table, columns in READ.items():
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO sago_api")
    for table, condition in POLICIES.items():
        op.execute(f"DROP POLICY {_before(table)} ON {table}")
        op.execute(f"CREATE POLICY firm ON {table} FOR SELECT TO sago_api USING ({condition})")
    op.execute("DROP POLICY firm ON verdicts")
    op.execute(TASK_RUNS)


def downgrade() -> None:
    op.execute(TASK_RUNS_BEFORE)
    for table, condition in POLICIES_BEFORE.items():
        what = "" if table in OF_FIRM_BEFORE else "FOR SELECT"
        op.execute(f"DROP POLICY firm ON {table}")
        op.execute(f"CREATE POLICY {_before(table)} ON {table} {what} TO sago_api USING ({condition})")
    holds = SHARED_BEFORE.format(table="verdicts", further="")
    op.execute(f"CREATE POLICY firm ON verdicts TO sago_api USING (firm_id = current_firm() AND {holds})")
    op.execute(LINES_BEFORE)
    op.execute(LEAD_BEFORE)
    op.execute(RIGHTS_BEFORE)
    op.execute(KEYS_BEFORE)


def _before(table: str) -> str:
    return "firm" if table in OF_FIRM_BEFORE else "shared"
