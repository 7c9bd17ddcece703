"""The statement of an index scan (index_scan.py), put together from the files of this package."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.storage.postgres import sql
from app.storage.postgres.sharding import of_any, of_one
from app.storage.postgres.sql import Statement

# Rows of each group that are read before it is known from which groups more are needed.
_FIRST = 3
# Selected from a table: so the planner knows nothing of the ends, and plans once for all of them.
_KEY, _ID = "(SELECT key FROM ends)", "(SELECT id FROM ends)"
_LAST_KEY, _LAST_ID = "(SELECT last_key FROM ends)", "(SELECT last_id FROM ends)"


@dataclass(frozen=True, slots=True)
class IndexScan:
    """An index with the columns store, prefix, key and id, and the rows to read by it."""

    table: str
    prefix: tuple[tuple[str, str], ...]
    """Columns or expressions with their types. Those that a list may leave open are of type text
    and come last."""
    key: str
    """A time."""
    rows: str
    """What is selected of a row t of the table and a row s of stores; a sharding template."""
    descending: bool = True
    where: str = "true"
    """A condition of every row, in the words of a partial index."""
    undated: bool = False
    """Whether only rows without a key are read, by id."""
    checked: str = ""
    """A condition that is checked row by row. A page then has the rows that pass it and its last
    row, each with `wanted` and with the number of rows that were `examined`."""

    @property
    def columns(self) -> list[str]:
        """The columns of the prefix."""
        return [column for column, _ in self.prefix]

    @property
    def names(self) -> list[str]:
        """The names of the prefix's values in a group."""
        return [f"p{number}" for number in range(len(self.prefix))]

    @property
    def pieces(self) -> dict[str, str]:
        """What each file of a statement says about the index."""
        before, behind = (">", "<") if self.descending else ("<", ">")
        direction, reverse = ("DESC", "ASC") if self.descending else ("ASC", "DESC")
        return {
            "table": self.table,
            "where": self.where,
            "key": self.key,
            "direction": direction,
            "reverse": reverse,
            "behind": behind,
            "before": before,
        }


def page(scan: IndexScan, shape: tuple[int, ...], *, one: bool, limit: int) -> Statement:
    """The statement of a page.

    shape: how many values there are of each of the first columns of the prefix. The parameters are
    those of the scan's own conditions, key and id of both ends, the store_id if it is one store,
    and the values of the prefix (`parameter`).
    """
    builder = _Builder(scan, shape, one=one, limit=limit)
    path = "queries/scan_index_checked.sql" if scan.checked else "queries/scan_index.sql"
    return builder.statement(path, page=builder.page(), rows=scan.rows, checked=scan.checked)


def few(scan: IndexScan, shape: tuple[int, ...], *, one: bool, limit: int) -> Statement:
    """The statement of all rows, if these are fewer than limit. Parameters as of `page`."""
    builder = _Builder(scan, shape, one=one, limit=limit)
    return builder.statement("queries/scan_index_few.sql", page=builder.some(), rows=scan.rows)


def count(scan: IndexScan, shape: tuple[int, ...], *, one: bool, limit: int) -> Statement:
    """The statement of a count and a first key. Parameters as of `page`."""
    builder = _Builder(scan, shape, one=one, limit=limit)
    return builder.statement(
        "queries/scan_index_count.sql",
        first=builder.rows("1"),
        range=builder.rows(builder.unseen),
        earliest="max" if scan.descending else "min",
    )


def parameter(column: int, number: int) -> str:
    """The name of one value of a column of the prefix."""
    return f"p{column}_{number}"


