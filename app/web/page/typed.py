"""A form that was sent when its session was over: the person signs in and finds what was typed.

The sign-in page carries the fields along. After the sign-in the form's page is asked for within
this process, in the name of the new session, and the fields are put into its HTML. A page whose
form has as many fields as a person asks for reads them itself, from `PageContext.typed`.
"""

import asyncio
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.types import Message, Scope

TYPED = "waybill.typed"
Fields = Sequence[tuple[str, str]]
# Written by the server anew, or never given back.
_OWN = frozenset({"idempotency_key"})
_UNTYPED = frozenset({"hidden", "submit", "button", "image", "file", "password", "reset"})


def fields_of(text: str) -> Fields:
    """The fields of a form as the sign-in page carries them."""
    return [pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] not in _OWN]


def typed_in(scope: Scope) -> Fields:
    """The fields that a person typed before the session was over; empty for most requests."""
    found: Fields = scope.get(TYPED, ())
    return found


async def ask_again(request: Request, path: str, cookie: str, fields: Fields) -> Response | None:
    """The page of a form, with the fields in it; None for what is no page, such as a file.

    cookie: name and value of the new session.
    """
    address, _, query = path.partition("?")
    kept = [
        (name, value)
        for name, value in request.scope["headers"]
        if name not in {b"cookie", b"content-length", b"content-type", b"accept-encoding"}
    ]
    others = [f"{name}={value}" for name, value in request.cookies.items()]
    scope = {
        **{key: request.scope[key] for key in _OF_THE_SERVER if key in request.scope},
        # Of this version an answer that streams looks for the end of its connection in `receive`.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "headers": [*kept, (b"cookie", "; ".join([*others, cookie]).encode("latin-1"))],
        TYPED: fields,
    }
    start: list[Message] = []
    body = bytearray()
    reader = _PageReader()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            if not _is_page(message):
                reader.left.set()
        elif not reader.left.is_set():
            body.extend(message.get("body", b""))

    await request.app(scope, reader.receive, send)
    if reader.left.is_set():
        return None
    response = Response(filled(body.decode(), path, fields), start[0]["status"])
    own = {b"content-length", b"x-request-id", b"x-content-type-options"}
    response.raw_headers.extend(each for each in start[0]["headers"] if each[0] not in own)
    return response


_OF_THE_SERVER = ("type", "http_version", "scheme", "root_path", "server", "client")


class _PageReader:
    """Who asks for a page: sends no body, and leaves when the answer is no page."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self._asked = False

    async def receive(self) -> Message:
        """The next message to the app."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        # Never at once: an answer that streams asks for the next message again and again.
        await self.left.wait()
        return {"type": "http.disconnect"}


def _is_page(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/html")
        for name, value in start["headers"]
    )


class _Filling(HTMLParser):
    """Copies HTML, and puts fields into the forms that post to a path."""

    def __init__(self, path: str, fields: Fields) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._path = path
        self._left = list(fields)
        self._filling = False
        self._select: str | None = None
        self._text: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Copy a tag, with the value of its field."""
        given = dict(attrs)
        if tag == "form":
            self._filling = _posts_to(given, self._path)
            if self._filling:
                given["action"] = self._path
        elif self._filling:
            self._fill(tag, given)
        words = (
            name if value is None else f'{name}="{escape(value)}"' for name, value in given.items()
        )
        self.out.append(f"<{' '.join([tag, *words])}>")
        if tag == "textarea" and self._text is not None:
            self.out.append("\n" + escape(self._text))

    def _fill(self, tag: str, given: dict[str, str | None]) -> None:
        name = given.get("name") or ""
        if tag == "option" and self._select is not None:
            given.pop("selected", None)
            if given.get("value") == self._select:
                given["selected"] = None
        elif tag == "select":
            self._select = self._take(name)
        elif tag == "textarea":
            self._text = self._take(name)
        elif tag == "input" and given.get("type") in {"checkbox", "radio"}:
            given.pop("checked", None)
            if self._take(name, given.get("value") or "on") is not None:
                given["checked"] = None
        elif tag == "input" and given.get("type") not in _UNTYPED:
            given["value"] = self._take(name) or ""

    def _take(self, name: str, value: str | None = None) -> str | None:
        for number, (own, typed) in enumerate(self._left):
            if own == name and value in {None, typed}:
                del self._left[number]
                return typed
        return None

    def handle_endtag(self, tag: str) -> None:
        """Copy a tag."""
        if tag == "form":
            self._filling = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._text = None
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Copy text, unless what was typed takes its place."""
        if self._text is None:
            self.out.append(data)

    def handle_entityref(self, name: str) -> None:
        """Copy a named character."""
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Copy a numbered character."""
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Copy the document type."""
        self.out.append(f"<!{decl}>")


def _posts_to(form: dict[str, str | None], path: str) -> bool:
    if (form.get("method") or "").lower() != "post":
        return False
    action = form.get("action")
    return not action or action.partition("?")[0] == path.partition("?")[0]


def filled(html: str, path: str, fields: Fields) -> str:
    """Put fields into those forms of a page that post to a path."""
    filling = _Filling(path, fields)
    filling.feed(html)
    filling.close()
    return "".join(filling.out)
