"""A request of the page, signed in or not: for whom it is rendered, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from app.usecases.context import AppContext
from app.web.page import render, session
from app.web.page.viewer import Viewer, viewer_of


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a page that needs no session."""

    request: Request
    app: AppContext
    viewer: Viewer

    def render(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Render a template as the answer."""
        return answer(self.request, self.viewer, template, {"page": None, **values}, status)


async def visit(request: Request) -> Visit:
    """FastAPI dependency of a page that needs no session."""
    context: AppContext = request.app.state.context
    return Visit(request, context, viewer_of(request, context.now()))


def answer(
    request: Request,
    viewer: Viewer,
    template: str,
    values: Mapping[str, object],
    status: int,
) -> Response:
    """Render a template, with the notice that a form left for the next page."""
    notice = session.notice_of(request)
    shown = {
        "path": request.scope["path"],
        "query": request.scope["query_string"].decode("latin-1"),
        "notice": notice,
        "framed": request.headers.get("sec-fetch-dest") == "iframe",
        **values,
    }
    response = render.page(request, viewer, template, shown, status)
    if notice:
        response.headers.append("Set-Cookie", session.notice_cookie(request, ""))
    return response
