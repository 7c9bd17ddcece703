"""Where each table is on a cluster (Citus): by a rule, so that a new table has its place."""

import re
from pathlib import Path

from app.storage.tables import metadata
from app.storage.tables.base import is_reference

COPIED = {"api_keys", "oauth_credentials", "replaced_secrets", "stores"}


def test_tables_without_a_store_in_their_key_are_the_known_few() -> None:
    """Each of them is written on all nodes at once, so a large or busy table is none of them."""
    assert {table.name for table in metadata.sorted_tables if is_reference(table)} == COPIED


def test_what_is_unique_in_a_distributed_table_is_unique_in_a_store() -> None:
    for table in metadata.sorted_tables:
        if is_reference(table):
            continue
        assert next(iter(table.primary_key.columns)).name == "store_id", table.name
        for index in table.indexes:
            assert not index.unique or "store_id" in index.columns, index.name


def test_foreign_keys_lead_to_a_copy_or_to_the_rows_of_the_same_store() -> None:
    for table in metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if is_reference(key.referred_table):
                continue
            assert not is_reference(table), key.name
            same = [each for each in key.elements if each.parent.name == "store_id"]
            assert [each.column.name for each in same] == ["store_id"], key.name


def test_migrations_create_tables_by_alembic() -> None:
    """`migrations/env.py` distributes those; a table that SQL text creates it does not see."""
    for path in Path("migrations/versions").glob("*.py"):
        assert not re.search(r"CREATE (UNLOGGED )?TABLE", path.read_text()), path.name