@dataclass(frozen=True, slots=True)
class _Builder:
    """The parts of a statement, with the arguments of `statement`."""

    scan: IndexScan
    shape: tuple[int, ...]
    one: bool
    limit: int

    def statement(self, path: str, **pieces: str) -> Statement:
        """The statement of a file of this package."""
        given = {**self.scan.pieces, "groups": self.groups(), "limit": str(self.limit), **pieces}
        template = sql.read(path, **given)
        # A store is a value wherever a row is looked up: on Citus that makes it one server's
        # business.
        return Statement(of_one(template) if self.one else of_any(template))

    def groups(self) -> str:
        """The tables of groups: the store, and a value of each column of the prefix."""
        scan, given = self.scan, len(self.shape)
        seeds = sql.read(
            "queries/scan_index_seeds.sql",
            names="".join(f", {name}.{name}" for name in scan.names[:given]),
            stores="(SELECT CAST(:store_id AS int) AS store_id)" if self.one else "stores",
            wanted="".join(self._wanted()),
        )
        if given == len(scan.prefix):
            return f"groups AS MATERIALIZED ({seeds})"
        least = [*(f"b.{name}" for name in scan.names[:given]), "''"]
        first = f"{_row(scan.columns[: given + 1])} >= {_row(least)}"
        following = f"{_row(scan.columns)} > {_row([f'g.{name}' for name in scan.names])}"
        return sql.read(
            "queries/scan_index_groups.sql",
            seeds=seeds,
            first_group=self._group("b", first),
            next_group=self._group("g", following),
        )

    def _wanted(self) -> Iterator[str]:
        """The values of the first columns of the prefix, each as a table."""
        names = zip(self.shape, self.scan.names, self.scan.prefix, strict=False)
        for column, (count, name, (_, kind)) in enumerate(names):
            values = ", ".join(f":{parameter(column, n)}::{kind}" for n in range(count))
            yield f" CROSS JOIN unnest(ARRAY[{values}]) AS {name}({name})"

    def _group(self, source: str, behind: str) -> str:
        """The first group behind another group that has the same wanted values."""
        scan, given = self.scan, len(self.shape)
        same = [f"{source}.{name}" for name in scan.names[:given]]
        within = f" AND {_row(scan.columns[:given])} <= {_row(same)}" if given else ""
        return sql.read(
            "queries/scan_index_group.sql",
            **scan.pieces
            | {
                "selected": ", ".join(map(" AS ".join, zip(scan.columns, scan.names, strict=True))),
                "source": source,
                "behind": behind + within,
                "columns": ", ".join(scan.columns),
            },
        )

    def page(self) -> str:
        """The first rows of all groups together."""
        scan, limit = self.scan, str(self.limit)
        if self.one and self.shape == (1,) * len(scan.prefix):
            rows = self.rows(self.unseen)
            return sql.read("queries/scan_index_page.sql", **scan.pieces, range=rows, limit=limit)
        first = str(min(_FIRST, self.limit))
        rest = ("h.key", "h.id", f"coalesce(b.key, {_LAST_KEY})", f"coalesce(b.id, {_LAST_ID})")
        return sql.read(
            "queries/scan_index_merged.sql",
            **scan.pieces,
            names="".join(f", g.{name}" for name in scan.names),
            more_names="".join(f", h.{name}" for name in scan.names),
            head=self.rows(first),
            more=self._range("h", rest, "(SELECT most FROM share)"),
            rest=self._range("h", rest, self.unseen),
            first=first,
            limit=limit,
        )

    def some(self) -> str:
        """Any rows of all groups together."""
        rows = self.rows(self.unseen)
        return sql.read("queries/scan_index_any.sql", range=rows, limit=str(self.limit))

    def rows(self, limit: str) -> str:
        """The first rows of a group g."""
        return self._range("g", (_KEY, _ID, _LAST_KEY, _LAST_ID), limit)

    @property
    def unseen(self) -> str:
        """The limit, which the planner does not see."""
        # The planner does not see through a SELECT, so it expects a tenth of a group. For a limit
        # near the rows of a group it would choose a scan and a sort of the whole group.
        return f"(SELECT {self.limit})"

    def _range(self, group: str, ends: Sequence[str], limit: str) -> str:
        """Rows of a group between two ends, both left out."""
        scan = self.scan
        pieces = scan.pieces | {"group": group, "limit": limit}
        values = [f"{group}.{name}" for name in scan.names]
        if scan.undated:
            pairs = zip(scan.columns, values, strict=True)
            same = "".join(f" AND {column} = {value}" for column, value in pairs)
            return sql.read("queries/scan_index_undated.sql", **pieces, same=same, begin=ends[1])
        place = [*scan.columns, scan.key, "t.id"]
        return sql.read(
            "queries/scan_index_range.sql",
            **pieces,
            place=_row(place),
            begin=_row([*values, *ends[:2]]),
            end=_row([*values, *ends[2:]]),
            order=", ".join(f"{column} {pieces['direction']}" for column in place),
        )


def _row(values: Sequence[str]) -> str:
    return f"ROW({', '.join(values)})"
