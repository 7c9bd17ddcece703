"""A store's people are told of returns that cannot be read and of what Commerce told in vain."""

from alembic import op

revision = "202611260501"
down_revision: str | None = "202611260500"
branch_labels: str | None = None
depends_on: str | None = None

_FUNCTIONS = (
    """
CREATE FUNCTION tell_of_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_of_error(NEW.store_id, 'return', 'import', NEW.import_error->>'code', NEW.id);
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION tell_of_commerce_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_of_error(NEW.store_id, 'commerce_event', NEW.about, NEW.code, NEW.id);
  RETURN NULL;
END $$
""",
)
_TRIGGERS = (
    """
CREATE TRIGGER returns_told AFTER INSERT ON returns FOR EACH ROW
WHEN (NEW.import_error IS NOT NULL) EXECUTE FUNCTION tell_of_return()
""",
    """
CREATE TRIGGER returns_told_later AFTER UPDATE OF import_error ON returns FOR EACH ROW
WHEN (NEW.import_error IS NOT NULL AND OLD.import_error IS NULL)
EXECUTE FUNCTION tell_of_return()
""",
    """
CREATE TRIGGER commerce_events_told AFTER INSERT ON commerce_events FOR EACH ROW
WHEN (NEW.state = 'refused') EXECUTE FUNCTION tell_of_commerce_event()
""",
    """
CREATE TRIGGER commerce_events_told_later AFTER UPDATE OF state ON commerce_events FOR EACH ROW
WHEN (NEW.state = 'refused' AND OLD.state <> 'refused') EXECUTE FUNCTION tell_of_commerce_event()
""",
)


def upgrade() -> None:
    """Make the triggers, which wait for no more than open writes."""
    for statement in (*_FUNCTIONS, *_TRIGGERS):
        op.execute(statement)
