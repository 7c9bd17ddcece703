"""What a job acts on: what a filter finds, the cases of a cause, or named updates or orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.attention import AttentionCause
from app.domain.ids import store_of
from app.storage import queries
from app.storage.postgres.database import Connection
from app.storage.queries import AttentionMember, KeysetPage, OrderFilter, UpdateFilter

_PAGE = 1000
# Orders or updates of one job.
MOST = 100_000
Position = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Member:
    """An order or an update that a job acts on."""

    store_id: int
    order_id: UUID | None
    update_id: UUID | None = None
    """None means the order itself."""
    case: AttentionMember | None = None
    """The case of a cause, which may be something else, such as a return."""

    @property
    def id(self) -> UUID:
        """The id of the case, the update, or the order."""
        identifier = self.case.id if self.case else self.update_id or self.order_id
        assert identifier is not None  # noqa: S101 - it has one of them
        return identifier


@dataclass(frozen=True, slots=True)
class Selection:
    """What a job acts on: one of these.

    The lists are walked in an order that no act changes, the newest first, so that what an act
    changes is not found a second time.
    """

    updates: UpdateFilter | None = None
    orders: OrderFilter | None = None
    cause: AttentionCause | None = None
    behind: tuple[str, str] | None = None
    """The case of the cause behind which the others are. None means all of them."""
    update_ids: tuple[UUID, ...] = ()
    order_ids: tuple[UUID, ...] = ()

    async def page(
        self, connection: Connection, after: Position | None, limit: int
    ) -> tuple[list[Member], Position | None]:
        """The members behind a position, and the position of the last; None if no more follow."""
        at = KeysetPage(limit, None if after is None else tuple(after))
        if self.updates is not None:
            found, then = await queries.updates(connection, self.updates, at)
            return [Member(_store(view.id), view.order_id, view.id) for view in found], then
        if self.orders is not None:
            keys, then = await queries.order_keys(connection, self.orders, at)
            return [Member(*key) for key in keys], then
        if self.cause is not None:
            return await self._cases(connection, self.cause, after or self.behind, limit)
        begin = 0 if after is None else int(after[0])
        named = [Member(_store(each), None, each) for each in self.update_ids]
        named += [Member(_store(each), each) for each in self.order_ids]
        some = named[begin : begin + limit]
        end = begin + len(some)
        return some, (end,) if end < len(named) else None

    @staticmethod
    async def _cases(
        connection: Connection, cause: AttentionCause, after: Position | None, limit: int
    ) -> tuple[list[Member], Position | None]:
        at = KeysetPage(limit, None if after is None else tuple(after))
        cases, then = await queries.attention_members(connection, cause, at)
        return [Member(cause.store_id, case.order_id, case=case) for case in cases], then

    def dump(self) -> dict[str, Any]:
        """The selection as JSON."""
        dumped: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return dumped


@dataclass(frozen=True, slots=True)
class JobBatch:
    """What a batch of a job acts on."""

    members: int
    """Of the selection."""
    targets: list[Member]
    idle: list[UUID]
    """Orders without anything to act on."""

    def dump(self) -> dict[str, Any]:
        """The batch as JSON."""
        dumped: dict[str, Any] = _BATCH.dump_python(self, mode="json")
        return dumped

    @staticmethod
    def load(dumped: Mapping[str, Any]) -> "JobBatch":
        """The batch of its JSON."""
        return _BATCH.validate_python(dumped)


_BATCH: TypeAdapter[JobBatch] = TypeAdapter(JobBatch)
_ADAPTER: TypeAdapter[Selection] = TypeAdapter(Selection)


def load(dumped: Mapping[str, Any]) -> Selection:
    """The selection of its JSON."""
    return _ADAPTER.validate_python(dumped)


def _store(identifier: UUID) -> int:
    return store_of(identifier) or 0
