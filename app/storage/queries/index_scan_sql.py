"""The SQL of a walk along an index (see `across`, which says what for)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.storage.postgres.sharding import of_any, of_one

# Rows of each group that are looked at before it is known of which more are needed.
_FIRST = 3
_ENDS = (("key", "timestamptz"), ("id", "uuid"), ("last_key", "timestamptz"), ("last_id", "uuid"))
# Asked for by a SELECT: so the planner knows nothing of them, and plans once for all.
_AT_ENDS = tuple(f"(SELECT {name} FROM ends)" for name, _ in _ENDS)  # noqa: S608


@dataclass(frozen=True, slots=True)
class IndexScan:
    """An index: the store, then prefix, key and id.

    prefix: columns or expressions with their types; those that may be taken as they come are
    text and stand last. key: a time. where: what every row meets, among it the words of a
    partial index. rows: what is selected, from a row t of the table and a row s of stores; a
    template of forms.py.
    undated: the rows that have no key, by id alone.
    """

    table: str
    prefix: tuple[tuple[str, str], ...]
    key: str
    rows: str
    descending: bool = True
    where: str = "true"
    undated: bool = False

    @property
    def columns(self) -> list[str]:
        """The prefix."""
        return [column for column, _ in self.prefix]

    @property
    def names(self) -> list[str]:
        """What the values of the prefix are called."""
        return [f"p{number}" for number in range(len(self.prefix))]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Both."""
        return list(zip(self.columns, self.names, strict=True))

    @property
    def direction(self) -> str:
        """In SQL."""
        return "DESC" if self.descending else "ASC"

    def order(self, of: str) -> str:
        """The order of a list."""
        return f"ORDER BY {of}.key {self.direction}, {of}.id {self.direction}"


def statement(walk: IndexScan, shape: tuple[int, ...], more: int, *, one: bool, limit: int) -> str:
    """The statement of a page.

    Its values: more for the walk's own words, key and id behind which it begins and before which
    it ends, the store if it is one, the values of the first columns of the prefix (shape: how
    many of each).
    """
    places = (f"${more + n}::{kind} AS {name}" for n, (name, kind) in enumerate(_ENDS, start=1))
    # Named as a number wherever a row is looked for: on Citus only so it is one worker's business.
    store = f"${more + len(_ENDS) + 1}::int" if one else None
    walker = _ScanBuilder(walk, shape, store, limit)
    groups = "".join(walker.groups(more + len(_ENDS) + one))
    rows = of_one(walk.rows, store) if store else of_any(walk.rows)
    return f"""
    WITH RECURSIVE ends AS MATERIALIZED (SELECT {", ".join(places)}),
    {groups}{walker.page()}
    SELECT {rows} FROM page
     CROSS JOIN LATERAL (SELECT t.* FROM {walk.table} t
                          WHERE t.store_id = {store or "page.store_id"} AND t.id = page.id
                          LIMIT 1) t
      JOIN stores s ON s.store_id = {store or "page.store_id"}
    {walk.order("page")}"""  # noqa: S608 - words of this package's modules only


