"""Logs: one JSON object a line, secrets masked, whoever wrote the line."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LONGEST = 500
_SECRET_NAMES = re.compile(r"secret|token|password|authorization|api_key|encryption", re.IGNORECASE)
# API keys, bearer and basic credentials, Fernet keys and tokens, passwords in addresses.
_SECRET_SHAPES = re.compile(
    r"wb_[A-Za-z0-9_-]{8,}|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|gAAAA[A-Za-z0-9_=-]{20,}|\b[A-Za-z0-9_-]{43}=|(?<=://)[^\s/@]+(?=@)"
)
_MASK = "[masked]"


def configure(level: str) -> None:
    """Send every log line of the process to stderr as JSON."""
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
    for name in ("httpx", "httpcore", "sqlalchemy", "alembic", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Hide secrets by name and by shape, and cut what is long."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = _MASK
        elif isinstance(value, str):
            hidden = _SECRET_SHAPES.sub(_MASK, value)
            most = LONGEST * 10 if name == "exception" else LONGEST
            event[name] = hidden if len(hidden) <= most else hidden[:most] + "…"
        elif not isinstance(value, bool | int | float | None):
            event[name] = _SECRET_SHAPES.sub(_MASK, str(value))[:LONGEST]
    return event
