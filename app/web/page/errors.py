"""Refusals as pages: what happened, in the person's language, and the way on."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from app.usecases.context import AppContext
from app.web import problem_documents
from app.web.page.context import context_of
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer, viewer_of
from app.web.page.visit import answer
from app.web.problem_documents import Rejection


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What an error page says."""

    title: str
    text: str


_MISSING = ErrorWords(
    deferred("There is no such page"),
    deferred("The address is wrong, or this sign-in cannot see what it names."),
)
_WORDS: Mapping[int, ErrorWords] = {
    403: ErrorWords(
        deferred("This sign-in cannot do that"),
        deferred("Nothing was changed. Ask the person who runs Waybill for a sign-in that may."),
    ),
    404: _MISSING,
    405: _MISSING,
    409: ErrorWords(
        deferred("That is not possible just now"),
        deferred("Nothing was changed. Something else happened in the meantime; look again."),
    ),
    413: ErrorWords(
        deferred("That is too much at once"),
        deferred("Nothing was changed. Send it in smaller parts."),
    ),
    422: ErrorWords(
        deferred("Waybill does not understand this address or form"),
        deferred("Nothing was changed. Go back and try again."),
    ),
    503: ErrorWords(
        deferred("Waybill cannot be reached just now"),
        deferred("Its database does not answer. Nothing is lost; this page tries again by itself."),
    ),
}
_OTHER = ErrorWords(
    deferred("Something went wrong in Waybill"),
    deferred("The failure is recorded. Try again; if it stays, pass on the number below."),
)
_SIGN_IN, _LIMITED = 401, 429


def render(rejection: Rejection) -> Response:
    """Render a refusal as a page."""
    request = Request(rejection.scope)
    if rejection.status == _SIGN_IN:
        return sign_in(request)
    if rejection.code == "too_many_attempts":
        return sign_in(request, wait=int(rejection.headers["Retry-After"]))
    words = _WORDS.get(rejection.status, _WORDS[422] if rejection.status < 500 else _OTHER)  # noqa: PLR2004 - failures of ours
    page = context_of(request)
    values = {"page": page, "words": words, "status": rejection.status, "code": rejection.code}
    viewer = page.viewer if page else _viewer(request)
    if rejection.code == "store_id_required" and page:
        # mutation: page-asks-for-a-store
        return answer(request, viewer, "pick_store.html", values, 200)
    values["request_id"] = rejection.scope.get("waybill.request_id", "")
    response = answer(request, viewer, "error.html", values, rejection.status)
    for name, value in rejection.headers.items():
        response.headers[name] = value
    return response


def render_for_browser(rejection: Rejection) -> Response:
    """Render a refusal at a path of nothing: as a page for a browser, else as a document."""
    accepted = Request(rejection.scope).headers.get("accept", "")
    return render(rejection) if "text/html" in accepted else problem_documents.render(rejection)


def sign_in(request: Request, *, typed: str = "", wait: int = 0) -> Response:
    """The page to sign in, which leads back to where the person was.

    typed: the fields of a form that was sent when the session was over. wait: seconds until the
    address may try again, if it had too many wrong tries.
    """
    query = request.scope["query_string"].decode("latin-1")
    path: str = request.scope["path"]
    values = {
        "page": None,
        "then": f"{path}?{query}" if query else path,
        "typed": typed,
        "failed": False,
        "wait": wait,
        "over": True,
    }
    status = _LIMITED if wait else _SIGN_IN
    response = answer(request, _viewer(request), "sign_in.html", values, status)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _viewer(request: Request) -> Viewer:
    context: AppContext = request.app.state.context
    return viewer_of(request, context.now())
