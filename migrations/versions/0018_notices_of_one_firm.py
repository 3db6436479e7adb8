"""A notice tells of one firm's watches: whoever two firms name has two of a day."""

from alembic import op

revision = "0018"
down_revision = "0017"

UP = """
ALTER TABLE notices
    DROP CONSTRAINT notices_email_day_key,
    ADD UNIQUE (firm_id, email, day);
"""
DOWN = """
CREATE TEMPORARY TABLE second_notices ON COMMIT DROP AS
    SELECT id FROM notices n WHERE EXISTS (
        SELECT FROM notices o WHERE (o.email, o.day) = (n.email, n.day) AND o.firm_id < n.firm_id);
DELETE FROM told WHERE notice_id IN (SELECT id FROM second_notices);
DELETE FROM notices WHERE id IN (SELECT id FROM second_notices);
ALTER TABLE notices
    DROP CONSTRAINT notices_firm_id_email_day_key,
    ADD UNIQUE (email, day);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
