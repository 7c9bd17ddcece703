"""What searchCriteria find. The measure is Magento's source and Adobe's "Search using REST endpoints".

The conditions stand in Magento's lib/internal/Magento/Framework/DB/Adapter/Pdo/Mysql.php
(prepareSqlCondition), which searches MySQL: text without case, null equal and unequal to nothing.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Invalid
from app.storage import queries
from app.storage.postgres.database import Connection, Database
from app.storage.queries import commerce_order_search, commerce_search
from app.storage.queries.commerce_order_search import ORDERS
from app.storage.queries.commerce_search import Criteria, Filter, Sort
from app.web.commerce.order_schemas import CommerceOrderOut
from tests.integration.growth import LANES, STORES

NAMES = "ABCDEF"
# An id of a store names its number.
_NUMBERED = """
    UPDATE stores SET id = ('01a20a61-4a87-7d0f-8311-00000000000' || store_id)::uuid
"""
# A letter is the purchase order of each order, and its place is the last digit of its id.
_ORDERS = """
    INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id, commerce_order_id,
                        commerce_order_number, fulfillment_status, status, ordered_at, created_at,
                        updated_at)
    SELECT store_id, ('01a20a61-4a87-7d0f-8311-00000000000' || position)::uuid, o.*
      FROM unnest(ARRAY[1, 2]) store_id, (VALUES
        ('A', '200012345678901', 7, '000000007', 'open', 'open',
         timestamptz '2026-11-23 10:00:00.5Z', timestamptz '2026-11-24 01:00:00Z',
         timestamptz '2026-11-24 02:00:00.25Z'),
        ('B', '2000123-45678902', 8, 'WM-0008', 'partially_shipped', 'partially_shipped',
         '2026-11-22 10:00:00Z', '2026-11-24 01:00:00Z', '2026-11-24 03:00:00Z'),
        ('C', NULL, 9, 'wm_0009', 'shipped', 'shipped',
         '2026-11-21 10:00:00Z', '2026-11-24 01:00:00Z', '2026-11-24 04:00:00Z'),
        ('D', '400', 10, '100%', 'shipped', 'shipped',
         NULL, '2026-11-20 01:00:00Z', '2026-11-24 05:00:00Z'),
        ('E', '5-00', NULL, NULL, 'canceled', 'canceled',
         '2026-11-19 10:00:00Z', '2026-11-24 01:00:00Z', '2026-11-24 06:00:00Z'),
        ('F', '600', NULL, NULL, 'open', 'error',
         '2026-11-18 10:00:00Z', '2026-11-24 01:00:00Z', '2026-11-24 07:00:00Z')) o
      CROSS JOIN LATERAL (SELECT strpos('ABCDEF', o.column1) AS position) p
"""
_LINES = """
    INSERT INTO order_lines (store_id, order_id, line_number, position, sku, unit_price, currency,
                             other_charges, ordered, shipped, refunded, canceled)
    SELECT o.store_id, o.id, number, number, 'SKU', price, currency, charges, 3, shipped, refunded,
           canceled
      FROM orders o JOIN (VALUES
        ('A', 1, 14.00, 'USD', NULL, 0, 0, 0), ('A', 2, 1.25, 'USD', -0.75, 0, 0, 0),
        ('B', 1, 10.00, 'CAD', 2.5, 1, 0, 0),
        ('C', 1, 10.00, 'USD', NULL, 3, 3, 0), ('C', 2, 10.00, 'USD', NULL, 3, 2, 0),
        ('D', 1, NULL, NULL, NULL, 3, 3, 0),
        ('E', 1, 5.00, 'USD', NULL, 0, 0, 3)) l (name, number, price, currency, charges, shipped,
                                                refunded, canceled)
        ON l.name = o.purchase_order_id
