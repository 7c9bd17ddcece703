"""The schema: brought to head, and compared with it."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

_ROOT = Path(__file__).resolve().parent.parent.parent


def _config(url: str | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    if url is not None:
        config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the schema to head; safe to run from every replica at once."""
    command.upgrade(_config(url), "head")


def head_revision() -> str:
    """The newest revision this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 - there is always a first migration
    return head


def current_revision(connection: sa.Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()
