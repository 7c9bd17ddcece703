"""Index scans of all stores where tables are sharded (Citus), in place of `index_scan_sql.py`.

A recursion runs on one server only. So each server reads the first keys of its own stores, those
of a group by the index, and the coordinator merges them: a page costs its length for each store.
Its rows are then read store by store.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import ShardedQuery, of_any
from app.storage.postgres.sql import Statement
from app.storage.queries.index_scan_sql import IndexScan, parameter

_BEGIN, _END = ":key::timestamptz, :id::uuid", ":last_key::timestamptz, :last_id::uuid"


@dataclass(frozen=True, slots=True)
class PageOfShards:
    """The rows that `index_scan_sql.page` selects."""

    keys: Statement
    rows: ShardedQuery

    async def fetch(self, reader: Reader, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run the scan. Raises as the reader does."""
        return await _rows(self.rows, reader, await self.keys.fetch(reader, values), values)


@dataclass(frozen=True, slots=True)
class FewOfShards:
    """The rows that `index_scan_sql.few` selects."""

    keys: Statement
    rows: ShardedQuery
    limit: int

    async def fetch(self, reader: Reader, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run the scan. Raises as the reader does."""
        keys = await self.keys.fetch(reader, values)
        if not keys or len(keys) >= self.limit:
            return [{"counted": len(keys)}]
        return await _rows(self.rows, reader, keys, values)


@dataclass(frozen=True, slots=True)
class CountOfShards:
    """The row that `index_scan_sql.count` selects."""

    keys: Statement

    async def fetch(self, reader: Reader, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run the scan. Raises as the reader does."""
        keys = await self.keys.fetch(reader, values)
        return [{"count": len(keys), "first": keys[0]["key"] if keys else None}]


def page(scan: IndexScan, shape: tuple[int, ...], limit: int) -> PageOfShards:
    """The scan of a page; see `index_scan_sql.page`."""
    more, wanted = "", "true"
    if scan.checked:
        more = f", ({scan.checked}) AS wanted, :counted::int AS examined"
        # Of the last one the caller needs the place, whether it passes or not.
        wanted = f"(({scan.checked}) OR page.place = :counted::int - 1)"
    return PageOfShards(_keys(scan, shape, limit), _rows_of(scan, more, wanted))


def few(scan: IndexScan, shape: tuple[int, ...], limit: int) -> FewOfShards:
    """The scan of all rows, if these are fewer than limit."""
    rows = _rows_of(scan, ", :counted::int AS counted", "true")
    return FewOfShards(_keys(scan, shape, limit), rows, limit)


def count(scan: IndexScan, shape: tuple[int, ...], limit: int) -> CountOfShards:
    """The scan of a count and a first key."""
    return CountOfShards(_keys(scan, shape, limit))


def _keys(scan: IndexScan, shape: tuple[int, ...], limit: int) -> Statement:
    groups = " UNION ALL ".join(
        _group(scan, numbers, limit) for numbers in itertools.product(*map(range, shape))
    )
    direction = scan.pieces["direction"]
    return Statement(
        of_any(
            sql.read(
                "queries/scan_shards.sql", groups=groups, limit=str(limit), direction=direction
            )
        )
    )


def _group(scan: IndexScan, numbers: Sequence[int], limit: int) -> str:
    """The first keys of each store with one value of each wanted column."""
    given = zip(scan.prefix, enumerate(numbers), strict=False)
    same = "".join(
        f" AND {column} = :{parameter(place, number)}::{kind}"
        for (column, kind), (place, number) in given
    )
    pieces = scan.pieces | {"limit": str(limit), "same": same}
    direction, behind, before = pieces["direction"], pieces["behind"], pieces["before"]
    if scan.undated:
        return sql.read(
            "queries/scan_shards_group.sql",
            **pieces,
            selected="'-infinity'::timestamptz",
            within=f"{scan.key} IS NULL AND t.id {behind} :id::uuid",
            order=f"t.id {direction}",
        )
    place = f"ROW({scan.key}, t.id)"
    return sql.read(
        "queries/scan_shards_group.sql",
        **pieces,
        selected=scan.key,
        within=f"{place} {behind} ROW({_BEGIN}) AND {place} {before} ROW({_END})",
        order=f"{scan.key} {direction}, t.id {direction}",
    )


def _rows_of(scan: IndexScan, more: str, wanted: str) -> ShardedQuery:
    return ShardedQuery(
        sql.read(
            "queries/scan_shards_rows.sql",
            rows=scan.rows,
            table=scan.table,
            more=more,
            wanted=wanted,
        )
    )


async def _rows(
    query: ShardedQuery, reader: Reader, keys: Sequence[Row], values: Mapping[str, Any]
) -> Sequence[Row]:
    """The rows of keys, in their order."""
    stores = [row["store_id"] for row in keys]
    given: dict[str, Any] = {
        "stores": stores,
        "keys": [row["key"] for row in keys],
        "ids": [row["id"] for row in keys],
        "places": list(range(len(keys))),
        "counted": len(keys),
    }
    rows = await query.fetch(reader, stores, {**values, **given}) if keys else ()
    return sorted(rows, key=lambda row: row["place"])
