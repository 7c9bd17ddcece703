"""Can the tables be distributed by store? What the catalogue and the logged statements show.

Waybill was not run on Citus; these are the conditions that its documentation names.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest
import sqlalchemy as sa

from app.intake import cancel, ship
from app.orders.lane import Endpoint, News
from app.orders.requests import CancelRequest, RequestedItem
from app.orders.update import State
from app.storage import claims, overview, recording
from app.storage.database import Database
from app.storage.idempotency import Answer, Once
from app.storage.recording import Attempt, Result, Step
from app.storage.tables import metadata
from app.storage.urls import asyncpg_arguments
from app.storage.views import StoreView
from tests.world import World, a_package, claim, open_world

SCRIPT = Path("deploy/citus.sql").read_text()
DISTRIBUTED = re.findall(r"create_distributed_table\('(\w+)', 'store_id'", SCRIPT)
REFERENCE = re.findall(r"create_reference_table\('(\w+)'", SCRIPT)

# Read and written by runs of upkeep and by what Commerce tells only.
UPKEEP = {
    "commerce_event_ids",
    "commerce_events",
    "import_places",
    "import_retries",
    "notifications",
    "imports",
    "reconciliations",
    "refunds",
    "webhook_events",
    "webhooks_expected",
}
# Statements of every store at once, each with the reason why it may be: they run in pollers'
# rounds and upkeep, never for a request or an update.
ACROSS_STORES = {
    "WITH RECURSIVE found AS": "who has something due: once a round of each poller",
    "WITH lapsed AS": "leases that ended: once an interval of each poller",
    "WITH near AS": "the ship-by clock, as above",
    "DELETE FROM webhook_events w": "announcements of last week: as above",
    "DELETE FROM commerce_event_ids w": "Adobe's events of last week: as above",
    "DELETE FROM commerce_events w": "what nobody ever linked: as above",
    "WITH due AS MATERIALIZED ( SELECT store_id, id FROM commerce_ev": "what was linked since",
    "WITH taken AS": "how many orders there are, added up: as above",
}
# Statements that name their stores by a join with what they are given, each with whose they are.
# On Citus each would have to be sent once for each store (docs/scaling.md).
JOINED = {
    # What requests ask together.
    "SELECT v.n, o.id, o.store_id": "orders to be shipped, looked at",
    "WITH given AS MATERIALIZED": "their shipments, written",
    # Held, read and written where a batch of results is recorded.
    "SELECT o.id FROM orders o JOIN unnest(": "orders of the results, held",
    "AS q(store_id, id) JOIN orders o": "the same orders, read",
    "SELECT c.store_id, c.order_id, c.update_id, c.inventory": "their cancellations, whose stock follows",
    "WITH changed AS ( UPDATE updates u": "the results themselves, and the evidence of them",
    "WITH saved_lines AS": "lines and what else became of their orders",
    "WITH saved_statuses AS": "statuses of their orders",
    "UPDATE updates u SET active = false FROM unnest(": "whose turn is over",
    "UPDATE updates u SET active = true FROM (": "whose turn it is now",
    "FROM lanes l JOIN unnest(": "lanes of which calls told, held",
    "UPDATE lanes l SET paused_until": "the same lanes, written",
    # Read for pages, whose orders may be of several stores; an order's own page uses the same.
    "(SELECT t.* FROM order_lines t WHERE": "lines of the orders of a page",
    "(SELECT t.* FROM shipments t WHERE": "their shipments",
    "(SELECT t.* FROM cancellations t WHERE": "their cancellations",
    "SELECT t.store_id, t.id, t.order_id, t.target": "their updates, archived ones too",
    "SELECT store_id, endpoint, reason, since FROM lanes": "stopped lanes of the stores of a page",
}
# A row as it would be there, which is all that Waybill asks for.
_AS_ON_CITUS = sa.text("""
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 1, 'citus', extowner, extnamespace, false, '0' FROM pg_extension LIMIT 1
""")
# A parameter, a constant or what a part of the statement came to, with or without a cast.
VALUE = r"\(?(\$\d+|-?\d+|\(?(InitPlan|SubPlan) \d+\)?\.col\d+)\)?"
_SIDE = r"""\(InitPlan \d+\)\.col\d+|"[^"]+"\.store_id|[^\s()"]+|\([^\s()]+\)|ANY \("""
EQUAL = rf"\b(?:\w+\.)?store_id = (?P<right>{_SIDE})|(?P<left>{_SIDE}) = (?:\w+\.)?store_id\b"
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter")
Plan = dict[str, Any]
How = Literal["value", "join", "not"]
# What makes the planner show by which condition each table is read, however small it is.
BY_INDEX = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}


def test_every_table_has_its_place() -> None:
    assert sorted([*DISTRIBUTED, *REFERENCE]) == sorted(metadata.tables)


async def test_every_key_of_a_distributed_table_carries_the_store(database: Database) -> None:
    """Primary keys and unique indexes, for Citus can hold a row unique only within its shard."""
    asked = sa.text("""
        SELECT c.relname, x.relname AS index, array_agg(a.attname)::text[] AS columns
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indisunique AND c.relname = ANY(:tables) GROUP BY 1, 2
    """)
    async with database.begin() as connection:
        found = (await connection.execute(asked, {"tables": DISTRIBUTED})).all()
    assert {row.relname for row in found} == set(DISTRIBUTED)
    assert [row.index for row in found if "store_id" not in row.columns] == []


async def test_every_reference_between_distributed_tables_carries_the_store(
    database: Database,
) -> None:
    asked = sa.text("""
        SELECT k.conname, array_agg(a.attname)::text[] AS columns
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
          JOIN pg_class f ON f.oid = k.confrelid
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
         WHERE k.contype = 'f' AND c.relname = ANY(:tables) AND f.relname = ANY(:tables)
         GROUP BY 1
    """)
    async with database.begin() as connection:
        found = (await connection.execute(asked, {"tables": DISTRIBUTED})).all()
    assert len(found) >= 5
    assert [row.conname for row in found if "store_id" not in row.columns] == []


async def test_the_hot_path_never_asks_across_stores(fresh_url: str, data_folder: Path) -> None:
    """Ship, cancel, deliver, record and show orders; every plan reads by the store.

    And by one that it names itself, but for the statements of JOINED.
    """
    plans: list[Plan] = []
    async with _logged(fresh_url, data_folder, plans), open_world(fresh_url) as world:
        async with world.database.begin() as connection:
            await connection.execute(_AS_ON_CITUS)
        await _a_day(world)
    mine = [plan for plan in plans if not _text(plan).startswith(tuple(ACROSS_STORES))]
    scans = [(plan, scan) for plan in mine for scan in _scans(plan["Plan"])]
    assert {scan["Relation Name"] for _, scan in scans} == set(DISTRIBUTED) - UPKEEP
    bound = [(_text(plan), _bound(scan, plan["Plan"]), scan) for plan, scan in scans]
    assert [(text, scan) for text, how, scan in bound if how == "not"] == []
    joined = {text for text, how, _ in bound if how == "join"}
    assert {text for text in joined if not any(part in text for part in JOINED)} == set()
    assert {part for part in JOINED if not any(part in text for text in joined)} == set()


def test_a_value_is_told_from_a_join() -> None:
    """What decides the test above, on plans as PostgreSQL writes them."""
    orders = _scan("o", "((store_id = 1) AND (id = '0'::uuid))")
    given = {"Node Type": "Function Scan", "Alias": "q", "Function Name": "unnest"}
    whole = {"Node Type": "Nested Loop", "Plans": [orders, given]}
    for condition, how in (
        ("(store_id = 1)", "value"),
        ("(store_id = $1)", "value"),
        ("((id = $2) AND ((1) = store_id))", "value"),
        ("(store_id = (InitPlan 1).col1)", "value"),
        ("((store_id = o.store_id) AND (order_id = o.id))", "value"),
        ("(store_id = q.store_id)", "join"),
        ("(store_id = ANY ('{1,2}'::integer[]))", "join"),
        ("(store_id > 1)", "not"),
        ("(other_store_id = 1)", "not"),
    ):
        scan = _scan("l", condition)
        whole["Plans"] = [orders, given, scan]
        assert _bound(scan, whole) == how, condition


def _scan(alias: str, condition: str) -> dict[str, Any]:
    return {
        "Node Type": "Index Scan",
        "Relation Name": "orders",
        "Alias": alias,
        "Index Cond": condition,
    }


@pytest.mark.parametrize("distributed", [False, True])
async def test_where_stores_are_distributed_a_claim_is_of_one(
    fresh_url: str, data_folder: Path, distributed: bool
) -> None:
    """A poller that finds three stores with something due claims of all at once, or of each."""
    plans: list[Plan] = []
    async with _logged(fresh_url, data_folder, plans), open_world(fresh_url) as world:
        assert not await claims.distributed(world.database.by_key)
        if distributed:
            async with world.database.begin() as connection:
                await connection.execute(_AS_ON_CITUS)
            assert await claims.distributed(world.database.by_key)
        sent = []
        for number in range(3):
            order = await world.an_order(1, store=await world.a_store())
            shipped = await ship.ship(world.desk, order.id, a_package(f"1Z{number}"), actor="t")
            sent.append(shipped.shipment.update.id)
        await world.deliver_until(*sent)
    texts = [_text(plan) for plan in plans]
    looks = [text for text in texts if " n.under_way, " in text]
    takes = [text for text in texts if text.startswith("WITH passed AS")]
    if distributed:
        assert len(takes) >= len(sent)
    # An array of stores is what tells the statements for several from those for one.
    assert any("unnest($1::int[]) AS q(store_id)" in text for text in looks) is not distributed
    assert any("unnest($11::int[]" in text for text in takes) is not distributed


async def _a_day(world: World) -> None:
    one, other = await world.a_store(), await world.a_store()
    for store in (one, other):
        await _requests(world, store)
    await _recorded_together(world, [one, other])


async def _requests(world: World, store: StoreView) -> None:
    orders = [
        await world.imported(await world.at_walmart(2, store=store, **changes), store)
        for changes in ({"status": "Acknowledged"}, {"status": "Acknowledged"}, {})
    ]
    once = Once(store.store_id, "k", "POST", "/p", "key", b"", lambda _: Answer(202, b"", {}))
    one_unit = {"items": (RequestedItem(1, line_number="1"),)}
    shipped = [
        # At once, behind an update that is open, and a second time under its reference.
        await ship.ship(
            world.desk,
            orders[0].id,
            a_package("1ZA", reference="r", **one_unit),
            actor="t",
            once=once,
        ),
        await ship.ship(world.desk, orders[2].id, a_package("1ZB", **one_unit), actor="t"),
        await ship.ship(
            world.desk, orders[0].id, a_package("1ZA", reference="r", **one_unit), actor="t"
        ),
    ]
    canceled = await cancel.cancel(
        world.desk, orders[1].id, CancelRequest("out_of_stock"), actor="t", once=None
    )
    await world.deliver_until(*(each.shipment.update.id for each in shipped), canceled.update.id)
    async with world.database.read() as connection:
        await overview.order(connection, store.store_id, orders[0].id)
        await overview.timeline(connection, store.store_id, orders[0].id)
        await overview.summary(connection, store.store_id)


async def _recorded_together(world: World, stores: Sequence[StoreView]) -> None:
    """Results of several stores in one batch, as a poller writes them."""
    results = []
    for store in stores:
        order = await world.an_order(2, store=store)
        await ship.ship(world.desk, order.id, a_package("1ZC"), actor="t")
        (taken,) = await claim(world.database, store.store_id, apart=True)
        at = datetime.now(UTC)
        results.append(
            Result(
                taken,
                Step(State.CONFIRMED),
                Attempt(world.desk.new_id(store.store_id), "p", at, at, "confirmed", None, []),
                news=[News(store.store_id, Endpoint.SHIP, at, at, tokens=3)],
            )
        )
    written = await recording.record(world.database, results, world.desk.new_id)
    assert len({each.update.store_id for each in written.kept}) == len(stores)


@asynccontextmanager
async def _logged(url: str, data_folder: Path, plans: list[Plan]) -> AsyncIterator[None]:
    """Let plans have those of every statement of a while, by connections that begin in it."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    name = await connection.fetchval("SELECT current_database()")
    for setting, value in BY_INDEX.items():
        await connection.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    await connection.close()
    log = next((data_folder / "server").rglob("server.log"))
    start = log.stat().st_size
    yield
    found = re.findall(r"plan:\n((?:\t.*\n)+)", log.read_bytes()[start:].decode(errors="replace"))
    plans += [json.loads(text.replace("\n\t", "\n").strip()) for text in found]


def _text(plan: Plan) -> str:
    return " ".join(plan["Query Text"].split())


def _nodes(node: Plan) -> Iterator[Plan]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _scans(node: Plan) -> Iterator[Plan]:
    for each in _nodes(node):
        if each.get("Relation Name") in DISTRIBUTED and "Scan" in each["Node Type"]:
            yield each


def _bound(scan: Plan, whole: Plan, asked: frozenset[str] = frozenset()) -> How:
    """How a table is read by its store: by a value, by a join, or not.

    A column of a row that was itself read by a value is one: the planner knows the same store.
    """
    # A bitmap's condition stands below it.
    below = scan.get("Plans", [])
    conditions = [each.get(name, "") for each in (scan, *below) for name in CONDITIONS]
    others = [found for each in conditions for found in _compared(each)]
    if any(re.fullmatch(VALUE, other) for other in others):
        return "value"
    columns = [other.strip("()") for other in others if other.strip("()").endswith(".store_id")]
    aliases = {each.removesuffix(".store_id").strip('"') for each in columns}
    if any(_of_one_store(alias, whole, asked | {alias}) for alias in aliases - asked):
        return "value"
    return "join" if others else "not"


def _compared(condition: str) -> Iterator[str]:
    """What the store is said to be equal to."""
    for found in re.finditer(EQUAL, condition):
        yield found["right"] or found["left"]


def _of_one_store(alias: str, whole: Plan, asked: frozenset[str]) -> bool:
    """Whether every row of a relation of a plan was read by the same value of the store."""
    for node in _nodes(whole):
        if node.get("Alias") != alias:
            continue
        if "Relation Name" in node and "Scan" in node["Node Type"]:
            return _bound(node, whole, asked) == "value"
        if node["Node Type"] == "CTE Scan":
            name = f"CTE {node['CTE Name']}"
            of = [each for each in _nodes(whole) if each.get("Subplan Name") == name]
        else:
            of = node.get("Plans", [])
        scans = [scan for each in of for scan in _scans(each)]
        return bool(scans) and all(_bound(scan, whole, asked) == "value" for scan in scans)
    return False
