"""The unique properties of a store: its code, its name, and its Walmart account in a market."""

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.harness.world import World


def a_store(**changes: Any) -> dict[str, Any]:
    walmart = {"client_id": "seller", "client_secret": "right"}
    return {"name": "Main", "code": "main", "walmart": walmart, **changes}


OTHER = {"client_id": "other", "client_secret": "right"}
TAKEN = [
    ({"name": "Second", "code": "second"}, "walmart_account_taken", "/walmart/client_id"),
    ({"name": "MAIN", "code": "second", "walmart": OTHER}, "store_name_taken", "/name"),
    ({"name": "Second", "walmart": OTHER}, "store_code_taken", "/code"),
]


async def connected(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post("/v1/stores", json=a_store(**changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    found = answer.json()
    return answer.status_code, found["code"], found["errors"][0]["pointer"]


@pytest.mark.parametrize(("changes", "code", "pointer"), TAKEN)
async def test_a_new_store_with_properties_of_another_is_refused(
    client: httpx.AsyncClient, changes: dict[str, Any], code: str, pointer: str
) -> None:
    await connected(client)
    answer = await client.post("/v1/stores", json=a_store(**changes))
    assert refusal(answer) == (409, code, pointer)
    assert len((await client.get("/v1/stores")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"walmart": {"client_id": "seller"}}, "walmart_account_taken", "/walmart/client_id"),
        ({"name": "main"}, "store_name_taken", "/name"),
        ({"code": "main"}, "store_code_taken", "/code"),
    ],
)
async def test_a_changed_store_with_properties_of_another_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], code: str, pointer: str
) -> None:
    first = await connected(client)
    second = await connected(client, name="Second", code="second", walmart=OTHER)
    answer = await client.patch(f"/v1/stores/{second}", json=change)
    assert refusal(answer) == (409, code, pointer)
    # The owner is not revealed.
    assert first not in answer.text
    assert "main" not in answer.json()["detail"].casefold()
    shown = (await client.get(f"/v1/stores/{second}")).json()
    assert (shown["name"], shown["walmart"]["client_id"]) == ("Second", "other")


async def test_an_account_has_one_store_for_each_market(
    client: httpx.AsyncClient,
) -> None:
    await connected(client)
    await connected(client, name="Canada", code="canada", market="CA")


async def test_one_of_several_concurrent_stores_of_an_account_is_connected(
    client: httpx.AsyncClient,
) -> None:
    bodies = [a_store(name=f"Store {n}", code=f"store_{n}") for n in range(6)]
    answers = await asyncio.gather(*(client.post("/v1/stores", json=body) for body in bodies))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 5]


async def test_stores_that_shared_an_account_before_keep_it_until_it_changes(
    world: World, client: httpx.AsyncClient
) -> None:
    await connected(client)
    second = await connected(client, name="Second", code="second", walmart=OTHER)
    # The state after the migration.
    shared = "UPDATE stores SET account_shared = true, walmart_client_id = 'seller' WHERE code = :c"
    async with world.database.begin() as connection:
        await connection.execute(sa.text(shared), {"c": "second"})
    path = f"/v1/stores/{second}"
    assert (await client.patch(path, json={"name": "Renamed"})).is_success
    assert (await client.patch(path, json={"walmart": {"client_id": "seller"}})).is_success
    assert (await client.patch(path, json={"walmart": {"client_id": "other"}})).is_success
    again = await client.patch(path, json={"walmart": {"client_id": "seller"}})
    assert refusal(again)[:2] == (409, "walmart_account_taken")


