"""Logs: one JSON object a line, with secrets masked, also in the lines of libraries."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

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


def configure(level: str) -> None:
    """Write every log line of the process to stderr as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("httpx", "httpcore", "sqlalchemy", "alembic", "asyncio", "oauthlib"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Mask secrets by the name of their field and by their shape, and cut long values."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = _MASK
        elif not isinstance(value, bool | int | float | None):
            most = _LONGEST_TRACE if name == "exception" else LONGEST
            # Text far behind the cut is not searched.
            hidden = _in_text(str(_by_name(value, _DEEPEST))[: 4 * most])
            event[name] = hidden if len(hidden) <= most else hidden[:most] + "…"
    return event


def _by_name(value: object, deepest: int) -> object:
    """Mask values under a secret's name, to a limited depth; deeper values are left out."""
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return value
    if deepest == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            name: _MASK if _SECRET_NAMES.search(str(name)) else _by_name(item, deepest - 1)
            for name, item in value.items()
        }
    return [_by_name(item, deepest - 1) for item in value]


def _in_text(text: str) -> str:
    # mutation: secrets-in-logs
    if "=" in text or ":" in text:
        text = _NAMED_IN_TEXT.sub(rf"\1{_MASK}", text)
    return _SECRET_SHAPES.sub(_MASK, text)
