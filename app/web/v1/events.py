"""/v1/events: hints that orders changed, as server-sent events."""

from uuid import UUID

from fastapi import Response

from app.web.auth import KeyRing
from app.web.dependencies import Reading
from app.web.live import EventStream, LiveHints
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.responses import REQUEST_ID, Responses, problems

router = OperationRouter("/v1/events", "events")
_EXAMPLE = (
    "event: changes\n"
    f'data: {{"orders":["{examples.ORDER_ID}"],"counts":{{"open":12,"shipped":480}}}}\n\n'
    "event: alive\ndata: {}\n\n"
)

_EVENTS: Responses = {
    200: {
        "description": "Events, until the client leaves.",
        "headers": REQUEST_ID,
        "content": {
            "text/event-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": _EXAMPLE,
            }
        },
    }
}


@router.get(
    "",
    operation_id="stream_events",
    summary="Stream hints of changed orders",
    response_class=EventStream,
    responses=_EVENTS | problems("store_not_found", "too_many_streams"),
)
async def stream_events(context: Reading, store_id: UUID | None = None) -> Response:
    """Stream hints (server-sent events): which orders changed, so that a client reads them again.

    `changes` has `orders`, the ids of orders that changed or were tried, or null if they are more
    than 200; and `counts` of orders by status. It comes at most once a second, and one change may
    come twice. `alive` comes at least every 5 seconds. Nothing is kept for a client that is away:
    it reads `GET /v1/orders?updated_since=` then. The stream ends with its API key.
    """
    store = context.one_store(store_id, None)
    keys: KeyRing = context.request.app.state.keys
    live: LiveHints = context.request.app.state.live
    owner = f"key {context.caller.key}"
    return await live.stream(store, owner, lambda: keys.require_working(context.caller))
