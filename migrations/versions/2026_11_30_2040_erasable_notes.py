"""Let the note of an act in the audit be erased, and change nothing else of it."""

from alembic import op

revision = "202611302040"
down_revision: str | None = "202611302034"
branch_labels: str | None = None
depends_on: str | None = None

# Without a mark on the transaction, which would not reach the workers of Citus.
_FUNCTION = """
CREATE OR REPLACE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('waybill.retention', true) = 'audit' THEN
        IF OLD.at < now() - interval '1 day' THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.after ? 'note' AND NEW.after = OLD.after || '{"note": "erased"}'
           AND to_jsonb(NEW) - 'after' = to_jsonb(OLD) - 'after' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of the audit are neither changed nor deleted, except by retention'
        USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    """Replace the function of the triggers; the table is not locked."""
    op.execute(_FUNCTION)
