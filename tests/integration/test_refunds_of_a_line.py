"""Several refunds of one return line: each is paid once, in any state of the others."""

from dataclasses import replace

import pytest

from app.domain.update import State
from app.usecases.updates import dismiss, retry
from tests.harness.pollers import POLICY
from tests.harness.world import World
from tests.integration.test_returns import asked, refunds, returned


@pytest.mark.parametrize("dismissed", [False, True])
async def test_a_refund_after_a_refused_one_is_not_paid_twice(
    world: World, *, dismissed: bool
) -> None:
    _, found = await returned(world, 2)
    await world.fault("refund", "refuse")
    first = (await asked(world, found, (1, 1))).update
    await world.deliver_until(first.id)
    second = (await asked(world, found, (1, 1))).update
    if dismissed:
        await dismiss.dismiss(world.context, first.id, note="by hand", actor="test")
    await world.fault("refund", "error_after")
    (update,) = await world.deliver_until(second.id)
    assert update.state == "confirmed"
    assert await refunds(world) == [1]


async def test_a_retried_refund_is_paid_although_a_later_one_of_its_line_was(world: World) -> None:
    _, found = await returned(world, 2)
    await world.fault("refund", "refuse")
    first = (await asked(world, found, (1, 1))).update
    await world.deliver_until(first.id)
    second = (await asked(world, found, (1, 1))).update
    await world.deliver_until(second.id)
    await retry.retry(world.context, first.id, override_cancel_request=False, actor="test")
    (update,) = await world.deliver_until(first.id, states={State.CONFIRMED})
    assert update.state == "confirmed"
    assert await refunds(world) == [1, 1]


async def test_a_refund_waits_while_another_of_its_line_may_still_take_effect(
    world: World,
) -> None:
    _, found = await returned(world, 2)
    first = (await asked(world, found, (1, 1))).update
    second = (await asked(world, found, (1, 1))).update
    await world.fault("refund", "held")
    lasting = replace(POLICY, quiet_period=3600)
    await world.deliver_until(first.id, states={State.VERIFYING}, policy=lasting)
    await dismiss.dismiss(world.context, first.id, note="by hand", actor="test")
    (waits,) = await world.deliver_until(second.id, states={State.RETRYING})
    assert waits.status_detail is not None
    assert waits.status_detail.code == "refund_in_doubt"
    assert await refunds(world) == []
    await world.walmart.post("/simulator/held")
    await world.let_doubts_end()
    await world.deliver_until(second.id, states={State.CONFIRMED})
    assert await refunds(world) == [1, 1]
