"""The rights of the role that the application runs as, and how an installation gets its two roles."""

import asyncio
import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from app.storage.postgres import grants
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.os_account import programs
from app.worker.maintenance.retention import RetentionDays, remove_expired
from tests.harness.databases import as_application, open_compiled

ROLES = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "roles.sql"
AN_ACT = """
    INSERT INTO audit (store_id, id, at, what, actor, subject)
    VALUES (0, gen_random_uuid(), now() - interval '500 days', 'key_created', 'test', 'k')
"""
FORBIDDEN = (
    "CREATE TABLE mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "ALTER TABLE orders ADD COLUMN mine int",
    "DROP TABLE orders",
    "TRUNCATE orders",
    "ALTER TABLE orders DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "CREATE INDEX mine ON orders (store_id)",
    "CREATE OR REPLACE FUNCTION count_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "UPDATE alembic_version SET version_num = '0'",
    "UPDATE audit SET actor = 'somebody else'",
    "TRUNCATE audit",
    "CREATE ROLE mine",
    "COPY orders TO PROGRAM 'cat'",
)


async def connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(**asyncpg_arguments(url))


async def test_the_application_reads_and_writes_rows_and_changes_nothing_else(
    fresh_url: str,
) -> None:
    owner = await connected(fresh_url)
    name = urlsplit(fresh_url).path[1:]
    await owner.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    session = await connected(as_application(fresh_url))
    await session.execute(AN_ACT)
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(statement)
    database = open_compiled(as_application(fresh_url))
    await remove_expired(database, RetentionDays(90, 90, 7, 400))
    await database.close()
    assert await session.fetchval("SELECT count(*) FROM audit") == 0
    # A table of a later migration.
    await owner.execute("CREATE TABLE later (number serial)")
    await session.execute("INSERT INTO later DEFAULT VALUES")
    await session.execute("DELETE FROM later")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("TRUNCATE later")
    await owner.close()
    await session.close()


OWNERS = """
    SELECT array_agg(DISTINCT relowner::regrole::text) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
"""


async def test_another_role_takes_the_place_of_the_first(fresh_url: str) -> None:
    owner = await connected(fresh_url)
    await owner.execute("CREATE ROLE another LOGIN")
    await asyncio.to_thread(grants.give, fresh_url, "another")
    session = await connected(fresh_url.replace("//postgres@", "//another@"))
    await session.execute(AN_ACT)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("UPDATE audit SET actor = 'another'")
    await session.close()
    # Rights of a role are in the way of its end.
    await owner.execute("DROP OWNED BY another")
    await owner.execute("DROP ROLE another")
    await owner.close()


@pytest.mark.one_postgresql("roles.sql of one server")
async def test_an_installation_with_one_role_gets_two(fresh_url: str) -> None:
    parts = urlsplit(fresh_url)
    words = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(ROLES)]
    place = ["--username", "postgres", "--host", parse_qs(parts.query)["host"][0], parts.path[1:]]
    for _ in range(2):
        done = subprocess.run(
            [programs() / words[0], *words[1:], *place],
            env={**os.environ, "OWNER_PASSWORD": "one", "APP_PASSWORD": "other"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    owner = await connected(fresh_url.replace("//postgres@", "//waybill_owner@"))
    assert await owner.fetchval(OWNERS) == ["waybill_owner"]
    # A migration's, by the new owner.
    await owner.execute("ALTER TABLE orders ADD COLUMN later int")
    await owner.close()
