"""Tenants of the API: what a key opens, and what the API's own role may see."""

from alembic import op

revision = "0014"
down_revision = "0013"

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


def upgrade() -> None:
    op.execute(KEYS)


def downgrade() -> None:
    op.execute(KEYS_BEFORE)
