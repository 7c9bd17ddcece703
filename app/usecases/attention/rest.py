"""What a request leaves of a cause: a job does the same to the others, where one can."""

from app.domain.attention import AttentionCause, AttentionSource, GroupAction
from app.domain.update import State
from app.storage.queries import UpdateFilter
from app.storage.queries.views import JobView
from app.usecases.attention.requests import FixRequest
from app.usecases.context import AppContext
from app.usecases.jobs import acts, create
from app.usecases.jobs.selection import Selection

_KINDS = {GroupAction.RETRY: acts.RETRY, GroupAction.DISMISS: acts.DISMISS}


async def begin(
    context: AppContext,
    cause: AttentionCause,
    action: GroupAction,
    request: FixRequest,
    *,
    actor: str,
) -> JobView | None:
    """Make a job for the failed updates of a cause; None if no job does that."""
    kind = _KINDS.get(action)
    # A filter of updates knows neither the value nor what would be right.
    named = bool(cause.value or cause.expected)
    if kind is None or cause.source != AttentionSource.UPDATE or named or not cause.code:
        return None
    found = UpdateFilter(
        state=State.FAILED, kind=cause.operation, store_id=cause.store_id, code=cause.code
    )
    options = {"note": request.note} if action is GroupAction.DISMISS else {}
    return await create.create(
        context,
        kind,
        Selection(updates=found),
        options,
        store_id=cause.store_id,
        actor=actor,
    )
