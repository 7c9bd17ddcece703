"""What happened in the shop of the pictures: orders of every state, returns, errors, an outage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.orders.requests import RequestedItem
from app.domain.orders.returns import RefundRequest
from app.domain.outbox.rate_limits import Breaker
from app.domain.scope import Scope
from app.domain.update import State
from app.storage import queries
from app.storage.orders import ship_by
from app.storage.queries import ReturnFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import OrderView, ReturnView, ShipmentView, StoreView
from app.usecases.keys import create as creation
from app.usecases.keys.create import NewKey
from app.usecases.orders import ship
from app.usecases.returns import refund
from app.usecases.stores import manage
from app.worker.importer.importer import Importer
from tests.builders import a_package
from tests.harness.world import World
from tests.pictures.sample_health import add_steps, fill_rollups

ACTOR = "jane@shop.example"
_HOUR = 3_600_000
_GOODS = {
    "MUG-BLUE": ("Blue mug", "14.00"),
    "TEA-GREEN": ("Green tea, 250 g", "9.50"),
    "LAMP-OAK": ("Desk lamp, oak", "48.00"),
    "SOCKS-WOOL": ("Wool socks", "7.50"),
    "CHAIR-OAK": ("Oak chair", "129.00"),
}
_ACME = {"other": "Acme Freight", "tracking_url": "https://acme.example/t/{tracking_number}"}
_NUMBERS = ("1Z999AA10123456784", "9400111899223197428497", "986578788855", "1Z12345E0205271688")


@dataclass
class Shop:
    """The stores of the pictures, and ids for the addresses of pages, by name."""

    world: World
    stores: list[StoreView] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    async def order(self, name: str, *goods: str, hours: float = 30, **changes: Any) -> OrderView:
        """Let a buyer order goods (`MUG-BLUE:2`), to be shipped within so many hours."""
        now = int(self.world.context.now().timestamp() * 1000)
        lines = []
        for number, each in enumerate(goods, start=1):
            sku, _, units = each.partition(":")
            title, price = _GOODS[sku]
            line = {"line_number": str(number), "sku": sku, "name": title, "unit_price": price}
            lines.append({**line, "quantity": int(units or 1)})
        given = {
            "lines": lines,
            "ordered_at": now - 20 * _HOUR + len(self.places) * _HOUR // 2,
            "ship_by": now + int(hours * _HOUR),
            "deliver_by": now + int((hours + 96) * _HOUR),
            **changes,
        }
        store = self.stores[0]
        placed = await self.world.at_walmart(store=store, **given)
        order = await self.world.imported(placed, store)
        self.places[name] = str(order.id)
        return order

    async def ship(
        self, order: OrderView, tracking: str, *units: int, carrier: str = "ups", **changes: Any
    ) -> ShipmentView:
        """Ship units of the lines, in their order; all without any."""
        items = tuple(
            RequestedItem(count, line_number=line.line_number)
            for line, count in zip(order.lines, units, strict=False)
            if count
        )
        given = {"carrier_code": carrier, **({"items": items} if items else {}), **changes}
        package = a_package(tracking, **given)
        return (await ship.ship(self.world.context, order.id, package, actor=ACTOR)).shipment


async def open_shop(world: World) -> Shop:
    """Let everything happen. Takes some seconds."""
    shop = Shop(world)
    for name, changes in (
        ("Main store", {"carriers": {"ups": "UPS", "acme_freight": _ACME}}),
        ("Outlet", {}),
        ("Tienda", {"market": "MX"}),
    ):
        shop.stores.append(await world.a_store(name=name, **changes))
    shop.places["store"] = str(shop.stores[0].id)
    await _settings(shop)
    await _quiet_orders(shop)
    await _returns(shop)
    await _refused(shop)
    await _asks_for_a_decision(shop)
    await _a_day(shop)
    return shop


async def _settings(shop: Shop) -> None:
    """Keys, and notifications that Jane turned on."""
    main, context = shop.stores[0].id, shop.world.context
    for name, scope, store in (("Commerce", Scope.WRITE, main), ("reports", Scope.READ, None)):
        await creation.create(context, NewKey(name, frozenset({scope}), store), actor=ACTOR)
    changes = manage.StoreChanges(
        commerce_base_url=shop.world.walmart_url,
        commerce_access_token="right",
        notifications_url="https://hooks.example/T0/B0",
        notifications_secret="a-secret-of-the-merchant",
    )
    await manage.change(context, main, changes, actor=ACTOR)


async def _quiet_orders(shop: Shop) -> None:
    await shop.order("open", "MUG-BLUE:3", "TEA-GREEN", hours=26)
    await shop.order("urgent", "LAMP-OAK", hours=1.6)
    await shop.order("new", "SOCKS-WOOL:4")
    partly = await shop.order("partly", "MUG-BLUE:2", "SOCKS-WOOL:2", hours=20)
    shipped = await shop.order("shipped", "CHAIR-OAK", "LAMP-OAK")
    sent = [
        await shop.ship(partly, _NUMBERS[0], 2, 0),
        await shop.ship(shipped, _NUMBERS[1], carrier="usps"),
    ]
    shop.places["shipment"] = str(sent[0].id)
    await shop.world.deliver_until(*(each.update.id for each in sent))


async def _returns(shop: Shop) -> None:
    world = shop.world
    for number, name in enumerate(("returned", "refunded")):
        order = await shop.order(name, "CHAIR-OAK", "MUG-BLUE:2")
        sent = await shop.ship(
            order, _NUMBERS[2 + number], carrier="fedex" if number == 0 else "ups"
        )
        await world.deliver_until(sent.update.id)
        path = f"/simulator/orders/{order.purchase_order_id}/return"
        (await world.walmart.post(path, json={})).raise_for_status()
    await Importer(world.context, Breaker(), every=0.000001).run(shop.stores[0].store_id)
    for found in await _known_returns(world):
        if str(found.order_id) == shop.places["returned"]:
            shop.places["return"] = str(found.id)
        else:
            done = await refund.refund(world.context, found.id, RefundRequest(None), actor=ACTOR)
            await world.deliver_until(done.update.id)


async def _known_returns(world: World) -> list[ReturnView]:
    async with world.database.begin() as connection:
        found, _ = await queries.returns(connection, ReturnFilter(), KeysetPage(50, None))
    return found


async def _refused(shop: Shop) -> None:
    """Walmart refuses a carrier that is not the number's, Acme Freight three times, and a method."""
    world, sent = shop.world, []
    cases = (
        ("MUG-BLUE", "carrierName", "ups", _NUMBERS[1]),
        ("SOCKS-WOOL:2", "carrierName", "acme_freight", "AF-77001"),
        ("TEA-GREEN:3", "carrierName", "acme_freight", "AF-77002"),
        ("LAMP-OAK", "carrierName", "acme_freight", "AF-77003"),
        ("MUG-BLUE:2", "methodCode", "ups", _NUMBERS[3]),
    )
    for number, (goods, name, carrier, tracking) in enumerate(cases):
        order = await shop.order(f"refused-{number}", goods, hours=9 - number)
        code = f"INVALID_REQUEST_CONTENT.GMP_ORDER_API.{name}"
        await world.fault(
            "shipping", "refuse", field=name, code=code, purchase_order_id=order.purchase_order_id
        )
        sent.append(await shop.ship(order, tracking, carrier=carrier))
    await world.deliver_until(*(each.update.id for each in sent), states={State.FAILED})
    shop.places["failed"] = str(sent[0].update.id)
    shop.places["refused-shipment"] = str(sent[0].id)


