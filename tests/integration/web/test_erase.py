"""`waybill erase`: the text of an order goes, and what later deliveries need stays."""

import asyncio
import json
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app.cli import erase as erase_command
from app.cli.database_command import CannotDo
from app.domain import ids
from app.domain.update import State
from app.settings import Settings
from app.storage.queries import UpdateFilter
from app.storage.tables import metadata
from app.usecases.jobs import create, kinds
from app.usecases.jobs.selection import Selection
from app.usecases.orders import erase, ship
from app.usecases.updates import dismiss
from tests.builders import a_package
from tests.harness.world import World
from tests.integration.test_returns import returned
from tests.integration.web.adobe import hook, linked
from tests.integration.web.test_jobs import failed_shipments, finished

TYPED, ECHOED = "Typed-by-a-person", "Echoed-by-Walmart"


async def erased(world: World, order_id: UUID) -> Counter[str]:
    async with world.database.begin() as connection:
        return await erase.erase(connection, world.context.new_id, order_id, actor="command line")


async def stored(world: World) -> dict[str, str]:
    """Every table as text, bytes decoded."""
    found = {}
    async with world.database.begin() as connection:
        for table in metadata.sorted_tables:
            rows = (await connection.execute(sa.select(table))).all()
            found[table.name] = "\n".join(str(value) for row in rows for value in row)
    return found


async def where(world: World) -> set[str]:
    """The tables that have text which a person typed or Walmart returned."""
    return {name for name, text in (await stored(world)).items() if TYPED in text or ECHOED in text}


