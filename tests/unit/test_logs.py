import io
import json
import logging
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog
from cryptography.fernet import Fernet

from app import logs

FERNET = Fernet.generate_key().decode()
CANARIES = [
    "wb_canarycanarycanary",
    "Bearer canary.canary.canary",
    "postgresql://me:canarypass@host/x",
    FERNET,
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    before, level = root.handlers, root.level
    configured = structlog.get_config()
    logs.configure("info")
    yield stream
    root.handlers = before
    root.setLevel(level)
    # Other tests of this process log in the form of tests/conftest.py.
    structlog.configure(**configured)


def written(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_secrets_never_reach_a_log_line_of_any_logger(lines: io.StringIO) -> None:
    log = structlog.get_logger("waybill.test")
    for canary in CANARIES:
        log.info("event", detail=f"it is {canary} here", nested={"a": canary})
        logging.getLogger("a.library").warning("said %s", canary)
    log.info("named", client_secret="canary", access_token="canary", password="canary")
    text = lines.getvalue()
    assert "canary" not in text
    assert FERNET not in text
    assert len(written(lines)) == 2 * len(CANARIES) + 1


def test_a_secret_is_masked_by_its_name_at_any_depth(lines: io.StringIO) -> None:
    log = structlog.get_logger("waybill.test")
    plain = {
        "walmart": [{"client_id": "me", "client_secret": "a long canary"}],
        "Admin_Key": "(canary)",
        "access_token": {"value": "canary"},
    }
    log.info("event", body=plain)
    log.info("event", detail='{"access_token": "canary", "expires_in": 900}')
    logging.getLogger("a.library").warning("body %s", plain["walmart"])
    logging.getLogger("a.library").warning("grant_type=x&client_secret=canary&scope=y")
    assert "canary" not in lines.getvalue()
    text = "".join(str(line) for line in written(lines))
    for harmless in ("client_id", "'me'", "expires_in", "900", "scope=y"):
        assert harmless in text


def test_a_self_referencing_value_is_cut(lines: io.StringIO) -> None:
    endless: dict[str, object] = {"client_secret": "canary"}
    endless["self"] = [endless]
    structlog.get_logger("waybill.test").info("event", body=endless)
    assert len(written(lines)) == 1
    assert "canary" not in lines.getvalue()


def test_an_exception_keeps_its_trace_without_its_secret(lines: io.StringIO) -> None:
    try:
        int("postgresql://me:canarypass@host/x")
    except ValueError:
        structlog.get_logger("waybill.test").exception("failed")
    (line,) = written(lines)
    assert "ValueError" in str(line["exception"])
    assert "canarypass" not in lines.getvalue()


def test_a_line_break_cannot_forge_a_line(lines: io.StringIO) -> None:
    structlog.get_logger("waybill.test").info("event", detail='x"\n{"event": "forged"}')
    (line,) = written(lines)
    assert line["event"] == "event"


def test_a_long_value_is_cut(lines: io.StringIO) -> None:
    structlog.get_logger("waybill.test").info("event", detail="x" * 10_000)
    (line,) = written(lines)
    assert len(str(line["detail"])) == logs.LONGEST + 1


@pytest.fixture
def text(lines: io.StringIO) -> io.StringIO:
    """The lines as text for people."""
    logs.configure("info", "text")
    return lines


def test_a_line_of_text_is_one_line_without_secrets_and_control_characters(
    text: io.StringIO,
) -> None:
    log = structlog.get_logger("waybill.test")
    log.info("delivered", detail='x"\nforged', client_secret="canary", hidden="\x1b[2J", seconds=1)
    logging.getLogger("uvicorn.error").info("Started\nforged %s", "wb_canarycanary")
    first, second = text.getvalue().splitlines()
    for word in ("delivered", "[info", "seconds=1", "\\x1b[2J", "\\n"):
        assert word in first
    assert "Started\\nforged" in second
    assert "canary" not in text.getvalue()
    assert "\x1b" not in text.getvalue()


def test_a_traceback_of_text_keeps_its_lines(text: io.StringIO) -> None:
    try:
        int("postgresql://me:canarypass@host/x")
    except ValueError:
        structlog.get_logger("waybill.test").exception("failed")
    assert "\nValueError: " in text.getvalue()
    assert "canarypass" not in text.getvalue()


def test_lines_say_what_their_work_is_about_until_it_ends(lines: io.StringIO) -> None:
    log = structlog.get_logger("waybill.test")
    logs.about(store_id=3, order_id=UUID(int=1), update_id=None)
    logs.about(order_id=UUID(int=1))
    log.info("one")
    logs.about(order_id=UUID(int=2))
    log.info("two")
    logs.now_about(order_id=UUID(int=2), store_id=None)
    log.info("another")
    logs.about_nothing()
    log.info("none")
    known = [
        {name: each.get(name) for name in logs.CONTEXT if name in each} for each in written(lines)
    ]
    assert known == [
        {"store_id": 3, "order_id": str(UUID(int=1))},
        {"store_id": 3, "order_id": logs.SEVERAL},
        {"order_id": str(UUID(int=2))},
        {},
    ]
