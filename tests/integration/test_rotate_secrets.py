"""Change of the encryption key: interrupted, continued, while secrets change, old key dropped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.dialects.postgresql import BYTEA

from app.storage.stores import api_keys, oauth_keys, sealed, stores
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import metadata
from app.usecases.context import AppContext
from app.usecases.stores import manage, rotate_secrets
from tests.harness.world import World

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
# BYTEA columns that are digests or answers.
NOT_SECRET = {"secret_hash", "admin_hash", "fingerprint", "body"}


def with_keys(world: World, *keys: str) -> AppContext:
    """The use cases of a process with these encryption keys."""
    return replace(world.context, cipher=SecretCipher(keys))


async def filled(world: World) -> oauth_keys.OAuthCredentials:
    """Two stores and OAuth credentials, with every secret set, under the old key."""
    context, credentials = with_keys(world, OLD), oauth_keys.new_credentials()
    for number in (1, 2):
        given: dict[str, Any] = {
            "name": f"Store {number}",
            "walmart_client_id": f"seller-{number}",
            "walmart_client_secret": "right",
            "commerce_base_url": "https://shop.example",
            "commerce_access_token": f"token-{number}",
            "notifications_url": "https://203.0.113.1/hook",
            "notifications_secret": "n" * 32,
        }
        await manage.create(context, manage.NewStore(**given), actor="t")
    async with world.database.begin() as connection:
        values = {"webhook_secret": context.cipher.seal("hook")}
        await connection.execute(sa.update(metadata.tables["stores"]).values(values))
        identifier = uuid4()
        await api_keys.create(
            connection,
            identifier=identifier,
            name="signs",
            store_id=None,
            scopes=frozenset({"read"}),
            secret=None,
        )
        await oauth_keys.create(connection, identifier, credentials, context.cipher)
    return credentials


@contextmanager
def broken_off(world: World, after: int) -> Iterator[None]:
    """Let the connection of a process fail at its nth change of a secret."""
    seen: list[str] = []

    def counted(*given: Any) -> None:
        statement = given[2]
        if statement.startswith(("UPDATE stores", "UPDATE oauth")):
            seen.append(statement)
            if len(seen) > after:
                raise KeyboardInterrupt

    engine = world.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", counted)
    yield
    sa.event.remove(engine, "before_cursor_execute", counted)


async def test_an_interrupted_change_is_continued_and_the_old_key_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = await filled(world)
    monkeypatch.setattr(rotate_secrets, "BATCH", 1)
    both = with_keys(world, NEW, OLD)
    before = await rotate_secrets.examine(both)
    assert (before.total, before.older, before.newest) == (12, 12, 0)
    with broken_off(world, 7), pytest.raises(KeyboardInterrupt):
        await rotate_secrets.rotate(both)
    half = await rotate_secrets.examine(both)
    assert 0 < half.newest < 12
    # Each process can read all of them meanwhile.
    assert half.unreadable == []
    rest = await rotate_secrets.rotate(both)
    assert (rest.newest, rest.renewed) == (half.newest, half.older)
    again = await rotate_secrets.rotate(both)
    assert (again.newest, again.renewed, again.older) == (12, 0, 0)
    only = with_keys(world, NEW)
    assert (await rotate_secrets.examine(only)).newest == 12
    assert (await only.account(1)).client_secret == "right"
    commerce = await only.commerce_connection(2)
    assert commerce is not None
    assert commerce.access_token == "token-2"
    async with world.database.begin() as connection:
        found = await oauth_keys.find(connection, credentials.consumer_key, only.cipher)
        acts = await connection.execute(
            sa.text("SELECT sum((after->>'secrets')::int) FROM audit WHERE what LIKE 'secrets%'")
        )
    assert found is not None
    assert found.credentials == credentials
    assert acts.scalar_one() == 12
    unread = await rotate_secrets.examine(with_keys(world, OLD))
    assert len(unread.unreadable) == 12


async def test_a_secret_that_changes_meanwhile_stays_as_it_was_changed(world: World) -> None:
    await filled(world)
    both = with_keys(world, NEW, OLD)
    async with world.database.begin() as connection:
        (row, _) = await sealed.read(connection, "stores", None, 9)
        newer = both.cipher.seal("newer")
        await stores.change(connection, row.key, {"walmart_client_secret": newer})
        name, value = (
            "walmart_client_secret",
            both.cipher.renew(row.values["walmart_client_secret"]),
        )
        assert not await sealed.replace(connection, row, name, value)
    assert (await both.account(row.key)).client_secret == "newer"


def test_every_column_of_bytes_is_a_digest_or_is_encrypted_anew() -> None:
    columns = [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, BYTEA) and column.name not in NOT_SECRET
    ]
    found = [column for table in sealed.tables() for column in sealed.columns_of(table)]
    assert set(columns) == set(found)
    assert len(found) >= 7
