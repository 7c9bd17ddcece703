"""API keys in the database: found by their secret only, and only while they are valid."""

import asyncio
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.storage.postgres.database import Database
from app.storage.stores import api_keys as keys
from app.storage.stores import stores
from app.storage.tables import api_keys
from tests.harness.world import World


async def made(
    database: Database, name: str = "commerce", scopes: frozenset[str] = frozenset({"read"})
) -> str:
    """Create a key for every store; return its secret."""
    secret = keys.new_secret()
    async with database.begin() as connection:
        await keys.create(
            connection, identifier=uuid4(), name=name, store_id=None, scopes=scopes, secret=secret
        )
    return secret


def test_a_secret_has_a_prefix_and_is_unique() -> None:
    first, second = keys.new_secret(), keys.new_secret()
    assert first != second
    assert (first[:3], len(first)) == ("wb_", 46)
    assert set(first[3:]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


async def test_a_key_is_found_only_by_its_secret(database: Database) -> None:
    secret = await made(database, scopes=frozenset({"read", "write"}))
    async with database.begin() as connection:
        found = await keys.find(connection, secret)
        assert found is not None
        assert (found.name, found.store_id) == ("commerce", None)
        assert found.scopes == {"read", "write"}
        for wrong in (
            secret[:-1],
            secret + "x",
            secret.swapcase(),
            "commerce",
            "",
            "\x00",
            "\ud800",
        ):
            assert await keys.find(connection, wrong) is None


async def test_the_database_does_not_hold_the_secret(database: Database) -> None:
    secret = await made(database)
    async with database.begin() as connection:
        (row,) = (await connection.execute(sa.select(api_keys))).all()
    assert secret not in repr(row)
    assert secret.encode() not in bytes(row.secret_hash)


async def test_a_revoked_key_is_listed_and_invalid(database: Database) -> None:
    secret, other = await made(database), await made(database, "another")
    async with database.begin() as connection:
        assert await keys.revoke(connection, "commerce")
        assert await keys.find(connection, secret) is None
        assert await keys.find(connection, other) is not None
        listed = {key.name: key.revoked_at is None for key in await keys.list_keys(connection)}
    assert listed == {"commerce": False, "another": True}


async def test_only_an_existing_key_is_revoked_and_only_once(database: Database) -> None:
    await made(database)
    async with database.begin() as connection:
        assert not await keys.revoke(connection, "unknown")
        assert await keys.revoke(connection, "commerce")
        assert not await keys.revoke(connection, "commerce")


async def test_a_name_is_never_used_twice_even_after_its_key_was_revoked(
    database: Database,
) -> None:
    await made(database)
    async with database.begin() as connection:
        await keys.revoke(connection, "commerce")
    with pytest.raises(keys.NameTaken):
        await made(database)


async def test_one_of_two_concurrent_keys_with_a_name_is_refused(database: Database) -> None:
    ended = await asyncio.gather(
        *(made(database, "wanted") for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in ended) == ["NameTaken"] * 4 + ["str"]


async def test_a_person_names_a_store_by_its_code_or_its_id(world: World) -> None:
    await world.a_store()
    store = await world.a_store()
    async with world.database.begin() as connection:
        for name in (store.code, str(store.id), str(store.id).upper()):
            assert await stores.identity(connection, name) == (store.store_id, store.id)
        assert await stores.identity(connection, str(uuid4())) is None