@dataclass(frozen=True, slots=True)
class _ScanBuilder:
    """The parts of a statement. shape: as `statement` has it; store: the one, or None for all."""

    walk: IndexScan
    shape: tuple[int, ...]
    store: str | None
    limit: int

    def groups(self, before: int) -> Iterator[str]:
        """Tables of groups: the store, and a value of each column of the prefix.

        before: how many values of the statement stand before those of the prefix.
        """
        walk, given = self.walk, len(self.shape)
        wanted = []
        for count, name, (_, kind) in zip(self.shape, walk.names, walk.prefix, strict=False):
            places = ", ".join(f"${before + n}::{kind}" for n in range(1, count + 1))
            wanted.append(f" CROSS JOIN unnest(ARRAY[{places}]) AS {name}({name})")
            before += count
        named = "".join(f", {name}.{name}" for name in walk.names[:given])
        stores = f"(SELECT {self.store} AS store_id)" if self.store else "stores"
        seeds = f"SELECT s.store_id{named} FROM {stores} s{''.join(wanted)}"  # noqa: S608 - as above
        if given == len(walk.prefix):
            yield f"groups AS MATERIALIZED ({seeds}),"
            return
        least = [*(f"b.{name}" for name in walk.names[:given]), "''"]
        least_of = f"{_row(walk.columns[: given + 1])} >= {_row(least)}"
        next_to = f"{_row(walk.columns)} > {_row([f'g.{name}' for name in walk.names])}"
        # A loose scan: one look into the index for each group that has anything.
        yield f"""seeds AS MATERIALIZED ({seeds}),
    groups AS (
      SELECT b.store_id, f.* FROM seeds b CROSS JOIN LATERAL ({self._group("b", least_of)}) f
      UNION ALL
      SELECT g.store_id, f.* FROM groups g CROSS JOIN LATERAL ({self._group("g", next_to)}) f),
    """  # noqa: S608 - as above

    def _group(self, source: str, behind: str) -> str:
        """The first group behind another that shares the values that are wanted."""
        walk, given = self.walk, len(self.shape)
        selected = ", ".join(f"{column} AS {name}" for column, name in walk.pairs)
        lead = [f"{source}.{name}" for name in walk.names[:given]]
        within = f" AND {_row(walk.columns[:given])} <= {_row(lead)}" if given else ""
        return f"""
        SELECT {selected} FROM {walk.table} t
         WHERE {walk.where} AND t.store_id = {self.store or f"{source}.store_id"}
           AND {behind}{within}
         ORDER BY {", ".join(walk.columns)} LIMIT 1"""  # noqa: S608 - as above

    def page(self) -> str:
        """The first rows of all groups together."""
        given = len(self.shape) == len(self.walk.prefix)
        if self.store and given and all(count == 1 for count in self.shape):
            return f"""
    page AS (SELECT g.store_id, e.key, e.id FROM groups g
              CROSS JOIN LATERAL ({self._stretch("g", _AT_ENDS, self.limit)}) e
              {self.walk.order("e")} LIMIT {self.limit})"""  # noqa: S608 - as above
        return self._merged()

    def _merged(self) -> str:
        """Of each group the first few.

        Where these together fill the page, nothing behind its last row is needed, and most
        groups have given all that they have before it.
        """
        walk = self.walk
        names = "".join(f", g.{name}" for name in walk.names)
        better = ">" if walk.descending else "<"
        _, _, end, end_id = _AT_ENDS
        rest = ("h.key", "h.id", f"coalesce(b.key, {end})", f"coalesce(b.id, {end_id})")
        return f"""
    heads AS MATERIALIZED (
      SELECT g.store_id{names}, e.key, e.id, e.place FROM groups g CROSS JOIN LATERAL (
        SELECT f.*, row_number() OVER () AS place
          FROM ({self._stretch("g", _AT_ENDS, _FIRST)}) f) e),
    bound AS MATERIALIZED (
      SELECT h.key, h.id FROM heads h {walk.order("h")} OFFSET {self.limit - 1} LIMIT 1),
    page AS (
      SELECT e.store_id, e.key, e.id FROM (
        SELECT store_id, key, id FROM heads
        UNION ALL
        SELECT h.store_id, e.key, e.id FROM heads h LEFT JOIN bound b ON true
         CROSS JOIN LATERAL ({self._stretch("h", rest, self.limit)}) e
         WHERE h.place = {_FIRST} AND (b.id IS NULL OR (h.key, h.id) {better} (b.key, b.id))) e
      {walk.order("e")} LIMIT {self.limit})"""  # noqa: S608 - as above

    def _stretch(self, group: str, ends: Sequence[str], limit: int) -> str:
        """Rows of a group between two ends, both left out."""
        walk = self.walk
        if walk.undated:
            return self._undated(group, ends[1], limit)
        place = [*walk.columns, walk.key, "t.id"]
        values = [f"{group}.{name}" for name in walk.names]
        behind, before = ("<", ">") if walk.descending else (">", "<")
        order = ", ".join(f"{column} {walk.direction}" for column in place)
        return f"""
      SELECT {walk.key} AS key, t.id FROM {walk.table} t
       WHERE {walk.where} AND t.store_id = {self.store or f"{group}.store_id"}
         AND {_row(place)} {behind} {_row([*values, *ends[:2]])}
         AND {_row(place)} {before} {_row([*values, *ends[2:]])}
       ORDER BY {order} LIMIT {limit}"""  # noqa: S608 - as above

    def _undated(self, group: str, behind: str, limit: int) -> str:
        """Rows of a group that have no key: an index has them in the order of their ids.

        No end is set, as a second bound of the id would let PostgreSQL expect few.
        """
        walk = self.walk
        same = "".join(f" AND {column} = {group}.{name}" for column, name in walk.pairs)
        return f"""
      SELECT '-infinity'::timestamptz AS key, t.id FROM {walk.table} t
       WHERE {walk.where} AND t.store_id = {self.store or f"{group}.store_id"}{same}
         AND {walk.key} IS NULL AND t.id {"<" if walk.descending else ">"} {behind}
       ORDER BY {walk.key} {walk.direction}, t.id {walk.direction} LIMIT {limit}"""  # noqa: S608


def _row(values: Sequence[str]) -> str:
    return f"ROW({', '.join(values)})"