async def test_a_shared_account_belongs_to_the_oldest_sharer_when_its_owner_changes(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second, third = await three_that_share(world, client)
    for leaving, account in ((first, "other"), (second, "another")):
        path = f"/v1/stores/{leaving}"
        assert (await client.patch(path, json={"walmart": {"client_id": account}})).is_success
        taken = await client.post("/v1/stores", json=a_store(name="New", code="new"))
        assert refusal(taken)[:2] == (409, "walmart_account_taken")
    # It is free once the last one has changed.
    walmart = {"client_id": "fourth"}
    assert (await client.patch(f"/v1/stores/{third}", json={"walmart": walmart})).is_success
    await connected(client, name="New", code="new")


async def test_a_shared_name_belongs_to_the_oldest_sharer_when_its_owner_changes(
    world: World, client: httpx.AsyncClient
) -> None:
    first, _, _ = await three_that_share(world, client)
    assert (await client.patch(f"/v1/stores/{first}", json={"name": "Renamed"})).is_success
    new = a_store(name="MAIN", code="new", walmart={"client_id": "new", "client_secret": "right"})
    assert refusal(await client.post("/v1/stores", json=new))[:2] == (409, "store_name_taken")


async def test_a_shared_account_that_two_stores_change_at_once_stays_the_third_ones(
    world: World, client: httpx.AsyncClient
) -> None:
    leaving = (await three_that_share(world, client))[:2]
    answers = await asyncio.gather(
        *(
            client.patch(f"/v1/stores/{each}", json={"walmart": {"client_id": f"other-{n}"}})
            for n, each in enumerate(leaving)
        )
    )
    assert [each.status_code for each in answers] == [200, 200]
    taken = await client.post("/v1/stores", json=a_store(name="New", code="new"))
    assert refusal(taken)[:2] == (409, "walmart_account_taken")


async def three_that_share(world: World, client: httpx.AsyncClient) -> list[str]:
    """Three stores of one account and one name, as after the migration."""
    found = []
    for n, code in enumerate(("main", "second", "third")):
        walmart = {"client_id": "seller" if n == 0 else code, "client_secret": "right"}
        name = "Main" if n == 0 else code
        found.append(await connected(client, name=name, code=code, walmart=walmart))
    shared = """
        UPDATE stores SET walmart_client_id = 'seller', account_shared = true,
               name = 'Main', name_shared = true
         WHERE code <> 'main'
    """
    async with world.database.begin() as connection:
        await connection.execute(sa.text(shared))
    return found


SECRETS = [
    ("/walmart/client_id", lambda text: {"walmart": {"client_id": text, "client_secret": "s"}}),
    ("/walmart/client_secret", lambda text: {"walmart": {"client_id": "i", "client_secret": text}}),
    ("/commerce/access_token", lambda text: {"commerce": {"access_token": text}}),
    (
        "/notifications/secret",
        lambda text: {"notifications": {"url": "https://x.example/", "secret": text}},
    ),
]


@pytest.mark.parametrize(
    "text", ["sixteen-letters\n", "a b sixteen-letters", "clé-of-sixteen-l", "t\t" * 9]
)
@pytest.mark.parametrize(("pointer", "field"), SECRETS)
async def test_an_unsendable_secret_is_refused(
    world: World, client: httpx.AsyncClient, pointer: str, field: Any, text: str
) -> None:
    refused = await client.post("/v1/stores", json=a_store(**field(text)))
    assert refusal(refused) == (422, "invalid", pointer)
    assert "visible ASCII" in refused.json()["detail"]
    assert text.strip() not in refused.text
    store = await connected(client)
    before = await stored(world)
    assert refusal(await client.patch(f"/v1/stores/{store}", json=field(text))) == (
        422,
        "invalid",
        pointer,
    )
    assert await stored(world) == before


async def stored(world: World) -> list[Any]:
    async with world.database.begin() as connection:
        return list((await connection.execute(sa.text("SELECT * FROM stores"))).all())


async def test_a_store_says_what_walmarts_charge_amount_is_for(client: httpx.AsyncClient) -> None:
    first = await connected(client)
    assert (await client.get(f"/v1/stores/{first}")).json()["charge_amount_is"] == "unit"
    changed = await client.patch(f"/v1/stores/{first}", json={"charge_amount_is": "line"})
    assert changed.json()["charge_amount_is"] == "line"
    for wrong in ("order", None, 1):
        answer = await client.patch(f"/v1/stores/{first}", json={"charge_amount_is": wrong})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/charge_amount_is"
    assert (await client.get(f"/v1/stores/{first}")).json()["charge_amount_is"] == "line"
