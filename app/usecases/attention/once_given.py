"""Stores what a person gives once for all members of a cause, so that later cases have it too."""

from collections.abc import Sequence
from uuid import UUID

from app.domain.attention import AttentionCause, AttentionSource
from app.domain.errors import Problem, refuse
from app.domain.orders.shipping import METHOD_CODES
from app.storage.orders import shipments
from app.storage.queries import AttentionMember
from app.storage.queries.views import AttentionGroupView
from app.usecases.attention.requests import FixRequest
from app.usecases.context import AppContext
from app.usecases.orders import carrier_mapping
from app.usecases.stores import manage, map_carriers, validation
from app.usecases.stores.manage import StoreChanges


async def store(
    context: AppContext,
    cause: AttentionCause,
    view: AttentionGroupView,
    found: Sequence[AttentionMember],
    request: FixRequest,
    *,
    actor: str,
) -> None:
    """Store the address of a carrier, or a reason, with the store. Raises Invalid."""
    if request.method_code is not None and request.method_code not in METHOD_CODES:
        text = f"One of {', '.join(METHOD_CODES)} is needed."
        refuse([Problem("method_code_invalid", text, "/method_code")])
    if request.reason is not None:
        changes = StoreChanges(default_cancellation_reason=request.reason)
        refuse(list(validation.reason_problems(request.reason, "/reason")))
        await manage.change(context, view.store_id, changes, actor=actor)
    if request.tracking_url is not None:
        refuse(list(validation.template_problems(request.tracking_url, "/tracking_url")))
        names = await _names(context, cause, found)
        await map_carriers.add(context, view.store_id, names, request.tracking_url, actor=actor)


async def _names(
    context: AppContext, cause: AttentionCause, found: Sequence[AttentionMember]
) -> dict[str, str]:
    """The carriers that get the address: names for the buyer by the key of the store's carriers."""
    if cause.source == AttentionSource.COMMERCE_EVENT:
        return {cause.value: cause.value}
    ids: list[UUID] = [member.id for member in found]
    async with context.transaction() as connection:
        sent = await shipments.carriers_of_updates(connection, cause.store_id, ids)
    return {
        carrier_mapping.key(code, title): other for code, title, other in sent if other is not None
    }
