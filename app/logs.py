"""Logs: a line for each event, as JSON or as text for people, with secrets masked.

Lines of libraries have the same form. A line has the fields of `CONTEXT` that are known about the
work that it belongs to; docs/operations.md explains them.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final, Literal

import structlog

LONGEST = 500
# The longest traceback.
_LONGEST_TRACE = 5000
_DEEPEST = 6
_NAMES = "secret|token|passw|authorization|api_key|admin_key|encryption|credential|cookie"
_SECRET_NAMES = re.compile(_NAMES, re.IGNORECASE)
# The same names followed by a value within a text: client_secret=…, "client_secret": "…".
_NAMED_IN_TEXT = re.compile(
    rf"""([\w.-]{{0,40}}(?:{_NAMES})[\w.-]{{0,40}}(?:=|["']\s*:\s*))"""
    r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"'&<>,;})]+)""",
    re.IGNORECASE,
)
# API keys, bearer and basic credentials, Fernet keys and tokens, passwords in URLs.
_SECRET_SHAPES = re.compile(
    r"wb_[A-Za-z0-9_-]{8,}|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|gAAAA[A-Za-z0-9_=-]{20,}|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}=|(?<=://)[^\s/@]+(?=@)"
)
_MASK = "[masked]"
_HARMLESS: Final = frozenset({bool, int, float, type(None)})
Form = Literal["json", "text"]
CONTEXT: Final = (
    "request_id",
    "trace_id",
    "store_id",
    "order_id",
    "update_id",
    "subject",
    "attempt",
    "correlation_id",
)
"""What the lines of a request, a delivery or a store's import say they belong to."""
_about: ContextVar[dict[str, object]] = ContextVar("about", default={})  # noqa: B039 - replaced, never changed
SEVERAL: Final = "several"
"""In place of an id: the work is about more than one."""


def configure(level: str, form: Form = "json") -> None:
    """Write every log line of the process to stderr."""
    shared: list[Any] = [
        add_about,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.format_exc_info,
        mask,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_RENDERERS[form](),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("httpx", "httpcore", "sqlalchemy", "alembic", "asyncio", "oauthlib", "urllib3"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Its methods below the level do nothing at all.
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=True,
    )


def about(**ids: object) -> None:
    """Let the later lines of the current task say what they are about, by names of CONTEXT."""
    known = _about.get()
    given = {name: _plain(value) for name, value in ids.items() if value is not None}
    _about.set(
        known
        | {
            name: value if known.get(name, value) == value else SEVERAL
            for name, value in given.items()
        }
    )


def now_about(**ids: object) -> None:
    """Let the later lines of the current task be about other ids than before; None is none."""
    found = _about.get() | {name: _plain(value) for name, value in ids.items()}
    _about.set({name: value for name, value in found.items() if value is not None})


def about_nothing() -> None:
    """Let the later lines of the current task be about nothing."""
    _about.set({})


def ids() -> dict[str, str | int]:
    """The store, order and update that the current task is about, as far as they are known."""
    known = _about.get()
    found = {name: known.get(name) for name in ("store_id", "order_id", "update_id")}
    return {name: value for name, value in found.items() if isinstance(value, str | int)}


def add_about(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Add what the current task is about; what the line says itself stands."""
    return _about.get() | dict(event)


def _plain(value: object) -> object:
    return value if isinstance(value, int | None) else str(value)


def _for_json() -> list[Any]:
    return [structlog.processors.JSONRenderer()]


def _for_people() -> list[Any]:
    return [
        _printable,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]


_RENDERERS: Final[Mapping[Form, Callable[[], list[Any]]]] = {
    "json": _for_json,
    "text": _for_people,
}


def _printable(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Escape line breaks and what a terminal would act on; a traceback keeps its lines."""
    for name, value in event.items():
        kept = "\n" if name == "exception" else ""
        # mutation: log-line-of-text
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(
                each
                if each.isprintable() or each == kept
                else each.encode("unicode_escape").decode()
                for each in value
            )
    return event


def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Mask secrets by the name of their field and by their shape, and cut long values."""
    for name, value in event.items():
        if _is_secret(name):
            event[name] = _MASK
        elif type(value) not in _HARMLESS:
            most = _LONGEST_TRACE if name == "exception" else LONGEST
            shown = value if type(value) is str else str(_by_name(value, _DEEPEST))
            # Text far behind the cut is not searched.
            hidden = _in_text(shown[: 4 * most])
            event[name] = hidden if len(hidden) <= most else hidden[:most] + "…"
    return event


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _by_name(value: object, deepest: int) -> object:
    """Mask values under a secret's name, to a limited depth; deeper values are left out."""
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return value
    if deepest == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            name: _MASK if _is_secret(str(name)) else _by_name(item, deepest - 1)
            for name, item in value.items()
        }
    return [_by_name(item, deepest - 1) for item in value]


def _in_text(text: str) -> str:
    # mutation: secrets-in-logs
    if "=" in text or ":" in text:
        text = _NAMED_IN_TEXT.sub(rf"\1{_MASK}", text)
    return _SECRET_SHAPES.sub(_MASK, text)