async def test_text_is_erased_everywhere_and_the_rest_stays(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client, units=3)
    path = f"/v1/orders/{order.id}"
    # A refusal that is retried, and one that a person ends.
    await world.fault("shipping", "refuse", description=ECHOED, times=1)
    line = {"items": [{"line_number": "1", "quantity": 1}]}
    package = {"carrier_code": "ups", "tracking_number": "1ZA", **line}
    shipped = (await client.post(f"{path}/shipments", json=package)).json()
    await world.deliver_until(UUID(shipped["update"]["id"]))
    note = {"note": TYPED}
    headers = {"Idempotency-Key": "once"}
    ended = f"/v1/updates/{shipped['update']['id']}/dismiss"
    assert (await client.post(ended, json=note, headers=headers)).is_success
    # Events of Commerce, a comment, a cancellation with one.
    await hook(outside, "shipment", {"data": {"shipment": {"entity_id": "9", "order_id": "7"}}})
    comment = {"statusHistory": {"comment": TYPED, "is_visible_on_front": 0}}
    said = await client.post("/rest/store_1/V1/orders/7/comments", json=comment)
    assert said.is_success, said.text
    event = (await client.get("/v1/commerce-events")).json()["data"][0]["id"]
    assert (await client.post(f"/v1/commerce-events/{event}/dismiss", json=note)).is_success
    reason = {"reason": "out_of_stock", "comment": TYPED}
    canceled = await client.post(
        f"{path}/cancellation", json=reason, headers={"Idempotency-Key": "cancel"}
    )
    assert canceled.status_code == 202, canceled.text
    await world.deliver_until(UUID(canceled.json()["update"]["id"]))
    assert await where(world) >= {
        "updates", "attempts", "events", "cancellations", "commerce_events", "audit",
        "idempotency_keys",
    }  # fmt: skip
    before = (await client.get(path)).json()
    found = await erased(world, order.id)
    assert await where(world) == set()
    assert found.keys() >= {"tries", "updates", "comments", "timeline entries", "stored answers"}
    # A replay answers as before, but for the text.
    again = await client.post(ended, json=note, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["update"]["note"] == "erased"
    after = (await client.get(path)).json()
    for name in ("status", "lines", "shipments", "sync"):
        assert json.dumps(after[name]).replace("erased", "") == json.dumps(before[name]).replace(
            TYPED, ""
        )
    words = [each["what"] for each in (await client.get(f"{path}/timeline")).json()["data"]]
    assert words[-1] == "text_erased"
    (act,) = (await client.get("/v1/audit", params={"what": "order_text_erased"})).json()["data"]
    assert (act["subject"], act["after"]) == (order.purchase_order_id, dict(found))
    # Once more finds nothing.
    assert not await erased(world, order.id)


async def test_the_note_of_a_job_is_erased_also_where_the_audit_says_who_began_it(
    world: World, client: httpx.AsyncClient
) -> None:
    (order,) = await failed_shipments(world, 1)
    body = {"kind": "dismiss", "updates": {"order_id": str(order.id)}, "note": TYPED}
    job = await finished(world, client, (await client.post("/v1/jobs", json=body)).json())
    assert (job["state"], job["succeeded"]) == ("finished", 1)
    # As a fix of a cause begins one.
    given = {"action": "dismiss", "request": {"note": TYPED, "reason": None}}
    chosen = Selection(updates=UpdateFilter(order_id=order.id))
    store_id = ids.store_of(order.id) or 0
    await create.create(world.context, kinds.FIX, chosen, given, store_id=store_id, actor="test")
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE jobs SET finished_at = now()"))
    assert await where(world) >= {"audit", "jobs"}
    await erased(world, order.id)
    assert await where(world) == set()
    acts = (await client.get("/v1/audit", params={"what": "job_created"})).json()["data"]
    assert [each["after"]["note"] for each in acts] == ["erased", "erased"]


async def test_another_orders_text_stays(world: World, client: httpx.AsyncClient) -> None:
    orders = [await world.an_order(1) for _ in range(2)]
    for order in orders:
        body = {"reason": "out_of_stock", "comment": TYPED}
        answer = await client.post(f"/v1/orders/{order.id}/cancellation", json=body)
        await world.deliver_until(UUID(answer.json()["update"]["id"]))
    await erased(world, orders[0].id)
    assert await where(world) == {"cancellations"}


async def test_the_command_finds_an_order_by_number_and_store_and_says_what_it_did(
    world: World, client: httpx.AsyncClient
) -> None:
    settings = Settings(database_url=world.url)

    async def command(number: str, store: str | None = None) -> str:
        try:
            return await asyncio.to_thread(erase_command.run, settings, number=number, store=store)
        except CannotDo as error:
            return f"1: {error}"

    first, second = [await world.a_store() for _ in range(2)]
    order = await world.an_order(1, store=first)
    number = order.purchase_order_id
    same = {"purchase_order_id": number, "store_id": str(second.id)}
    line = {"lines": [{"line_number": "1", "sku": "A", "quantity": 1}]}
    assert (await client.post("/v1/orders", json=same | line)).status_code == 201
    body = {"reason": "out_of_stock", "comment": TYPED}
    canceled = await client.post(f"/v1/orders/{order.id}/cancellation", json=body)
    for refused, store, words in (
        ("0", None, "There is no order 0."),
        (number, "nowhere", "There is no store nowhere; stores are"),
        (number, None, f"Several stores have an order {number}: {first.code}, {second.code}."),
        (number, first.code, "Nothing was erased."),
    ):
        assert words in await command(refused, store)
    assert await where(world) != set()
    await world.deliver_until(UUID(canceled.json()["update"]["id"]))
    said = await command(number, first.code)
    assert said.startswith(f"order {number}: erased text of 1 comments, ")
    assert await where(world) == set()
    assert await command(number, str(first.id)) == f"order {number}: it had no text to erase"
    acts = (await client.get("/v1/audit", params={"what": "order_text_erased"})).json()["data"]
    assert [act["actor"] for act in acts] == ["command line", "command line"]


async def test_an_order_that_is_not_at_rest_is_refused_and_nothing_is_erased(
    world: World,
) -> None:
    order = await world.an_order(2)
    await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    before = await stored(world)
    with pytest.raises(erase.NotAtRest, match=r"not at rest: shipment \(pending\)"):
        await erased(world, order.id)
    assert await stored(world) == before


async def test_an_order_in_doubt_is_refused_and_a_failed_one_can_be_retried(world: World) -> None:
    order = await world.an_order(2)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    await world.fault("shipping", "refuse", description=ECHOED)
    update = shipped.shipment.update.id
    await world.deliver_until(update)
    assert await erased(world, order.id)
    assert await where(world) == set()
    (detail,) = (await world.order(order.id)).status_details
    assert (detail.message, detail.code) == ("erased", "refused_by_walmart")
    doubt = sa.text("UPDATE updates SET in_doubt_until = now() + interval '1 hour'")
    async with world.database.begin() as connection:
        await connection.execute(doubt)
    with pytest.raises(erase.NotAtRest, match=r"shipment \(in doubt\)"):
        await erased(world, order.id)
    await dismiss.dismiss(world.context, update, note="-", actor="test")
    assert (await world.update(update)).state == State.DISMISSED


async def test_the_comment_of_a_refund_is_erased(world: World, client: httpx.AsyncClient) -> None:
    order, found = await returned(world)
    body: dict[str, Any] = {"comment": TYPED}
    answer = await client.post(f"/v1/returns/{found.id}/refund", json=body)
    assert answer.status_code == 202, answer.text
    await world.deliver_until(UUID(answer.json()["update"]["id"]))
    assert await where(world) >= {"refunds"}
    await erased(world, order.id)
    assert await where(world) == set()
