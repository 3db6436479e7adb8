"""A page of a company's figures over all metrics, read in the order in which they were true."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("CREATE INDEX metric_points_places ON metric_points (company_id, as_of, metric, event_id, unit)")


def downgrade() -> None:
    op.execute("DROP INDEX metric_points_places")
