"""/live: hints to open pages that orders changed, for as long as the person is signed in."""

from typing import Final

from fastapi import Response

from app.web.auth import KeyRing
from app.web.live import LiveHints
from app.web.page import session
from app.web.page.context import PageReading
from app.web.page.route import PageRouter

router: Final = PageRouter()


@router.get("/live")
async def live(context: PageReading) -> Response:
    """The hints of `/v1/events`, by the session. Only what asks for a stream gets one."""
    request = context.request
    if "text/event-stream" not in request.headers.get("accept", ""):
        return Response(status_code=406)
    keys: KeyRing = request.app.state.keys
    hints: LiveHints = request.app.state.live
    store = context.store.store_id if context.store else context.caller.store_id
    token = session.token_of(request) or ""
    owner = f"session {context.session.id}"
    return await hints.stream(store, owner, lambda: keys.signed_in(token, used=False))
