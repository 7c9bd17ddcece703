"""Which constraint an error of the database names, and which errors are transient."""

import asyncpg
import pytest

from app.domain.errors import NotAvailable
from app.storage.postgres.errors import meaning, violated


def _error(message: str, **fields: str) -> asyncpg.PostgresError:
    error = asyncpg.UniqueViolationError(message)
    for name, value in fields.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (_error("of one server", constraint_name="uq_stores_code"), "uq_stores_code"),
        (_error("of a shard", constraint_name="uq_updates_active_102008"), "uq_updates_active"),
        (
            _error('duplicate key value violates unique constraint "uq_stores_code_102008"'),
            "uq_stores_code",
        ),
        (asyncpg.UndefinedTableError('relation "uq_stores_code_102008" does not exist'), None),
    ],
)
def test_a_violated_constraint_is_known_by_its_own_name(
    error: asyncpg.PostgresError, name: str | None
) -> None:
    """A worker of a cluster adds the number of the shard, and may name it in the message only."""
    assert violated(error) == name


def test_a_worker_that_is_lost_within_a_statement_is_a_database_that_is_away() -> None:
    meant = meaning(asyncpg.InternalServerError("failure on connection marked as essential: a:1"))
    assert isinstance(meant, NotAvailable)
    assert meaning(asyncpg.InternalServerError("cache lookup failed")) is None