"""
_FOUND = {
    # Nothing of Magento's: what Waybill and Commerce call the same order.
    "status eq open": "A",
    "status eq error": "F",
    "status eq PENDING": "AF",
    "status eq processing": "ABF",
    "status eq complete": "C",
    "status eq closed": "D",
    "status eq canceled": "E",
    "status in pending, partially_shipped": "ABF",
    "status neq processing": "CDE",
    "status nin complete,closed": "ABEF",
    "status like %ed": "BCDE",
    "status nlike p%": "CDE",
    "status null": "",
    "state eq new": "AF",
    "state eq processing": "ABF",
    "state eq complete": "C",
    "state eq closed": "D",
    "state neq closed": "ABCEF",
    "store_id eq 1": "ABCDEF",
    "store_id in 1": "ABCDEF",
    "entity_id eq 7": "A",
    "entity_id in 7, 9.0": "AC",
    "entity_id nin 7,9": "BD",
    "entity_id neq 7": "BCD",
    "entity_id gt -1": "ABCD",
    "entity_id from 8": "BCD",
    "entity_id to 8": "AB",
    "entity_id like 1%": "D",
    "entity_id null": "EF",
    "entity_id notnull": "ABCD",
    "increment_id eq 000000007": "A",
    "increment_id eq wm-0008": "B",
    "increment_id in WM-0008,WM_0009": "BC",
    "increment_id finset wm-0008": "B",
    "increment_id nfinset wm-0008": "ACD",
    "increment_id neq ": "ABCD",
    "increment_id gt 000000007": "BCD",
    "increment_id lt wm": "AD",
    "increment_id like WM%": "BC",
    "increment_id like wm_000_": "BC",
    "increment_id like wm\\_000%": "C",
    "increment_id like %\\%": "D",
    "increment_id like 100\\": "",
    "increment_id like %0009": "C",
    "increment_id nlike WM%": "AD",
    "increment_id sneq ": "ABCD",
    "increment_id seq ": "EF",
    "ext_order_id eq a": "A",
    "ext_order_id like _": "ABCDEF",
    "ext_customer_id eq 200012345678901": "A",
    "ext_customer_id eq 2000123-45678901": "A",
    "ext_customer_id in 2000123-45678901,200012345678902": "AB",
    "ext_customer_id like 2000123-4567%": "AB",
    "ext_customer_id like 20001234567%": "AB",
    "ext_customer_id like %8902": "B",
    "ext_customer_id like 5-0%": "E",
    "ext_customer_id eq 5-00": "E",
    "ext_customer_id neq 2000123-45678901": "BDEF",
    "ext_customer_id null": "C",
    "order_currency_code eq usd": "ACE",
    "order_currency_code null": "DF",
    "grand_total eq 45.00": "A",
    "grand_total gteq 45": "AC",
    "grand_total lt 32.5": "DEF",
    "grand_total eq 0": "DF",
    "base_grand_total eq 45": "A",
    "customer_email eq order-a@walmart.example.com": "A",
    "customer_email like %@walmart.example.com": "ABCDEF",
    "grand_total like 32.5%": "B",
    "total_qty_ordered eq 3": "BDE",
    "total_qty_ordered eq 0": "F",
    "total_item_count gt 1": "AC",
    # Seconds, as they are shown; and the order's creation in Waybill where Walmart gave no time.
    "created_at eq 2026-11-23 10:00:00": "A",
    "created_at in 2026-11-23 10:00:00,2026-11-20 01:00:00": "AD",
    "created_at neq 2026-11-20 01:00:00": "ABCEF",
    "created_at gt 2026-11-23 10:00:00": "",
    "created_at lt 2026-11-20": "EF",
    "created_at from 2026-11-20": "ABCD",
    "created_at like 2026-11-2%": "ABCD",
    "created_at in 2026-11-23 10:00:00.2,2026-11-20 01:00:00": "D",
    "updated_at in 2026-11-24 02:00:00,2026-11-24T04:00:00Z,2026-11-24 05:00:01": "AC",
    # The first and the last time of MySQL, by which clients ask for everything.
    "updated_at gt 0000-00-00 00:00:00": "ABCDEF",
    "created_at from 0001-01-01": "ABCDEF",
    "created_at to 9999-12-31 23:59:59": "ABCDEF",
    "updated_at gt 2026-11-24 02:00:00": "BCDEF",
    "updated_at gteq 2026-11-24 02:00:00.1": "BCDEF",
    "updated_at lteq 2026-11-24T02:00:00Z": "A",
    "updated_at lt 2026-11-24T03:00:00+00:00": "A",
    "updated_at notnull": "ABCDEF",
}  # fmt: skip
_REFUSED = (
    "status eq holded", "status in open,shiped", "status like x%", "status gt a", "state eq open",
    "store_id eq 2", "entity_id eq ", "entity_id eq x", "entity_id eq 7.5", "entity_id gt 1e4000000",
    "entity_id in ,", "increment_id eq ", "increment_id like ", "grand_total eq 0.00001",
    "grand_total eq NaN", "created_at gt yesterday", "created_at lt 0001-01-01T00:00:00+14:00",
    "created_at eq 0000-00-00 00:00:00", "created_at gt 9999-12-31", "entity_id eq 1_0",
    "total_qty_ordered gt 1_0",
    "customer_firstname eq x", "items eq 1", "extension_attributes null", "entity_id regexp 7",
    "entity_id; DROP TABLE orders eq 1", f"increment_id eq {'9' * 256}",
)  # fmt: skip
_INJECTED = (
    "' OR '1'='1",
    "x'; DELETE FROM orders; --",
    "$1",
    ":store_id",
    "%' OR '%",
    "%(x)s",
    "\\'",
)


def criteria(*groups: str, sorts: str = "", size: int = 100, page: int = 1) -> Criteria:
    """Groups of filters in words: `field condition value`, alternatives joined by |."""

    def a_filter(text: str) -> Filter:
        field, condition, *value = text.strip().split(" ", 2) if ";" not in text else (text, "eq")
        return Filter("/x", field, condition, value[0] if value else "")

    return Criteria(
        [[a_filter(each) for each in group.split("|")] for group in groups],
        [Sort("/x", each.lstrip("-"), each.startswith("-")) for each in sorts.split()],
        size,
        page,
    )


@pytest.fixture
async def orders(database: Database) -> AsyncIterator[Connection]:
    """A transaction with six orders in each of two stores."""
    async with database.begin() as connection:
        for statement in (STORES, LANES, _NUMBERED, _ORDERS.replace("o.*", _COLUMNS), _LINES):
            await connection.exec_driver_sql(statement)
        yield connection


_COLUMNS = ", ".join(f"o.column{number}" for number in range(1, 10))


async def found(connection: Connection, wanted: Criteria) -> str:
    ids, total = await commerce_search.search(connection, 1, wanted, ORDERS)
    assert total == len(ids)
    return "".join(NAMES[each.int % 16 - 1] for each in ids)


async def test_conditions_find_what_they_find_in_commerce(orders: Connection) -> None:
    got = {each: await found(orders, criteria(each)) for each in _FOUND}
    assert got == _FOUND


async def test_filters_of_a_group_are_alternatives_and_all_groups_must_match(
    orders: Connection,
) -> None:
    assert await found(orders, criteria()) == "ABCDEF"
    assert await found(orders, criteria("entity_id eq 7|entity_id eq 8|state eq canceled")) == "ABE"
    both = criteria("created_at from 2026-11-20", "created_at to 2026-11-22 10:00:00")
    assert await found(orders, both) == "BCD"
    assert (
        await found(orders, criteria("entity_id eq 7|entity_id eq 9", "status eq complete")) == "C"
    )


async def test_what_nothing_can_be_found_by_is_refused(orders: Connection) -> None:
    for each in _REFUSED:
        with pytest.raises(Invalid) as refused:
            await queries.search_orders(orders, 1, criteria(each))
        (problem,) = refused.value.problems
        assert (problem.code, problem.pointer[:3]) == ("search_criteria_invalid", "/x["), each


async def test_the_values_of_a_search_are_no_more_than_postgresql_takes(orders: Connection) -> None:
    times = ",".join(["2026-11-23 10:00:00"] * 999)
    assert await found(orders, criteria(f"created_at in {times}")) == "A"
    with pytest.raises(Invalid, match="1,000 values"):
        await found(orders, criteria(f"created_at in {times}", "entity_id in 1,2"))


async def test_values_are_never_sql(orders: Connection) -> None:
    for value in _INJECTED:
        for field in ("increment_id", "ext_customer_id", "order_currency_code"):
            for condition in ("eq", "in", "like", "gt", "nlike"):
                views, total = await queries.search_orders(
                    orders, 1, Criteria([[Filter("/x", field, condition, value)]], [], 100, 1)
                )
                assert len(views) == total
                # Each is beyond the numbers, or before them; nothing else is a match.
                assert condition in {"gt", "nlike"} or total == 0, (field, condition, value)
    assert await found(orders, criteria()) == "ABCDEF"


async def test_sorting_by_several_fields_puts_null_first_as_mysql_does(orders: Connection) -> None:
    async def sorted_by(sorts: str) -> str:
        return await found(orders, criteria(sorts=sorts))

    assert await sorted_by("entity_id") == "EFABCD"
    assert await sorted_by("-entity_id") == "DCBAFE"
    assert await sorted_by("total_qty_ordered -entity_id") == "FDBECA"
    assert await sorted_by("-created_at") == "ABCDEF"
    assert await sorted_by("state -updated_at") == "EDCFBA"
    for each in commerce_order_search.fields(1):
        assert sorted(await sorted_by(each)) == list("ABCDEF"), each
    with pytest.raises(Invalid):
        await sorted_by("payload")


async def test_a_page_behind_the_last_one_is_empty_and_the_count_exact(orders: Connection) -> None:
    async def page(number: int) -> tuple[str, int]:
        views, total = await queries.search_orders(orders, 1, criteria(size=4, page=number))
        return "".join(view.purchase_order_id for view in views), total

    # Magento since 2.4.0 (issue 26986; app/code/Magento/Theme/etc/webapi_rest/di.xml).
    assert await page(1) == ("ABCD", 6)
    assert await page(2) == ("EF", 6)
    assert await page(3) == ("", 6)
    assert await page(2**63 - 1) == ("", 6)
    assert await page(2**62) == ("", 6)


async def test_the_order_is_shown_with_the_values_that_it_is_found_by(orders: Connection) -> None:
    views, _ = await queries.search_orders(orders, 1, criteria())
    fields = commerce_order_search.fields(1)
    for view in views:
        shown: dict[str, Any] = CommerceOrderOut.of(view).model_dump()
        for field in fields:
            condition = f"{field} eq {shown[field]}" if field in shown else f"{field} null"
            again = await found(orders, criteria(condition))
            assert view.purchase_order_id in again, condition


async def test_a_search_that_takes_too_long_says_how_to_narrow_it(database: Database) -> None:
    async with database.begin() as blocking:
        await blocking.exec_driver_sql("LOCK TABLE orders")
        with pytest.raises(Invalid, match="Add a filter") as refused:
            async with database.begin(statement_timeout="10") as connection:
                await queries.search_orders(connection, 1, criteria())
    assert refused.value.code == "search_too_broad"


async def test_a_list_of_a_thousand_times_is_planned_at_once(orders: Connection) -> None:
    """A range for each time took PostgreSQL ten seconds, in which it found nothing."""
    await orders.execute(sa.text("SET LOCAL statement_timeout = '2s'"))
    times = ",".join(f"2026-11-25 10:{each // 60:02}:{each % 60:02}" for each in range(1000))
    assert await found(orders, criteria(f"created_at nin {times}")) == "ABCDEF"
    assert await found(orders, criteria(f"created_at in {times}")) == ""
