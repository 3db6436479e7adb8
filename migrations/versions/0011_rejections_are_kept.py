"""A rejection that is taken back is kept, with who did so, when and why; the same person may reject the event again.

A worker may add a word and say that it is taken back; it changes and deletes none.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

TAKEN_BACK = """
ALTER TABLE rejections
    ADD COLUMN restored_by text COLLATE "C",
    ADD COLUMN restored_at timestamptz,
    ADD COLUMN restored_because text COLLATE "C",
    ADD CONSTRAINT rejections_restored CHECK (num_nulls(restored_by, restored_at, restored_because) IN (0, 3)),
    DROP CONSTRAINT rejections_pkey,
    ADD PRIMARY KEY (company_id, event_id, rejected_by, rejected_at);
CREATE UNIQUE INDEX rejections_in_force ON rejections (company_id, event_id, rejected_by) WHERE restored_at IS NULL;
REVOKE UPDATE, DELETE ON rejections FROM sago_worker;
GRANT UPDATE (restored_by, restored_at, restored_because) ON rejections TO sago_worker;
"""

BEFORE = """
DELETE FROM rejections WHERE restored_at IS NOT NULL;
DROP INDEX rejections_in_force;
ALTER TABLE rejections
    DROP CONSTRAINT rejections_pkey,
    DROP COLUMN restored_by,
    DROP COLUMN restored_at,
    DROP COLUMN restored_because,
    ADD PRIMARY KEY (company_id, event_id, rejected_by);
GRANT UPDATE, DELETE ON rejections TO sago_worker;
"""


def upgrade() -> None:
    op.execute(TAKEN_BACK)


def downgrade() -> None:
    op.execute(BEFORE)