async def _asks_for_a_decision(shop: Shop) -> None:
    world = shop.world
    asked = await shop.order("cancel-asked", "CHAIR-OAK:2", hours=12)
    path = f"/simulator/orders/{asked.purchase_order_id}/intent-to-cancel"
    (await world.walmart.post(path, json={})).raise_for_status()
    await world.imported(asked.purchase_order_id, shop.stores[0])
    await shop.order("late", "TEA-GREEN:2", hours=-3)
    await _refused_change(shop, asked)
    # As a poller marks them.
    await ship_by.mark(world.database, 4 * 3600, world.context.new_id)


async def _refused_change(shop: Shop, order: OrderView) -> None:
    """A credit memo of Commerce that credits an amount and no units."""
    store_id = shop.stores[0].store_id
    change = shop.world.context.new_id(store_id)
    shop.places["change"] = str(change)
    values = {"store": store_id, "id": change, "order": order.id}
    async with shop.world.database.begin() as connection:
        for statement in _CHANGE:
            await connection.execute(sa.text(statement), values)


_CHANGE = (
    (
        "INSERT INTO commerce_events (store_id, id, reference, about, commerce_order_id, "
        "order_id, told, state, code, message) VALUES (:store, :id, 'commerce-creditmemo-7', "
        "'creditmemo', 7, :order, '{}', 'refused', 'creditmemo_amount_only', "
        "'The credit memo credits an amount and no units.')"
    ),
    "UPDATE orders SET commerce_open = 'refused' WHERE store_id = :store AND id = :order",
)


async def _a_day(shop: Shop) -> None:
    """Figures of a day, rejected keys of one store, a pause of another, and a comparison."""
    main, outlet, tienda = (store.store_id for store in shop.stores)
    for _ in range(3):
        account = f"{shop.stores[2].walmart.client_id}@mx"
        placed = await shop.world.at_walmart(
            2, store=shop.stores[2], status="Created", client_id=account
        )
        await shop.world.imported(placed, shop.stores[2])
    now = datetime.now(UTC)
    await fill_rollups(shop.world.database, main, now, share=1.0)
    await fill_rollups(shop.world.database, outlet, now, share=0.3)
    await add_steps(shop.world.database)
    minute = timedelta(minutes=1)
    values: Mapping[str, object] = {
        "main": main,
        "outlet": outlet,
        "tienda": tienda,
        "since": now - 95 * minute,
        "compared": now - 25 * minute,
        "read": now - minute / 5,
    }
    async with shop.world.database.begin() as connection:
        for statement in _FACTS:
            await connection.execute(sa.text(statement), values)


_FACTS = (
    "UPDATE updates SET created_at = :since WHERE store_id = :tienda",
    (
        "UPDATE lanes SET reason = 'credentials_rejected', failures = 5, since = :since, "
        "paused_until = now() + interval '1 hour' WHERE store_id = :tienda AND endpoint = '*'"
    ),
    (
        "UPDATE lanes SET reason = 'walmart_throttled', since = now(), "
        "paused_until = now() + interval '9 minutes' WHERE store_id = :outlet AND endpoint = 'ship'"
    ),
    (
        "INSERT INTO imports (store_id, finished_at, read_until) VALUES "
        "(:outlet, :read, :read), (:tienda, :since, :since) ON CONFLICT DO NOTHING"
    ),
    "UPDATE imports SET finished_at = :read, read_until = :read WHERE store_id = :main",
    "UPDATE stores SET webhooks_since = :since WHERE store_id IN (:main, :outlet)",
    (
        "INSERT INTO webhook_events (store_id, event_id, event_type, processed_at) "
        "VALUES (:main, 'sample', 'ORDER_UPDATES', now())"
    ),
    (
        "INSERT INTO reconciliations (store_id, finished_at, orders, repaired) "
        "VALUES (:main, :compared, 812, 2), (:outlet, :compared, 141, 0) ON CONFLICT DO NOTHING"
    ),
)
