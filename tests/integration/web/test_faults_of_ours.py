"""A delivery that ends in an internal exception: bounded retries, no doubt if nothing was sent."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.domain.outbox import retry_policy
from app.domain.update import State
from app.storage.tables import stores
from app.walmart.client import WalmartClient
from tests.harness.outbox import VAULT
from tests.harness.pollers import POLICY
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_commerce_orders import a_store
from tests.integration.web.doubtful import LONG, a_body, accepted, at_walmart, shown

# The retries do not come within a test.
SLOW = replace(POLICY, base=7200, cap=7200, quiet_period=3600)


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Logs are kept, not printed: a coloured traceback takes seconds."""
    with capture_logs():
        yield


async def write(world: World, statement: str) -> None:
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(statement)


async def again_at_once(world: World) -> None:
    await write(world, "UPDATE updates SET due_at = now() WHERE state = 'retrying'")


async def test_a_delivery_that_raises_fails_after_a_few_tries(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    update = UUID((await accepted(client, order))["update"]["id"])
    await write(world, f"UPDATE updates SET payload = '{{}}' WHERE id = '{update}'")
    (view,) = await world.deliver_until(update, states={State.FAILED})
    assert view.attempts_made == retry_policy.MAX_FAULTS
    assert view.in_doubt_until is None
    assert view.status_detail is not None
    assert (view.status_detail.code, view.status_detail.origin) == ("waybill_fault", "waybill")
    assert await world.calls("shipping") == []
    shown_update = (await client.get(f"/v1/updates/{update}")).json()
    assert {each["verdict"] for each in shown_update["attempts"]} == {"fault"}
    assert (await shown(client, order))["status"] == "error"
    # Its units stay reserved until a person has acted.
    assert (await shown(client, order))["lines"][0]["quantity"]["pending"] == 2


async def test_it_backs_off_between_its_tries(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(3)
    update = UUID((await accepted(client, order))["update"]["id"])
    await write(world, f"UPDATE updates SET payload = '{{}}' WHERE id = '{update}'")
    waits = []
    for _ in range(4):
        policy = retry_policy.RetryPolicy(base=100, cap=10_000, quiet_period=3600)
        tries = (await world.update(update)).attempts_made
        async with world.polling(policy=policy), limited():
            while (await world.update(update)).attempts_made == tries or (
                await world.update(update)
            ).state == "sending":
                await asyncio.sleep(0.01)
        view = await world.update(update)
        assert view.state == "retrying"
        assert view.next_attempt_at is not None
        waits.append(round((view.next_attempt_at - view.updated_at).total_seconds()))
        await again_at_once(world)
    # With half of the jitter.
    assert waits == [50, 100, 200, 400]


async def test_a_retry_restarts_the_count_and_succeeds_when_the_error_is_fixed(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    made = await accepted(client, order)
    update = UUID(made["update"]["id"])
    await write(world, "CREATE TABLE kept AS SELECT id, payload FROM updates")
    await write(world, f"UPDATE updates SET payload = '{{}}' WHERE id = '{update}'")
    await world.deliver_until(update, states={State.FAILED})
    await write(world, "UPDATE updates u SET payload = k.payload FROM kept k WHERE k.id = u.id")
    assert (await client.post(f"/v1/updates/{update}/retry")).status_code == 202
    await world.deliver_until(update, states={State.CONFIRMED})
    assert await at_walmart(world, order) == [("1", 2, "1ZA")]


async def test_an_error_after_a_read_shows_the_read(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    update = UUID((await accepted(client, order))["update"]["id"])
    await write(
        world, f"UPDATE updates SET payload = '{{}}', ambiguous = true WHERE id = '{update}'"
    )
    await world.shipped_by_hand(order, 1, "1ZHAND")
    await world.deliver_until(update, states={State.FAILED})
    shown_update = (await client.get(f"/v1/updates/{update}")).json()
    assert [call["operation"] for call in shown_update["attempts"][0]["calls"]] == ["read_order"]
    # The result of the read is recorded too.
    assert (await shown(client, order))["lines"][0]["quantity"]["shipped"] == 1


class Clock:
    """A clock that fails on its last allowed reading."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self) -> datetime:
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise RuntimeError("the clock broke")
        return datetime.now(UTC)


async def test_an_error_after_the_write_was_sent_is_a_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    clock = Clock()
    walmart = WalmartClient(
        world.http, base_url=world.walmart_url, timeout=world.timeout, now=clock
    )
    world.context = replace(world.context, walmart=walmart)
    order = await world.an_order(3)
    # So that the token is cached.
    first = await accepted(client, order, a_body("1ZFIRST", 1))
    await world.deliver_until(UUID(first["update"]["id"]), states={State.CONFIRMED})
    update = UUID((await accepted(client, order))["update"]["id"])
    # It is read for the token's age, for the start of the call, and at the answer.
    clock.left = 3
    await world.deliver_until(update, states={State.VERIFYING, State.RETRYING}, policy=SLOW)
    view = await world.update(update)
    assert (view.state, view.in_doubt_until is not None) == ("verifying", True)
    assert view.needs_reading
    assert len(await world.calls("shipping")) == 2
    clock.left = None
    await world.let_doubts_end()
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == [("1", 1, "1ZFIRST"), ("1", 2, "1ZA")]


async def test_an_error_before_the_write_was_sent_is_no_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    clock = Clock()
    walmart = WalmartClient(
        world.http, base_url=world.walmart_url, timeout=world.timeout, now=clock
    )
    world.context = replace(world.context, walmart=walmart)
    order = await world.an_order(3)
    await client.post(f"/v1/orders/{order.id}/cancellation", json={"reason": "out_of_stock"})
    async with world.database.begin() as connection:
        row = await connection.exec_driver_sql("SELECT id FROM updates WHERE state = 'pending'")
        update = row.scalar_one()
    # The read before the cancellation meets it.
    clock.left = 2
    await world.deliver_until(
        update, states={State.VERIFYING, State.RETRYING, State.CONFIRMED}, policy=SLOW
    )
    view = await world.update(update)
    assert (view.state, view.in_doubt_until) == ("retrying", None)
    assert await world.calls("cancel") == []


@pytest.mark.parametrize("token", ["line\nfeed", "return\r", "nul\x00"])
async def test_an_unsendable_token_is_a_bounded_error_and_stops_no_other_store(
    world: World, client: httpx.AsyncClient, token: str
) -> None:
    await a_store(world)
    order = await world.an_order(3)
    async with world.database.begin() as connection:
        sealed = VAULT.seal(token)
        await connection.execute(sa.update(stores).values(commerce_access_token=sealed))
        row = await connection.exec_driver_sql(
            "SELECT id FROM updates WHERE kind = 'commerce_order'"
        )
        update = row.scalar_one()
    shipped = UUID((await accepted(client, order, a_body()))["update"]["id"])
    (view, sent) = await world.deliver_until(update, shipped)
    assert sent.state == "confirmed"
    assert view.state == "failed"
    assert view.attempts_made <= retry_policy.MAX_FAULTS
    assert view.in_doubt_until is None
