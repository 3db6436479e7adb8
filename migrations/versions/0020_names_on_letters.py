"""Of the people of a letter the API's role reads what they are called, and no address: one of them is a founder."""

from alembic import op

revision = "0020"
down_revision = "0019"

UP = """
ALTER TABLE outreach
    ADD COLUMN sender_name text COLLATE "C" GENERATED ALWAYS AS (sender ->> 'name') STORED,
    ADD COLUMN recipient_name text COLLATE "C" GENERATED ALWAYS AS (recipient ->> 'name') STORED;
REVOKE SELECT (sender, recipient) ON outreach FROM sago_api;
GRANT SELECT (sender_name, recipient_name) ON outreach TO sago_api;
"""
DOWN = """
ALTER TABLE outreach DROP COLUMN sender_name, DROP COLUMN recipient_name;
GRANT SELECT (sender, recipient) ON outreach TO sago_api;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
