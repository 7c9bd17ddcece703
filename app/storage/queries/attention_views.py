"""Makes views of the rows of what needs action."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from app.domain.attention import ELSEWHERE, NEEDS, AttentionCause, AttentionSource
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


MEMBER = tuple(each.name for each in fields(AttentionMember))


def group(source: AttentionSource, row: Row) -> AttentionGroupView:
    """The view of a cause and its first members."""
    cause = AttentionCause(
        row["store_id"], source, row["operation"], row["code"], row["value"], row["expected"]
    )
    sampled = zip(*(row[f"sample_{name}"] or () for name in MEMBER), strict=True)
    sample = tuple(member(cause, AttentionMember(*each)) for each in sampled)
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
        count=row["members"],
        at_least=row["at_least"],
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
