"""A row that is held on a worker: the settings of a session's waits do not reach it."""

import pytest

from app.domain.errors import NotAvailable
from app.storage.postgres.database import open_database
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World

_LOCK = "SELECT FROM orders WHERE store_id = 1 FOR UPDATE"


async def test_a_row_that_is_held_on_a_worker_ends_in_an_answer_and_not_in_a_hang(
    world: World,
) -> None:
    order = await world.an_order(2, status="Acknowledged")
    impatient = open_database(world.url, statement_timeout_ms=1_000)
    try:
        async with world.database.begin() as holding:
            await holding.exec_driver_sql(_LOCK)
            async with limited():
                with pytest.raises(NotAvailable) as refused:
                    async with impatient.begin() as waiting:
                        await waiting.exec_driver_sql(_LOCK)
        assert refused.value.code == "database_unavailable"
    finally:
        await impatient.close()
    async with limited():
        sent = await ship.ship(world.context, order.id, a_package("1Z"), actor="t")
    assert sent.shipment.update.id
