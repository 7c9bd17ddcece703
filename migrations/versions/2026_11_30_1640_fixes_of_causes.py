"""Index failed updates by their cause with the value that would be right."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "202611301640"
down_revision: str | None = "202611301637"
branch_labels: str | None = None
depends_on: str | None = None

_VALUE = (
    "COALESCE(\nCASE\n"
    "    WHEN (last_error ->> 'code') = 'method_code_not_supported' "
    "THEN payload ->> 'method_code'\n"
    "    WHEN (last_error ->> 'code') = ANY (ARRAY['carrier_not_supported', "
    "'tracking_url_required', 'tracking_number_refused']) "
    "THEN COALESCE((payload -> 'carrier') ->> 'carrier', (payload -> 'carrier') ->> 'other')\n"
    "    ELSE NULL\nEND, '')"
)
_EXPECTED = (
    "COALESCE(\nCASE\n"
    "    WHEN (last_error ->> 'code') = ANY (ARRAY['carrier_not_supported', "
    "'tracking_url_required', 'tracking_number_refused', 'method_code_not_supported']) "
    "THEN (last_error -> 'params') ->> 'expected'\n"
    "    ELSE NULL\nEND, '')"
)


def upgrade() -> None:
    """Make the index; it has all that the one before had."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_updates_failed_fixes",
            "updates",
            [
                "store_id",
                "kind",
                sa.text("COALESCE(last_error ->> 'code', '')"),
                sa.text(_VALUE),
                sa.text(_EXPECTED),
                "created_at",
                "id",
            ],
            where="state = 'failed'",
        )
        concurrently.drop("ix_updates_failed_causes", "updates")
