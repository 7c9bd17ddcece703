"""Until when a write may still take effect, and what else a delivery decides by.

The version before writes may_have_left_at; while it runs beside this one, a trigger turns that into
in_doubt_until. It names only that column, so that this version's writes cost nothing more.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611290100"
down_revision: str | None = "202611260600"
branch_labels: str | None = None
depends_on: str | None = None

_FUNCTION = """
CREATE FUNCTION updates_in_doubt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.in_doubt_until := NEW.may_have_left_at + interval '120 seconds';
  RETURN NEW;
END $$
"""
_TRIGGER = """
CREATE TRIGGER updates_in_doubt BEFORE UPDATE OF may_have_left_at ON updates FOR EACH ROW
WHEN (NEW.ambiguous AND NEW.may_have_left_at IS DISTINCT FROM OLD.may_have_left_at)
EXECUTE FUNCTION updates_in_doubt()
"""
# The default of WAYBILL_QUIET_PERIOD; few rows are in doubt at any time.
_BACKFILL = """
UPDATE updates SET in_doubt_until = may_have_left_at + interval '120 seconds'
 WHERE ambiguous AND may_have_left_at IS NOT NULL AND state <> 'confirmed'
"""


def upgrade() -> None:
    """Add columns that no row is written for, then the doubt of what is unclear."""
    op.add_column("updates", sa.Column("in_doubt_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("updates", sa.Column("known_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "updates", sa.Column("faults", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("refunds", sa.Column("landed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)
    # mutation: doubt-backfill
    op.execute(_BACKFILL)
