"""Makes views of the rows of what needs action."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.attention import ELSEWHERE, MOST_COUNTED, NEEDS, AttentionCause, AttentionSource
from app.storage.postgres.session import Row
from app.storage.queries.lane_views import REASONS
from app.storage.queries.views import AttentionFixView, AttentionGroupView, AttentionMemberView


@dataclass(frozen=True, slots=True)
class AttentionMember:
    """One case of a cause, as a fix needs it."""

    key: datetime
    """The cases of a cause are in the order of this time and the id."""
    id: UUID
    """Of an update, an event, an order or a return; or any unique one."""
    order_id: UUID | None
    number: str | None
    since: datetime
    deadline: datetime | None
    changed_at: datetime
    message: str | None


def group(source: AttentionSource, row: Row) -> AttentionGroupView:
    """The view of a cause and its first members."""
    cause = AttentionCause(
        row["store_id"], source, row["operation"], row["code"], row["value"], row["expected"]
    )
    sample = tuple(member(cause, _decoded(each)) for each in row["sample"] or ())
    return AttentionGroupView(
        id=cause.id,
        kind=cause.kind,
        source=source,
        store_id=row["store_uuid"],
        store_name=row["store_name"],
        operation=cause.operation or None,
        code=cause.code,
        value=cause.value or None,
        expected=cause.expected or None,
        count=min(row["members"], MOST_COUNTED),
        at_least=row["members"] > MOST_COUNTED,
        oldest_at=row["oldest"],
        next_deadline=row["deadline"],
        message=_message(cause, sample),
        sample=sample,
        fix=_fix(cause, row["store_uuid"]),
    )


def member(cause: AttentionCause, known: AttentionMember) -> AttentionMemberView:
    """The view of one case."""
    return AttentionMemberView(
        id=None if cause.without_ids else known.id,
        order_id=known.order_id,
        number=known.number,
        since=known.since,
        deadline=known.deadline,
        message=known.message,
    )


def _decoded(row: Mapping[str, Any]) -> AttentionMember:
    """A member out of JSON."""
    times = {name: _time(row[name]) for name in ("key", "since", "deadline", "changed_at")}
    ids = {name: UUID(row[name]) if row[name] else None for name in ("id", "order_id")}
    return AttentionMember(**{**row, **times, **ids})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _message(cause: AttentionCause, sample: tuple[AttentionMemberView, ...]) -> str | None:
    if cause.source == AttentionSource.LANE:
        return REASONS[cause.code][1]
    return sample[0].message if sample else None


def _fix(cause: AttentionCause, store_id: UUID) -> AttentionFixView | None:
    action = cause.fix
    if action is None:
        return None
    url = f"/v1/attention/{cause.id}/fix"
    if action in ELSEWHERE:
        url = f"/v1/stores/{store_id}" if cause.source != AttentionSource.SHIP_BY else "/v1/orders"
    return AttentionFixView(action, NEEDS.get(action, ()), url)
