"""Personal data that a refusal repeats is neither stored nor logged."""

from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from app.domain.errors import NotAvailable
from app.domain.update import State
from app.http_client.error_redaction import NOT_KEPT
from app.usecases.commerce_events.resolve_order import resolve_order
from app.usecases.orders import refresh, ship
from tests.builders import a_package
from tests.harness.world import World
from tests.integration.test_commerce_orders import a_store, handed_over, updates
from tests.integration.test_returns import asked, returned

# The names and addresses of the simulator's buyers; the state may be shown.
SAID = "Sample of 1 EXAMPLE Street, Bentonville 72712 AR (5550100200, Sam Sample) is no Samples"
SHOWN = "[removed] of [removed], [removed] [removed] AR ([removed], [removed]) is no Samples"


async def kept(world: World) -> str:
    """Everything stored of updates, their attempts, and the timeline."""
    async with world.database.begin() as connection:
        texts = []
        for name in ("updates", "attempts", "events", "orders"):
            rows = await connection.execute(sa.text(f"SELECT t::text FROM {name} AS t"))
            texts += [str(row[0]) for row in rows]
    return "\n".join(texts)


def assert_hidden(text: str) -> None:
    assert SHOWN in text
    for word in ("1 EXAMPLE", "Bentonville", "72712", "5550100200", "Sample "):
        assert word not in text, word


@pytest.fixture
def logged() -> Any:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def test_a_commerce_refusal_that_repeats_the_buyer_is_redacted(
    world: World, logged: list[Any]
) -> None:
    await a_store(world)
    order = await world.an_order(1)
    await world.fault("commerce_orders", "slow", delay=0, times=2)
    await world.fault("commerce_orders", "refuse", status=400, description=SAID, times=1)
    order = await handed_over(world, order)
    (detail,) = order.status_details
    assert detail.code == "commerce_refused"
    assert_hidden(detail.message)
    assert_hidden(await kept(world))
    assert_hidden(str(logged))


async def test_a_walmart_refusal_that_repeats_the_buyer_is_redacted(
    world: World, logged: list[Any]
) -> None:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    await world.fault("shipping", "refuse", description=SAID)
    await world.deliver_until(shipped.shipment.update.id)
    (detail,) = (await world.order(order.id)).status_details
    assert_hidden(detail.message)
    assert_hidden(await kept(world))
    assert_hidden(str(logged))


async def test_a_refusal_of_a_refund_that_repeats_the_buyer_is_redacted(
    world: World, logged: list[Any]
) -> None:
    _, found = await returned(world)
    accepted = await asked(world, found)
    await world.fault("refund", "refuse", description=SAID)
    await world.deliver_until(accepted.update.id)
    assert_hidden(await kept(world))
    assert_hidden(str(logged))


async def test_a_refusal_of_a_refund_with_an_unreadable_order_is_kept_without_its_text(
    world: World, logged: list[Any]
) -> None:
    _, found = await returned(world)
    accepted = await asked(world, found)
    await world.fault("refund", "refuse", description=SAID)
    # The return is read after the refusal and names the buyer; the order with the address is not read.
    await world.fault("read", "locked")
    await world.deliver_until(accepted.update.id)
    for text in (await kept(world), str(logged)):
        assert NOT_KEPT in text
        assert not [word for word in ("EXAMPLE", "Bentonville", "Sample") if word in text]


async def test_a_commerce_refusal_to_identify_an_order_is_redacted(
    world: World,
) -> None:
    await a_store(world)
    await world.fault("commerce_orders", "refuse", status=500, description=SAID)
    with pytest.raises(NotAvailable) as raised:
        await resolve_order(world.context, 1, 7)
    assert "Commerce did not answer which order 7 is" in str(raised.value)
    assert "Sample" not in str(raised.value)


@pytest.mark.parametrize("how", ["read_fails", "error_500"])
async def test_an_error_without_a_later_read_is_kept_without_its_text(
    world: World, logged: list[Any], how: str
) -> None:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    if how == "read_fails":
        await world.fault("shipping", "refuse", description=SAID, times=1)
        await world.fault("read", "locked", times=None)
    else:
        await world.fault("shipping", "refuse", status=500, description=SAID, times=1)
    await world.deliver_until(
        shipped.shipment.update.id,
        states={State.VERIFYING, State.CONFIRMED, State.FAILED, State.RETRYING},
    )
    stored = await kept(world)
    for text in (stored, str(logged)):
        assert NOT_KEPT in text
        assert not [word for word in ("EXAMPLE", "Bentonville", "Sam Sample") if word in text]
    # The fields that an engineer needs.
    assert "INVALID_REQUEST_CONTENT.GMP_ORDER_API" in stored
    assert ("Resource is locked" in stored) is (how == "read_fails")


async def test_walmarts_text_in_an_outage_is_kept(world: World) -> None:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="test")
    await world.fault("shipping", "error", times=1)
    await world.deliver_until(shipped.shipment.update.id, states={State.VERIFYING})
    (detail,) = (await world.order(order.id)).status_details
    assert detail.message == "System error"
    assert "[removed]" not in await kept(world)


async def test_a_refusal_of_a_note_that_repeats_the_buyer_is_redacted(
    world: World, logged: list[Any]
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    canceled = {"lines": [{"line_number": "1", "quantity": 1}]}
    (await world.walmart.post(path, json=canceled)).raise_for_status()
    await refresh.refresh(world.context, order.id, actor="test")
    (note,) = await updates(world, "commerce_note")
    await world.fault("commerce_comments", "refuse", status=400, description=SAID)
    await world.deliver_until(note.id)
    assert_hidden(await kept(world))
    assert_hidden(str(logged))
