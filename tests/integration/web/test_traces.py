"""Each operation that changes something leaves a trace that says who did it.

The rule: what changes an order is in the order's timeline, as an update that names who asked for it
or as an event; everything else that a person or a key changes is in the audit. Stock levels are
updates. The operations and pages come from the app.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi.routing import APIRoute

from app.storage.queries.views import StoreView
from app.web import export
from app.web.page import pages
from tests.harness.world import World
from tests.integration.page.test_every_route import of_a_store
from tests.integration.web.test_commerce_api import BODY, linked, tracks

AUDIT, TIMELINE, UPDATE = "audit", "timeline", "updates"
NOTHING = "nothing"
"""Reads, tries or computes."""
WEBHOOK = "webhook"
"""No person or key asks: Commerce or Walmart says what happened there."""
# Operations that are done below, by the table in which they leave a row.
DONE = {
    "create_store": AUDIT,
    "update_store": AUDIT,
    "create_key": AUDIT,
    "rotate_key": AUDIT,
    "revoke_key": AUDIT,
    "create_sign_in_link": AUDIT,
    "end_session": AUDIT,
    "create_job": AUDIT,
    "retry_update": AUDIT,
    "retry_updates": AUDIT,
    "dismiss_update": AUDIT,
    "dismiss_updates": AUDIT,
    "register_order": TIMELINE,
    "import_order": TIMELINE,
    "update_order": TIMELINE,
    "refresh_order": TIMELINE,
    "refresh_orders": TIMELINE,
    "ship_order": TIMELINE,
    "correct_tracking": TIMELINE,
    "ship_packages": TIMELINE,
    "ship_orders": TIMELINE,
    "cancel_order": TIMELINE,
    "cancel_orders": TIMELINE,
    "commerce_ship_order": TIMELINE,
    "commerce_cancel_order": TIMELINE,
    "commerce_add_comment": TIMELINE,
    "put_inventory": UPDATE,
}
# Operations of which another test reads the trace.
ELSEWHERE = {
    "test_notifications": "test_try_stores.py",
    "subscribe_store": "test_try_stores.py",
    "fix_update": "test_fixes.py",
    "fix_attention": "test_attention.py",
    "retry_commerce_event": "test_commerce_events.py",
    "dismiss_commerce_event": "test_commerce_events.py",
    "refund_return": "test_return_orders.py",
    "commerce_refund_order": "test_commerce_api.py",
    "commerce_refund_credit_memo": "test_commerce_shipments.py",
    "commerce_save_shipment": "test_commerce_shipments.py",
    "commerce_save_track": "test_commerce_tracks.py",
    "commerce_delete_track": "test_commerce_tracks.py",
}
OTHERS = {
    **dict.fromkeys(("verify_store", "try_store"), NOTHING),
    **dict.fromkeys(
        ("receive_walmart_event", "receive_adobe_events", "receive_commerce_webhook"), WEBHOOK
    ),
}
# Forms, by the operations of which they use the use cases.
FORMS = {
    "/orders/selection": "create_job",
    "/orders/import": "import_order",
    "/orders/ship-many": "ship_orders",
    "/attention/{group_id}/fix": "fix_attention",
    "/returns/{return_id}/refund": "refund_return",
    "/stores/connect": "try_store",
    "/stores/connect/walmart": "create_store",
    "/stores/{store_id}/walmart": "update_store",
    "/stores/{store_id}/commerce": "update_store",
    "/stores/{store_id}/carriers": "update_store",
    "/stores/{store_id}/settings": "update_store",
    "/stores/{store_id}/notifications": "update_store",
    "/stores/{store_id}/notifications/test": "test_notifications",
    "/stores/{store_id}/announce": "subscribe_store",
    "/stores/{store_id}/verify": "verify_store",
    "/keys/new": "create_key",
    "/keys/{key_id}/revoke": "revoke_key",
    "/keys/{key_id}/rotate": "rotate_key",
    "/orders/{order_id}/ship": "ship_order",
    "/orders/{order_id}/cancel": "cancel_order",
    "/orders/{order_id}/shipments/{shipment_id}/correct": "correct_tracking",
    "/updates/{update_id}/settle": "dismiss_update",
    "/updates/{update_id}/retry": "retry_update",
    "/orders/{order_id}": "refresh_order",
    "/orders/{order_id}/import": "import_order",
    "/updates/{update_id}/fix": "fix_update",
    "/commerce-events/{event_id}/retry": "retry_commerce_event",
    "/commerce-events/{event_id}/settle": "dismiss_commerce_event",
    "/sign-out": "end_session",
    # In the audit by `tests/integration/page/test_audit_of_access.py`.
    "/sign-in": "create_sign_in_link",
    "/enter/{token}": "create_sign_in_link",
    # Cookies, a session that lasts longer, buyers of the simulator.
    **dict.fromkeys(("/language", "/orders/views", "/stay", "/demo/{act}"), "try_store"),
}
PREVIEWS = "preview_"


def test_every_operation_and_form_that_changes_something_has_its_trace() -> None:
    changing = {
        operation["operationId"]
        for methods in export.document()["paths"].values()
        for method, operation in methods.items()
        if method != "get" and not operation["operationId"].startswith(PREVIEWS)
    }
    known = DONE.keys() | ELSEWHERE.keys() | OTHERS.keys()
    assert changing ^ known == set()
    forms = {
        route.path
        for router in pages.PAGES
        for route in router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    assert forms == FORMS.keys()
    assert set(FORMS.values()) <= known
    tests = Path(__file__).parents[1]
    assert [each for each in ELSEWHERE.values() if not list(tests.rglob(each))] == []


@dataclass
class Doing:
    """Does operations, and compares what they leave with the rule."""

    world: World
    client: httpx.AsyncClient
    done: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)

    async def do(self, operation: str, method: str, path: str, **request: Any) -> Any:
        before = await self._rows()
        answer = await self.client.request(method, path, **request)
        table = DONE[operation]
        left = (await self._rows())[table] - before[table]
        if not answer.is_success or not left:
            self.wrong[operation] = (answer.status_code, left, answer.text[:300])
        self.done[operation] = table
        return answer.json() if answer.headers["content-type"] == "application/json" else None

    async def _rows(self) -> dict[str, int]:
        counted = (
            "(SELECT count(*) FROM audit WHERE actor = 'admin') AS audit, "
            "(SELECT count(*) FROM updates WHERE requested_by = 'admin') AS updates, "
            "(SELECT count(*) FROM events WHERE actor = 'admin') AS events"
        )
        async with self.world.database.begin() as connection:
            row = (await connection.execute(sa.text(f"SELECT {counted}"))).mappings().one()
        # Updates are in the timeline of their order, with who asked for them.
        return {**row, TIMELINE: row["events"] + row[UPDATE]}


async def test_an_operation_that_is_done_leaves_its_trace(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    ids, doing = await of_a_store(world, store), Doing(world, client)
    do, stores = doing.do, "/v1/stores"
    walmart = {"client_id": "new", "client_secret": "right"}
    await do("create_store", "POST", stores, json={"name": "New", "walmart": walmart})
    await do("update_store", "PATCH", f"{stores}/{store.id}", json={"carriers": {"acme": "UPS"}})
    level = {"items": [{"sku": "LAMP", "quantity": 5}]}
    await do("put_inventory", "PUT", f"{stores}/{store.id}/inventory", json=level)
    made = await do("create_key", "POST", "/v1/keys", json={"name": "one", "scope": "read"})
    key = f"/v1/keys/{made['key']['id']}"
    await do("rotate_key", "POST", f"{key}/rotate")
    await do("revoke_key", "DELETE", key)
    link = {"name": "Jane", "scope": "read", "path": "/orders"}
    made = await do("create_sign_in_link", "POST", "/v1/sign-in-links", json=link)
    entering = {"Sec-Fetch-Site": "same-origin"}
    await client.post(f"/enter/{made['url'].rpartition('/')[2]}", headers=entering)
    (session, *_) = (await client.get("/v1/sessions")).json()["data"]
    await do("end_session", "DELETE", f"/v1/sessions/{session['id']}")
    job = {"kind": "refresh", "orders": {"store_id": str(store.id)}}
    await do("create_job", "POST", "/v1/jobs", json=job)
    await updates(doing, ids)
    await orders(doing, store)
    await at_commerces_door(doing)
    assert doing.wrong == {}
    assert doing.done == DONE


async def updates(doing: Doing, ids: dict[str, Any]) -> None:
    path, update = f"/v1/updates/{ids['update_id']}", str(ids["update_id"])
    await doing.do("retry_update", "POST", f"{path}/retry")
    await fail(doing.world, update)
    await doing.do("retry_updates", "POST", "/v1/updates/retry", json={"update_ids": [update]})
    await fail(doing.world, update)
    await doing.do("dismiss_update", "POST", f"{path}/dismiss", json={"note": "Done."})
    await fail(doing.world, update)
    body = {"update_ids": [update], "note": "Done."}
    await doing.do("dismiss_updates", "POST", "/v1/updates/dismiss", json=body)


async def fail(world: World, update: str) -> None:
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE updates SET state = 'failed', active = false WHERE id = :id"),
            {"id": update},
        )


async def orders(doing: Doing, seller: StoreView) -> None:
    world, do, store = doing.world, doing.do, str(seller.id)
    lines = [{"line_number": "1", "sku": "A", "quantity": 1}]
    new = {"store_id": store, "purchase_order_id": "1796330120999", "lines": lines}
    await do("register_order", "POST", "/v1/orders", json=new)
    number = await world.at_walmart(1, store=seller)
    body = {"store_id": store, "purchase_order_id": number}
    await do("import_order", "POST", "/v1/orders/import", json=body)
    first, second, third, fourth = [await world.an_order(2) for _ in range(4)]
    path = f"/v1/orders/{first.id}"
    await do("update_order", "PATCH", path, json={"commerce_order_number": "000000001"})
    await do("refresh_order", "POST", f"{path}/refresh")
    await do("refresh_orders", "POST", "/v1/orders/refresh", json={"order_ids": [str(first.id)]})
    package = {"carrier_code": "ups", "tracking_number": "1ZA"}
    shipped = await do("ship_order", "POST", f"{path}/shipments", json=package)
    correct = f"{path}/shipments/{shipped['id']}/tracking"
    await do("correct_tracking", "PATCH", correct, json={"tracking_number": "1ZB"})
    several = {"packages": [package]}
    await do("ship_packages", "POST", f"/v1/orders/{second.id}/packages", json=several)
    cancel = f"/v1/orders/{third.id}/cancellation"
    await do("cancel_order", "POST", cancel, json={"reason": "out_of_stock"})
    query, csv = {"store_id": store}, {"Content-Type": "text/csv"}
    rows = f"order,carrier_code,tracking_number\n{fourth.purchase_order_id},ups,1ZC\n"
    path = "/v1/shipments/bulk"
    await do("ship_orders", "POST", path, params=query, headers=csv, content=rows)
    fifth = await world.an_order(1)
    rows = f"order,reason\n{fifth.purchase_order_id},out_of_stock\n"
    path = "/v1/cancellations/bulk"
    await do("cancel_orders", "POST", path, params=query, headers=csv, content=rows)


async def at_commerces_door(doing: Doing) -> None:
    order = await linked(doing.world, doing.client)
    door = "/rest/store_1/V1"
    comment = {"statusHistory": {"comment": "Packed.", "is_customer_notified": 0}}
    await doing.do("commerce_add_comment", "POST", f"{door}/orders/7/comments", json=comment)
    body = {**BODY, "tracks": tracks("1ZD")}
    await doing.do("commerce_ship_order", "POST", f"{door}/order/7/ship", json=body)
    other = await doing.world.an_order(1)
    link = {"commerce_order_id": 8, "commerce_order_number": "000000008"}
    await doing.client.patch(f"/v1/orders/{other.id}", json=link)
    cancel = {"reason": "out_of_stock"}
    await doing.do("commerce_cancel_order", "POST", f"{door}/orders/8/cancel", json=cancel)
    assert order.id != other.id
