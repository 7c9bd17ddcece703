"""Whether the tables can be distributed by store, from the catalogue and the logged statements.

Waybill was not run on Citus; these are the conditions that its documentation names.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app.cli import distribute
from app.domain import ids
from app.domain.orders.requests import CancelRequest, RequestedItem
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import State
from app.settings import Settings
from app.storage import queries
from app.storage.commerce import events
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.imports import webhook_inbox
from app.storage.orders import accept_in_shard, counts, ship_by
from app.storage.outbox import rescue, retention, rollup
from app.storage.postgres.database import Database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.queries.commerce_search import Criteria, Filter, Sort
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import StoreView
from app.storage.removal import expired
from app.storage.stores import error_notifications, sessions
from app.storage.stores.sessions import Access
from app.storage.tables import metadata
from app.storage.tables.base import is_reference
from app.usecases.access import sign_in
from app.usecases.orders import cancel, ship
from app.worker.maintenance.doubts import DoubtResolver
from tests.builders import a_package
from tests.harness.outbox import claim
from tests.harness.world import World, open_world

DISTRIBUTED = [table.name for table in metadata.sorted_tables if not is_reference(table)]

# Neither read nor written here: imports, reconciliations and refunds only have plain statements
# of one store.
UPKEEP = {
    "import_places",
    "import_retries",
    "imports",
    "reconciliations",
    "refunds",
    "webhooks_expected",
}
# Statements over all stores, each with the reason why it is allowed: they run in pollers' surveys
# and maintenance, never for a request or an update, and each server answers for its own stores.
ACROSS_STORES = {
    "SELECT g.store_id, g.kind, g.ambiguous": "stores with due updates: once a survey of each poller",
    "SELECT d.store_id FROM": "stores with due maintenance: once an interval of each poller",
    "SELECT d.store_id FROM updates d WHERE d.in_doubt_until": "stores with doubts that may end: as above",
    "SELECT w.store_id FROM webhook_events w": "stores with due webhook events: as above",
}
# Clauses of a single server: Citus accepts them only where the store is a value.
OF_ONE_SERVER = re.compile(r"FOR (NO KEY )?(UPDATE|SHARE)|RECURSIVE")
# Statements of the test itself.
_SEED = "/* seed */"
# A row as on Citus, which is all that Waybill checks.
_AS_ON_CITUS = """
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 1, 'citus', extowner, extnamespace, false, '0' FROM pg_extension LIMIT 1
"""
# A parameter or a constant, with or without a cast.
VALUE = r"\(?(\$\d+|-?\d+)\)?"
_SIDE = r"""\(InitPlan \d+\)\.col\d+|"[^"]+"\.store_id|[^\s()"]+|\([^\s()]+\)|ANY \("""
EQUAL = rf"\b(?:\w+\.)?store_id = (?P<right>{_SIDE})|(?P<left>{_SIDE}) = (?:\w+\.)?store_id\b"
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter")
Plan = dict[str, Any]
How = Literal["value", "join", "not"]
# Makes the planner show the condition by which each table is read, however small it is.
BY_INDEX = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}


def test_one_server_is_not_distributed(data_folder: Path) -> None:
    with EmbeddedPostgres.start(data_folder / "one") as server:
        settings = Settings(database_url=SecretStr(server.url))
        with pytest.raises(distribute.CannotDistribute, match="one PostgreSQL server"):
            list(distribute.run(settings))


async def test_every_key_of_a_distributed_table_carries_the_store(database: Database) -> None:
    """Primary keys and unique indexes, because Citus can enforce uniqueness only within a shard."""
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


async def test_no_statement_covers_several_stores(fresh_url: str, data_folder: Path) -> None:
    """Ship, cancel, deliver, record and show orders, and run maintenance: each by a store's number."""
    plans: list[Plan] = []
    async with _logged(fresh_url, data_folder, plans), open_world(fresh_url) as world:
        await _like_citus(world)
        await _a_day(world)
        await _maintenance(world)
    mine = [plan for plan in plans if not plan["Query Text"].startswith(_SEED)]
    scans = [(_text(plan), scan) for plan in mine for scan in _scans(plan["Plan"])]
    assert {scan["Relation Name"] for _, scan in scans} == set(DISTRIBUTED) - UPKEEP
    bound = [(text, _bound(scan), scan) for text, scan in scans]
    everywhere = {text for text, how, _ in bound if how != "value"}
    assert {text for text in everywhere if OF_ONE_SERVER.search(text)} == set()
    assert {text for text in everywhere if not text.startswith(tuple(ACROSS_STORES))} == set()
    # Each server has all rows that such a statement joins.
    assert [text for text in everywhere if not re.search(r"GROUP BY \w?\.?store_id", text)] == []
    seen = {each for each in ACROSS_STORES for text in everywhere if text.startswith(each)}
    assert seen == set(ACROSS_STORES)
    assert any(OF_ONE_SERVER.search(text) for text, how, _ in bound if how == "value")


def test_a_value_is_distinguished_from_a_join() -> None:
    """The check of the test above, on plans in PostgreSQL's format."""
    for condition, how in (
        ("(store_id = 1)", "value"),
        ("(store_id = $1)", "value"),
        ("((id = $2) AND ((1) = store_id))", "value"),
        ("(store_id = (InitPlan 1).col1)", "join"),
        ("((store_id = o.store_id) AND (order_id = o.id))", "join"),
        ("(store_id = q.store_id)", "join"),
        ("(store_id = ANY ('{1,2}'::integer[]))", "join"),
        ("(store_id > 1)", "not"),
        ("(other_store_id = 1)", "not"),
    ):
        assert _bound({"Node Type": "Index Scan", "Index Cond": condition}) == how, condition


@pytest.mark.parametrize("distributed", [False, True])
async def test_a_claim_covers_one_store_when_stores_are_distributed(
    fresh_url: str, data_folder: Path, distributed: bool
) -> None:
    """A poller that finds three stores with due updates claims for all at once, or for each."""
    plans: list[Plan] = []
    async with _logged(fresh_url, data_folder, plans), open_world(fresh_url) as world:
        if distributed:
            await _like_citus(world)
        assert await world.database.is_sharded() is distributed
        sent = []
        for number in range(3):
            order = await world.an_order(1, store=await world.a_store())
            shipped = await ship.ship(world.context, order.id, a_package(f"1Z{number}"), actor="t")
            sent.append(shipped.shipment.update.id)
        await world.deliver_until(*sent)
    texts = [_text(plan) for plan in plans]
    reads = [text for text in texts if " n.under_way, " in text]
    takes = [text for text in texts if text.startswith("WITH passed AS")]
    if distributed:
        assert len(takes) >= len(sent)
    # The form for several stores joins its argument; the other compares with one value.
    assert any("c.store_id = q.store_id" in text for text in reads) is not distributed
    assert any("l.store_id = v.store_id" in text for text in takes) is not distributed


async def _like_citus(world: World) -> None:
    await world.database.direct.fetch(_AS_ON_CITUS)
    for function in accept_in_shard.FUNCTIONS:
        await world.database.direct.fetch(function.definition)
    # PostgreSQL was asked when this connection was opened.
    world.database.placement.sharded = None


async def _a_day(world: World) -> None:
    one, other = await world.a_store(), await world.a_store()
    for store in (one, other):
        await _requests(world, store)
        await _sign_in(world, store)
    await _recorded_together(world, [one, other])


async def _requests(world: World, store: StoreView) -> None:
    orders = [
        await world.imported(await world.at_walmart(2, store=store, **changes), store)
        for changes in ({"status": "Acknowledged"}, {"status": "Acknowledged"}, {})
    ]
    once = IdempotentRequest(
        store.store_id, "k", "POST", "/p", "key", b"", lambda _: StoredResponse(202, b"", {})
    )
    one_unit = {"items": (RequestedItem(1, line_number="1"),)}
    shipped = [
        # At once, behind an update that is open, and a second time under its reference.
        await ship.ship(
            world.context,
            orders[0].id,
            a_package("1ZA", reference="r", **one_unit),
            actor="t",
            once=once,
        ),
        await ship.ship(world.context, orders[2].id, a_package("1ZB", **one_unit), actor="t"),
        await ship.ship(
            world.context, orders[0].id, a_package("1ZA", reference="r", **one_unit), actor="t"
        ),
    ]
    canceled = await cancel.cancel(
        world.context, orders[1].id, CancelRequest("out_of_stock"), actor="t", once=None
    )
    await world.deliver_until(*(each.shipment.update.id for each in shipped), canceled.update.id)
    async with world.database.read() as connection:
        await queries.order(connection, store.store_id, orders[0].id)
        await queries.timeline(connection, store.store_id, orders[0].id)
        await queries.summary(connection, store.store_id)
        for field in ("state", "grand_total", "ext_customer_id"):
            criteria = Criteria(
                [[Filter("", field, "notnull", None)]], [Sort("", field, descending=True)], 9, 1
            )
            await queries.search_orders(connection, store.store_id, criteria)


async def _sign_in(world: World, store: StoreView) -> None:
    access = Access("Jane", store.store_id, "write", None, "operators")
    link = await sign_in.make_link(world.context, access, "/orders")
    assert await sign_in.link_works(world.context, link.token)
    entered = await sign_in.enter(world.context, link.token)
    assert entered is not None
    async with world.database.begin() as connection:
        session = await sessions.find(connection, entered.token, used=True)
        assert session is not None
        await queries.sessions(connection, store.store_id, KeysetPage(9))
    assert await sign_in.end_session(world.context, store.store_id, session.id, actor="t")


async def _maintenance(world: World) -> None:
    """The maintenance of a poller, for two stores with all of it due."""
    for table, changes in {
        "orders": "ship_by = now(), ship_by_warned_at = NULL, fulfillment_status = 'open'",
        "updates": "finished_at = now() - interval '91 days' WHERE state = 'confirmed'",
        "attempts": "ended_at = now() - interval '91 days'",
        "idempotency_keys": "created_at = now() - interval '91 days'",
    }.items():
        await world.database.direct.fetch(f"{_SEED} UPDATE {table} SET {changes}")
    old = "now() - interval '91 days'"
    hour_ago = ids.first_id(datetime.now(UTC) - timedelta(hours=1))
    for columns, values in {
        "webhook_events (event_id, event_type, received_at, due_at": f"'a', 'b', {old}, {old}",
        "commerce_event_ids (event_id, received_at": f"'a', {old}",
        "oauth_nonces (key_id, timestamp, nonce, used_at": f"gen_random_uuid(), 1, 'n', {old}",
        "audit (id, what, actor, subject, at": f"gen_random_uuid(), 'w', 'a', 's', {old}",
        "updates (id, subject, kind, sequence, state, leased_by, leased_until, lease_token": (
            "gen_random_uuid(), 's', 'inventory', 1, 'sending', 'p', now(), gen_random_uuid()"
        ),
        "attempts (id, update_id, number, poller, started_at, ended_at, verdict": (
            f"'{hour_ago}'::uuid, gen_random_uuid(), 1, 'p', {old}, {old}, 'confirmed'"
        ),
        "delivery_rollups (starts_at, kind, first_try, after_retry, failed, lags": (
            f"{old}, 'shipment', 0, 0, 0, ARRAY[]::int[]"
        ),
        "notification_queues (given_up": "0",
        "notifications (what, kind, code": "'lane', 'ship', 'c'",
    }.items():
        insert = f"INSERT INTO {columns}, store_id) SELECT {values}, store_id FROM stores"
        await world.database.direct.fetch(f"{_SEED} {insert}")
    database, new_id = world.database, world.context.new_id
    async with database.begin() as connection:
        assert len(await webhook_inbox.due(connection)) == 2
    assert await rescue.rescue(database, new_id) == 2
    assert await ship_by.mark(database, 60, new_id) >= 2
    assert await counts.fold(database) >= 2
    assert len(await error_notifications.take(database)) == 2
    due = await rollup.due(database)
    assert len(due) == 2
    assert None not in [await rollup.sum_up(database, store_id) for store_id in due]
    assert await rollup.previews_due(database) == due
    for store_id in due:
        await rollup.preview(database, store_id)
    assert await expired.ROLLUPS.remove(database, 90) == 2
    assert await events.take(database) == []
    assert await DoubtResolver(world.context, Breaker()).due() == []
    # Their attempts are swept first, of one store after the other.
    deleted = [
        (await retention.forget_attempts(database, 90, retention.START, stores=stores)).gone
        for stores in await retention.sweeps(database, 90)
    ]
    assert len(deleted) == 2
    assert min(deleted) > 0
    assert await retention.archive_updates(database, 90) >= 2
    assert await expired.IDEMPOTENCY_KEYS.remove(database, 7) == 2
    assert await expired.WALMART_EVENTS.remove(database, 7) == 2
    assert await expired.AUDIT.remove(database, 90) == 2
    assert await expired.COMMERCE_EVENT_IDS.remove(database, 7) == 2
    assert await expired.UNLINKED_EVENTS.remove(database, 30) == 0
    assert await expired.NONCES.remove(database, 1) == 2
    assert await expired.SESSIONS.remove(database, 1) == 0


async def _recorded_together(world: World, stores: Sequence[StoreView]) -> None:
    """Results of several stores in one batch, as a poller records them."""
    results = []
    for store in stores:
        order = await world.an_order(2, store=store)
        await ship.ship(world.context, order.id, a_package("1ZC"), actor="t")
        (taken,) = await claim(world.database, store.store_id, sharded=True)
        at = datetime.now(UTC)
        results.append(
            DeliveryResult(
                taken,
                NextStep(State.CONFIRMED),
                Attempt(world.context.new_id(store.store_id), "p", at, at, "confirmed", None, []),
                reports=[CallReport(store.store_id, Endpoint.SHIP, at, at, tokens=3)],
            )
        )
    completer = world.poller().completer
    writing = asyncio.create_task(completer.run())
    await asyncio.gather(*(completer.write(each) for each in results))
    writing.cancel()
    found = [await world.update(each.update.id) for each in results]
    assert {each.state for each in found} == {"confirmed"}


@asynccontextmanager
async def _logged(url: str, data_folder: Path, plans: list[Plan]) -> AsyncIterator[None]:
    """Log the plan of every statement in this block, on connections opened in it."""
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


def _bound(scan: Plan) -> How:
    """How a table is read by its store: by a value, by a join, or neither.

    A column of a row does not count, even if all rows are of one store: Citus too routes only by
    values, or by what PostgreSQL derives from them through joins.
    """
    # A bitmap's condition is in the node below it.
    below = scan.get("Plans", [])
    conditions = [each.get(name, "") for each in (scan, *below) for name in CONDITIONS]
    others = [found for each in conditions for found in _compared(each)]
    if any(re.fullmatch(VALUE, other) for other in others):
        return "value"
    return "join" if others else "not"


def _compared(condition: str) -> Iterator[str]:
    """The expressions that the store is compared with."""
    for found in re.finditer(EQUAL, condition):
        yield found["right"] or found["left"]
