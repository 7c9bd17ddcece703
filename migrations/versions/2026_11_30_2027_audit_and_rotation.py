"""Let nothing but retention delete rows of the audit, and nothing change them; rotate API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, UUID

revision = "202611302027"
down_revision: str | None = "202611302008"
branch_labels: str | None = None
depends_on: str | None = None

_FUNCTION = """
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('waybill.retention', true) = 'audit' THEN
        IF OLD.at < now() - interval '1 day' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows of the audit are neither changed nor deleted, except by retention'
        USING ERRCODE = 'restrict_violation';
END
$$
"""
_ROWS = """
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION keep_audit()
"""
_TABLE = """
CREATE TRIGGER keep_audit_table BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()
"""


def upgrade() -> None:
    """Make the triggers, which wait for no more than open writes, and a table."""
    for statement in (_FUNCTION, _ROWS, _TABLE):
        op.execute(statement)
    op.create_table(
        "replaced_secrets",
        sa.Column("secret_hash", BYTEA(), nullable=False),
        sa.Column("key_id", UUID(as_uuid=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_replaced_secrets")),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_replaced_secrets_key_id_api_keys")
        ),
    )
    op.create_index("ix_replaced_secrets_key_id", "replaced_secrets", ["key_id"])
    op.add_column("api_keys", sa.Column("rotated_at", sa.DateTime(timezone=True)))
