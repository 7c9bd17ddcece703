"""The audit: who changed what, in the transaction of the change, and never a secret."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from app.domain.audited_act import MEANINGS, AuditedAct
from app.storage.removal import expired
from app.storage.stores import api_keys
from app.usecases.orders import ship as shipping
from app.web.page import audit_words
from tests.builders import a_package
from tests.harness.world import World
from tests.integration.web.conftest import client_of

# Each is in a request below, and nowhere else.
CANARIES = [f"canary{n}-0123456789abcdef" for n in range(6)]
STORE: dict[str, Any] = {
    "name": "Main",
    "walmart": {"client_id": "seller", "client_secret": CANARIES[0]},
    "commerce": {"base_url": "https://shop.example", "access_token": CANARIES[1]},
    "notifications": {"url": f"https://192.0.2.1/{CANARIES[2]}", "secret": CANARIES[3]},
}


async def key_of(world: World, store_id: int | None, *scopes: str, name: str = "jane") -> str:
    secret = api_keys.new_secret()
    async with world.database.begin() as connection:
        await api_keys.create(
            connection,
            identifier=uuid4(),
            name=name,
            store_id=store_id,
            scopes=frozenset(scopes),
            secret=secret,
        )
    return secret


async def acts(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def changed(client: httpx.AsyncClient, store: str, **changes: Any) -> None:
    answer = await client.patch(f"/v1/stores/{store}", json=changes)
    assert answer.status_code == 200, answer.text


async def test_each_group_of_changed_settings_is_an_act_with_its_values(
    client: httpx.AsyncClient,
) -> None:
    store = (await client.post("/v1/stores", json=STORE)).json()["id"]
    carriers = {"acme": {"other": "Acme", "tracking_url": "https://a.example/{tracking_number}"}}
    await changed(client, store, name="Second", carriers=carriers, time_zone="America/Chicago")
    await changed(client, store, carriers={"ups": "UPS"}, notifications=None)
    found = await acts(client)
    shown = {(each["what"], *sorted(each["before"]), *sorted(each["after"])) for each in found[:-1]}
    assert shown == {
        ("store_changed", "name", "time_zone", "name", "time_zone"),
        ("store_carriers_changed", "carriers.acme"),
        ("store_carriers_changed", "carriers.acme", "carriers.ups"),
        (
            "store_notifications_changed",
            "notifications.host",
            "notifications.kinds",
            "notifications.secret",
            "notifications.url",
        ),
    }
    (renamed,) = (each for each in found if each["what"] == "store_changed")
    assert renamed["before"] == {"name": "Main", "time_zone": None}
    assert renamed["after"] == {"name": "Second", "time_zone": "America/Chicago"}
    assert (found[-1]["what"], found[-1]["subject"], found[-1]["actor"]) == (
        "store_created",
        "Main",
        "admin",
    )


async def test_an_act_says_which_key_asked_from_where_in_which_request(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/v1/stores", json=STORE, headers={"X-Request-ID": "mine"})
    (act,) = await acts(client)
    assert (act["api_key"], act["address"], act["request_id"]) == ("admin", "127.0.0.1", "mine")


async def test_no_secret_is_in_the_audit_not_even_in_the_database(
    world: World, client: httpx.AsyncClient
) -> None:
    store = (await client.post("/v1/stores", json=STORE)).json()["id"]
    await changed(
        client,
        store,
        walmart={"client_secret": CANARIES[4]},
        commerce={"access_token": CANARIES[5]},
        notifications=STORE["notifications"],
    )
    async with world.database.begin() as connection:
        rows = list(await connection.execute(sa.text("SELECT * FROM audit")))
    assert not [canary for canary in CANARIES if canary in repr(rows)]
    found = await acts(client, what="store_credentials_changed")
    assert found[0]["after"] == {
        "walmart.client_secret": "changed",
        "commerce.access_token": "changed",
    }


async def test_a_change_that_is_refused_is_no_act(client: httpx.AsyncClient) -> None:
    store = (await client.post("/v1/stores", json=STORE)).json()["id"]
    answer = await client.patch(f"/v1/stores/{store}", json={"name": "X", "market": "XX"})
    assert answer.status_code == 422
    other = {**STORE, "walmart": {"client_id": "other", "client_secret": "right"}}
    assert (await client.post("/v1/stores", json=other)).status_code == 409
    assert [act["what"] for act in await acts(client)] == ["store_created"]


async def test_a_retry_and_a_dismissal_are_acts(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    await shipping.ship(world.context, order.id, a_package("1ZA"), actor="test")
    async with world.database.begin() as connection:
        update = (await connection.execute(sa.text("SELECT id FROM updates"))).scalar_one()
        await connection.execute(sa.text("UPDATE updates SET state = 'failed'"))
    path = f"/v1/updates/{update}"
    assert (await client.post(f"{path}/retry")).status_code == 202
    answer = await client.post(f"{path}/dismiss", json={"note": "Settled by phone."})
    assert answer.status_code == 200, answer.text
    dismissed, retried, _ = await acts(client)
    assert (retried["what"], retried["subject"]) == ("update_retried", str(update))
    assert (dismissed["what"], dismissed["after"]["note"]) == (
        "update_dismissed",
        "Settled by phone.",
    )
    assert {retried["store_id"], dismissed["store_id"]} == {str(order.store_id)}


async def test_the_audit_is_filtered_and_paged(client: httpx.AsyncClient) -> None:
    store = (await client.post("/v1/stores", json=STORE)).json()["id"]
    for number in range(4):
        await changed(client, store, name=f"Name {number}")
    first = (await client.get("/v1/audit", params={"limit": 2})).json()
    rest = await client.get("/v1/audit", params={"limit": 9, "cursor": first["next_cursor"]})
    shown = [*first["data"], *rest.json()["data"]]
    assert [act["after"]["name"] for act in shown] == [
        *(f"Name {number}" for number in (3, 2, 1, 0)),
        "Main",
    ]
    assert rest.json()["next_cursor"] is None
    assert len(await acts(client, what="store_changed")) == 4
    assert len(await acts(client, what=["store_changed", "store_created"])) == 5
    assert await acts(client, actor="somebody") == []
    at = shown[2]["at"]
    assert len(await acts(client, **{"from": at})) == 3
    assert len(await acts(client, to=at)) == 2
    assert len(await acts(client, store_id=store)) == 5


@pytest.mark.parametrize(
    "query", [{"what": "everything"}, {"from": "yesterday"}, {"cursor": "x"}, {"by": "me"}]
)
async def test_a_wrong_filter_of_the_audit_is_refused(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    assert (await client.get("/v1/audit", params=query)).status_code == 422


async def test_the_audit_is_for_admins_and_a_stores_key_sees_its_store(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    first, second = await world.a_store(), await world.a_store()
    secret = await key_of(world, first.store_id, "admin")
    async with client_of(app, secret) as bound:
        seen = await acts(bound)
        assert [act["store_id"] for act in seen] == [str(first.id)]
        foreign = await bound.get("/v1/audit", params={"store_id": str(second.id)})
        assert foreign.status_code == 404
    async with client_of(app, await key_of(world, None, "write", name="writer")) as writer:
        assert (await writer.get("/v1/audit")).status_code == 403
    assert len(await acts(client, what="store_created")) == 2


async def test_retention_deletes_old_acts_and_no_others(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    await changed(client, str(store.id), name="Renamed")
    async with world.database.begin() as connection:
        # The table's trigger allows no change.
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await connection.execute(
            sa.text(
                "UPDATE audit SET at = now() - interval '401 days' WHERE what = 'store_created'"
            )
        )
    assert await expired.AUDIT.remove(world.database, 400) == 1
    assert [act["what"] for act in await acts(client)] == ["store_changed"]


def test_each_act_has_a_meaning_and_a_sentence() -> None:
    assert MEANINGS.keys() == audit_words.SENTENCES.keys() == set(AuditedAct)
