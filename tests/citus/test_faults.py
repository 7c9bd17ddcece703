"""Faults of a cluster: a worker that is killed in mid-load, and a shard that is moved meanwhile."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import psutil
import pytest

from app.domain.errors import NotAvailable
from app.domain.orders.requests import RequestedItem
from app.domain.update import State
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries.views import OrderView, StoreView
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.databases import Server
from tests.harness.waiting import limited
from tests.harness.world import World

_PLACE = """
    SELECT n.nodename AS host, n.nodeport AS port, s.shardid AS shard
      FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
      JOIN pg_dist_node n USING (groupid)
     WHERE s.shardid = get_shard_id_for_distribution_column('orders', $1::int)
"""
_UNITS = 40
# A Popen that is collected warns that its process still runs.
_STARTED: list[subprocess.Popen[bytes]] = []


@dataclass
class Worker:
    """A worker of the cluster, as a process of this machine."""

    process: psutil.Process
    command: list[str]
    environment: dict[str, str]
    account: int
    folder: str

    @classmethod
    async def at(cls, url: str) -> "Worker":
        """The worker of an address. Skips the test where its process is not to be had."""
        connection = await asyncpg.connect(**asyncpg_arguments(url))
        try:
            folder = await connection.fetchval("SHOW data_directory")
            root = psutil.Process(psutil.Process(connection.get_server_pid()).ppid())
            return cls(root, root.cmdline(), root.environ(), root.uids().real, str(folder))
        except psutil.Error:
            pytest.skip("the worker is no process of this machine that may be killed")
        finally:
            await connection.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        processes = [self.process, *self.process.children()]
        for each in processes:
            each.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes)

    def start(self) -> None:
        """Start it again as it was."""
        started = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.folder,
            user=self.account if os.getuid() == 0 else None,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _STARTED.append(started)


@dataclass
class Traffic:
    """A client for each order, which ships one unit after the other until each is accepted."""

    world: World
    orders: list[OrderView]
    accepted: Counter[UUID] = field(default_factory=Counter)
    refused: Counter[UUID] = field(default_factory=Counter)
    updates: list[UUID] = field(default_factory=list)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ship during the block, and until all is accepted."""
        clients = [asyncio.create_task(self._ship(order)) for order in self.orders]
        try:
            yield
            async with limited():
                await asyncio.gather(*clients)
        finally:
            for client in clients:
                client.cancel()

    async def _ship(self, order: OrderView) -> None:
        one = (RequestedItem(1, line_number="1"),)
        for n in range(_UNITS):
            # The reference lets a request that is sent again find what it did.
            package = a_package(f"1Z{n}", items=one, reference=f"r{n}")
            while True:
                try:
                    done = await ship.ship(self.world.context, order.id, package, actor="t")
                except NotAvailable:
                    self.refused[order.id] += 1
                    await asyncio.sleep(0.2)
                else:
                    break
            self.accepted[order.id] += 1
            self.updates.append(done.shipment.update.id)

    async def more(self, order: OrderView, units: int = 3) -> None:
        """Wait until so many further units of an order are accepted."""
        wanted = min(self.accepted[order.id] + units, _UNITS)
        async with limited():
            while self.accepted[order.id] < wanted:
                await asyncio.sleep(0.02)

    async def arrived_once(self) -> None:
        """Wait until each unit was delivered; assert that Walmart has each of them once."""
        async with limited():
            for each in self.updates:
                while not await self.world.in_states([each], {State.CONFIRMED.value}):
                    await asyncio.sleep(0.1)
        for order in self.orders:
            seen = await self.world.order(order.id)
            assert len(seen.shipments) == _UNITS
            assert seen.lines[0].quantity.shipped == _UNITS
            entries = await self.world.ledger(order.purchase_order_id)
            numbers = Counter(str(each.get("tracking_number")) for each in entries)
            assert numbers == Counter({f"1Z{n}": 1 for n in range(_UNITS)}), entries[:2]


async def _two_stores(world: World) -> list[tuple[StoreView, asyncpg.Record]]:
    """Stores on two workers, with the place of each."""
    found: dict[int, tuple[StoreView, asyncpg.Record]] = {}
    while len(found) < 2:
        store = await world.a_store()
        (place,) = await world.database.direct.fetch(_PLACE, store.id.int & 0xFFFFFFFF)
        found.setdefault(place["port"], (store, place))
    return list(found.values())


async def test_a_killed_worker_stops_its_stores_only_and_nothing_is_lost_or_sent_twice(
    world: World, server: Server
) -> None:
    (far, place), (near, _) = await _two_stores(world)
    orders = [
        await world.an_order(_UNITS, store=each, status="Acknowledged") for each in (far, near)
    ]
    url = next(each for each in server.urls if str(place["port"]) in _port(each))
    worker = await Worker.at(url)
    traffic = Traffic(world, orders)
    async with world.polling(), traffic.flowing():
        await traffic.more(orders[0])
        worker.kill()
        try:
            await traffic.more(orders[1])
            async with limited():
                while not traffic.refused[orders[0].id]:
                    await asyncio.sleep(0.02)
            assert not traffic.refused[orders[1].id]
        finally:
            worker.start()
    async with world.polling():
        await traffic.arrived_once()


async def test_a_shard_is_moved_while_its_store_ships(world: World) -> None:
    (store, place), (_, other) = await _two_stores(world)
    orders = [await world.an_order(_UNITS, store=store, status="Acknowledged") for _ in range(2)]
    traffic = Traffic(world, orders)
    move = "SELECT citus_move_shard_placement($1::bigint, $2::text, $3::int, $4::text, $5::int, 'force_logical')"
    connection = await asyncpg.connect(**asyncpg_arguments(world.url))
    try:
        async with world.polling(), traffic.flowing():
            await traffic.more(orders[0])
            before = traffic.accepted[orders[1].id]
            await connection.fetch(move, *place_of(place), other["host"], other["port"])
            assert traffic.accepted[orders[1].id] > before
        (moved,) = await connection.fetch(_PLACE, store.id.int & 0xFFFFFFFF)
        assert moved["port"] == other["port"]
    finally:
        await connection.close()
    async with world.polling():
        await traffic.arrived_once()


def place_of(place: Any) -> tuple[int, str, int]:
    """The shard and where it is."""
    return place["shard"], place["host"], place["port"]


def _port(url: str) -> list[str]:
    return parse_qs(urlsplit(url).query)["port"]
