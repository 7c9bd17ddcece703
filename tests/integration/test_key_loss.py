"""A lost encryption key: the stores sealed with it stop, the others go on, entering the secret mends."""

import asyncio

import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.storage.stores.secrets import SecretCipher
from app.storage.tables import stores
from app.usecases.orders import ship
from app.usecases.stores import manage
from app.usecases.stores.manage import StoreChanges
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World


async def test_a_lost_key_stops_its_stores_until_their_secrets_are_entered_again(
    world: World,
) -> None:
    lost, other = await world.a_store(), await world.a_store()
    shipments = {}
    for store in (lost, other):
        order = await world.an_order(1, store=store)
        done = await ship.ship(world.context, order.id, a_package("1ZKEY"), actor=ACTOR)
        shipments[store.id] = (order.id, done.shipment.update.id)
    gone = SecretCipher([Fernet.generate_key().decode()])
    async with world.database.begin() as connection:
        sealed = sa.update(stores).values(walmart_client_secret=gone.seal("right"))
        await connection.execute(sealed.where(stores.c.store_id == lost.store_id))
    order_id, held = shipments[lost.id]
    async with world.polling(), limited():
        while not (found := await world.order(order_id)).status_details:
            await asyncio.sleep(0.02)
        while (await world.update(shipments[other.id][1])).state != "confirmed":
            await asyncio.sleep(0.02)
        waiting = await world.update(held)
        assert (waiting.state, waiting.attempts_made) == ("pending", 0)
        assert [(each.code, each.origin) for each in found.status_details] == [
            ("secret_unreadable", "waybill")
        ]
        assert found.status == "open"
        again = StoreChanges(walmart_client_secret="right")
        await manage.change(world.context, lost.id, again, actor=ACTOR)
        while (await world.update(held)).state != "confirmed":
            await asyncio.sleep(0.02)
    async with world.database.begin() as connection:
        acts = await connection.execute(sa.text("SELECT what FROM audit ORDER BY at DESC LIMIT 1"))
        assert acts.scalar_one() == "store_credentials_changed"
