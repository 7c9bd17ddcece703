"""Erases text of an order that people typed, or that other systems returned.

The rows stay, with ERASED in place of each text: comments, notes, refusals, and the bodies of
requests and answers. Values that a delivery sends or a rule compares stay: quantities, tracking
numbers, carriers, codes.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.storage.audit import NO_STORE
from app.storage.postgres.database import Connection
from app.storage.returns.returns import of_purchase_order
from app.storage.tables import (
    archived_updates,
    attempts,
    audit,
    cancellations,
    commerce_events,
    events,
    idempotency_keys,
    import_retries,
    jobs,
    orders,
    refunds,
    returns,
    updates,
)

ERASED = "erased"
_REFUSAL = frozenset({"message"})
_ENTRY = frozenset({"message", "note", "comment", "detail"})
_CALL = frozenset({"request", "response"})
_EVENT = frozenset({"reason", "problem"})
_NOTE = frozenset({"note"})
_ANSWER = _ENTRY | _CALL


@dataclass(frozen=True, slots=True)
class OrderKeys:
    """What rows of an order are found by."""

    store_id: int
    id: UUID
    purchase_order_id: str
    updates: Sequence[UUID]
    """Archived ones too."""
    events: Sequence[UUID]
    """Of Commerce."""
    jobs: Sequence[UUID] = ()
    """Finished ones that name the order."""

    @property
    def names(self) -> list[str]:
        """The ids of the order, its updates and its events."""
        return [str(each) for each in (self.id, *self.updates, *self.events)]


Condition = Callable[[OrderKeys], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _TextPlace:
    """Columns of a table that have text of an order."""

    noun: str
    table: sa.Table
    rows: Condition
    """Beside the store."""
    plain: Sequence[str] = ()
    nested: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """JSON columns, and the names in them that have text."""


def _of_order(table: sa.Table) -> Condition:
    return lambda order: table.c.order_id == order.id


def _returns_of(order: OrderKeys) -> sa.ColumnElement[bool]:
    number = sa.literal(order.purchase_order_id)
    return returns.c.id.in_(of_purchase_order(order.store_id, number))


def _acts_on(order: OrderKeys) -> sa.ColumnElement[bool]:
    # A job's note is in the act that made it, too.
    # mutation: erase-act-of-a-job
    return audit.c.subject.in_([*order.names, *map(str, order.jobs)])


# mutation: erase-evidence
_PLACES = (
    _TextPlace("tries", attempts, _of_order(attempts), plain=("detail",), nested={"calls": _CALL}),
    _TextPlace(
        "updates", updates, _of_order(updates), plain=("note",), nested={"last_error": _REFUSAL}
    ),
    _TextPlace("updates", archived_updates, _of_order(archived_updates), plain=("note",)),
    _TextPlace("comments", cancellations, _of_order(cancellations), plain=("comment",)),
    _TextPlace("comments", refunds, _of_order(refunds), plain=("comment",)),
    _TextPlace("timeline entries", events, _of_order(events), nested={"detail": _ENTRY}),
    _TextPlace(
        "events of Commerce",
        commerce_events,
        _of_order(commerce_events),
        plain=("message", "note"),
    ),
    _TextPlace(
        "events of Commerce",
        commerce_events,
        # A refused one may be retried, with the reason that it names.
        lambda order: sa.and_(
            commerce_events.c.order_id == order.id,
            commerce_events.c.state.in_(["done", "dismissed"]),
        ),
        nested={"content": _EVENT},
    ),
    _TextPlace(
        "import errors",
        orders,
        lambda order: orders.c.id == order.id,
        nested={"import_error": _REFUSAL},
    ),
    _TextPlace("import errors", returns, _returns_of, nested={"import_error": _REFUSAL}),
    _TextPlace(
        "import errors",
        import_retries,
        lambda order: import_retries.c.purchase_order_id == order.purchase_order_id,
        plain=("reason",),
    ),
    _TextPlace(
        "audit entries",
        audit,
        _acts_on,
        # The only change that the table's trigger lets through.
        nested={"after": _NOTE},
    ),
    _TextPlace(
        "notes of jobs",
        jobs,
        lambda order: jobs.c.id.in_(order.jobs),
        nested={"options": _ENTRY},
    ),
)


async def keys_of(
    connection: Connection, store_id: int, order_id: UUID, purchase_order_id: str
) -> OrderKeys:
    """What the rows of an order are found by."""
    found = []
    for tables in ((updates, archived_updates), (commerce_events,)):
        ids: list[UUID] = []
        for table in tables:
            statement = sa.select(table.c.id).where(
                table.c.store_id == store_id, table.c.order_id == order_id
            )
            ids += (await connection.execute(statement)).scalars()
        found.append(ids)
    order = OrderKeys(store_id, order_id, purchase_order_id, *found)
    return replace(order, jobs=await _jobs_of(connection, order))


async def _jobs_of(connection: Connection, order: OrderKeys) -> Sequence[UUID]:
    words = (jobs.c.selection, jobs.c.results)
    named = [sa.cast(each, sa.Text).contains(name) for each in words for name in order.names]
    statement = sa.select(jobs.c.id).where(
        jobs.c.store_id.in_([order.store_id, NO_STORE]),
        jobs.c.finished_at.is_not(None),
        sa.or_(*named),
    )
    return (await connection.execute(statement)).scalars().all()


async def erase(connection: Connection, order: OrderKeys) -> Counter[str]:
    """Erase the text of an order; answers how many rows had some, by their kind.

    The caller has locked the order.
    """
    erased: Counter[str] = Counter()
    for place in _PLACES:
        erased[place.noun] += await _erase(connection, place, order)
    erased["stored answers"] = await _erase_answers(connection, order)
    return +erased


async def _erase(connection: Connection, place: _TextPlace, order: OrderKeys) -> int:
    table = place.table
    columns = [table.c[name] for name in (*place.plain, *place.nested)]
    stores = [order.store_id, NO_STORE] if table in {jobs, audit} else [order.store_id]
    statement = sa.select(*table.primary_key.columns, *columns).where(
        table.c.store_id.in_(stores), place.rows(order)
    )
    count = 0
    for row in (await connection.execute(statement)).mappings():
        after = {name: ERASED for name in place.plain if row[name] is not None}
        after |= {name: without(row[name], keys) for name, keys in place.nested.items()}
        changes = {name: value for name, value in after.items() if value != row[name]}
        if changes:
            keys = [each == row[each.key] for each in table.primary_key.columns]
            await connection.execute(sa.update(table).where(*keys).values(changes))
            count += 1
    return count


async def _erase_answers(connection: Connection, order: OrderKeys) -> int:
    """Erase text in answers that are kept under an Idempotency-Key."""
    kept = idempotency_keys
    named = [sa.func.strpos(_text(kept.c.body), name) > 0 for name in order.names]
    statement = sa.select(*kept.primary_key.columns, kept.c.body).where(
        kept.c.store_id.in_([order.store_id, NO_STORE]), sa.or_(*named)
    )
    count = 0
    for row in (await connection.execute(statement)).mappings():
        # One that is no JSON has no names of texts.
        body = _read(row["body"])
        after = without(body, _ANSWER)
        if after != body:
            where = [each == row[each.key] for each in kept.primary_key.columns]
            values = {"body": json.dumps(after, separators=(",", ":")).encode()}
            await connection.execute(sa.update(kept).where(*where).values(values))
            count += 1
    return count


def _read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(body)
    except ValueError:
        return None


def _text(column: sa.ColumnElement[bytes]) -> sa.ColumnElement[str]:
    # Escaped, so that any bytes are text.
    return sa.func.encode(column, "escape")


def without(value: Any, names: frozenset[str]) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with ERASED in place of each string under one of these names."""
    if isinstance(value, Mapping):
        return {
            name: ERASED if name in names and isinstance(each, str) else without(each, names)
            for name, each in value.items()
        }
    return [without(each, names) for each in value] if isinstance(value, list) else value
