"""Who signed in, out, and was refused is in the audit."""

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from app.storage.stores.sessions import Access
from app.usecases.access import sign_in
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY


async def rows(world: World) -> list[tuple[object, ...]]:
    statement = "SELECT what, actor, subject, api_key, after FROM audit ORDER BY at, what"
    async with world.database.begin() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(statement))]


async def test_a_sign_in_by_key_and_the_sign_out_are_acts(
    world: World, stranger: httpx.AsyncClient
) -> None:
    await stranger.post("/sign-in", data={"key": ADMIN_KEY})
    await stranger.post("/sign-out")
    came, left = await rows(world)
    assert came[:4] == ("signed_in", "admin", "admin", "admin")
    assert came[4] == {"key": "admin", "scope": "admin"}
    assert (left[0], left[1], left[3]) == ("signed_out", "admin", "admin")
    assert ADMIN_KEY not in repr([came, left])


async def test_a_link_and_its_use_are_acts(world: World) -> None:
    access = Access("Jane", None, "write", None, "warehouse")
    link = await sign_in.make_link(world.context, access, "/orders")
    await sign_in.enter(world.context, link.token)
    made, used = await rows(world)
    assert made[:3] == ("sign_in_link_created", "warehouse", "Jane")
    assert used[:3] == ("signed_in", "Jane", "Jane")
    assert link.token not in repr([made, used])


async def test_refused_sign_ins_are_counted_and_their_keys_not_kept(
    world: World, app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    for _ in range(12):
        await stranger.post("/sign-in", data={"key": "wb_guessed"})
    await app.state.refusals.write()
    wrong, too_many = await rows(world)
    assert {row[0] for row in (wrong, too_many)} == {"sign_in_refused"}
    assert sorted(str(row[4]) for row in (wrong, too_many)) == [
        "{'count': 10, 'reason': 'unauthorized'}",
        "{'count': 2, 'reason': 'too_many_attempts'}",
    ]
    assert "guessed" not in repr([wrong, too_many])
