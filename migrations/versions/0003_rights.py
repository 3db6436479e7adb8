"""Who may do what: `sago_worker` works on everything, `sago_api` sees one firm's rows and what founders share with it.

The roles themselves belong to the cluster, not to this database, so `sago.stores.postgres.migrate` makes them before
any migration runs. `sago_api` says whose request it serves by `SET LOCAL sago.firm_id`; without it it sees nothing.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

GRANTS = """
GRANT USAGE ON SCHEMA public TO sago_worker, sago_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO sago_worker;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM sago_worker;
REVOKE UPDATE, DELETE ON audit_log FROM sago_worker;

GRANT SELECT ON firms, companies, shares, significant_events, event_aliases, metric_points TO sago_api;
GRANT SELECT, INSERT, UPDATE ON watches, outreach, api_keys TO sago_api;
GRANT SELECT, INSERT ON audit_log TO sago_api;
"""

FIRM = """
CREATE FUNCTION current_firm() RETURNS text LANGUAGE sql STABLE
RETURN nullif(current_setting('sago.firm_id', true), '');
"""

FIRM_TABLES = ("watches", "outreach", "api_keys", "audit_log", "shares")
"""Rows that belong to a firm."""

VISIBLE = {
    "firms": "id = current_firm()",
    "companies": """EXISTS (
        SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = companies.company_id
        AND (s.until IS NULL OR s.until > now()))""",
    # the lead proof decides: its source must be one the founder shares
    "significant_events": """EXISTS (
        SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = significant_events.company_id
        AND (s.until IS NULL OR s.until > now())
        AND ('*' = ANY (s.sources) OR split_part(source_messages -> 0 ->> 'message_id', ':', 1) = ANY (s.sources)))""",
    "event_aliases": "EXISTS (SELECT FROM significant_events e WHERE e.id = event_aliases.event_id)",
    "metric_points": """EXISTS (SELECT FROM significant_events e WHERE e.id = metric_points.event_id)
        AND EXISTS (
        SELECT FROM shares s WHERE s.firm_id = current_firm() AND s.company_id = metric_points.company_id
        AND s.granularity = 'exact')""",
}
"""What else `sago_api` may read, as the condition a row must meet."""


def upgrade() -> None:
    op.execute(GRANTS)
    op.execute(FIRM)
    for table in (*FIRM_TABLES, *VISIBLE):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO sago_owner, sago_worker USING (true) WITH CHECK (true)")
    for table in FIRM_TABLES:
        op.execute(f"CREATE POLICY firm ON {table} TO sago_api USING (firm_id = current_firm())")
    for table, condition in VISIBLE.items():
        op.execute(f"CREATE POLICY shared ON {table} FOR SELECT TO sago_api USING ({condition})")


def downgrade() -> None:
    for table in (*FIRM_TABLES, *VISIBLE):
        for policy in ("house", "firm", "shared"):
            op.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM sago_worker, sago_api")
    op.execute("DROP FUNCTION current_firm()")
