"""A secret of the house, for what callers hand back and may neither read nor choose."""

from alembic import op

revision = "0019"
down_revision = "0018"

UP = """
CREATE TABLE house_seal (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    secret bytea NOT NULL CHECK (length(secret) = 32)
);
COMMENT ON TABLE house_seal IS 'what seals cursors of the API; a new one makes those that are out there void';
GRANT SELECT, INSERT ON house_seal TO sago_worker;
ALTER TABLE house_seal ENABLE ROW LEVEL SECURITY;
ALTER TABLE house_seal FORCE ROW LEVEL SECURITY;
CREATE POLICY house ON house_seal TO sago_owner, sago_worker USING (true) WITH CHECK (true);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute("DROP TABLE house_seal")
