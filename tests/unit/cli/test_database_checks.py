"""What `waybill doctor` says of a database: fine, a warning or an error, and what to do."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.cli import database_checks
from app.cli.database_checks import Check
from app.storage.queries import DatabaseFacts

FINE = DatabaseFacts(
    role="waybill_app",
    superuser=False,
    administers=False,
    may_create=False,
    owned=0,
    truncatable=0,
    may_rewrite=False,
    most_connections=97,
    connected=12,
    size=3 * 2**30,
    folder=None,
    archives=True,
    archived=20.0,
    archive_fails=False,
    pollers=2,
)


def marks(facts: DatabaseFacts, pool: int = 10) -> dict[str, Check]:
    return {
        "rights": database_checks.rights(facts),
        "room": database_checks.room(facts, pool, pooler=False),
        "disk": database_checks.disk(facts, local=True),
        "archive": database_checks.archive(facts),
    }


def test_a_healthy_database_is_fine() -> None:
    assert {each.mark for each in marks(FINE).values()} == {"✔"}
    assert database_checks.connections(10) == (25, 17)
    assert database_checks.queue(299, 0, seen=True).fine


@pytest.mark.parametrize(
    ("check", "changes", "mark", "words"),
    [
        ("rights", {"superuser": True}, "!", "is a superuser"),
        ("rights", {"administers": True}, "!", "may make roles"),
        ("rights", {"owned": 3}, "!", "owns 3 tables"),
        ("rights", {"may_create": True}, "!", "may create tables"),
        ("rights", {"truncatable": 2}, "!", "may truncate 2 tables"),
        ("rights", {"may_rewrite": True}, "!", "may change the audit"),
        ("room", {"most_connections": 41}, "✘", "up to 42 connections; PostgreSQL gives 41"),
        ("room", {"most_connections": 83}, "!", "PostgreSQL gives 83"),
        ("archive", {"archive_fails": True}, "✘", "could not be archived"),
        ("archive", {"archived": None}, "!", "no segment"),
        ("archive", {"archived": 7200.0}, "!", "7200 s ago"),
        ("archive", {"archives": False}, "✔", "archives no write-ahead log"),
    ],
)
def test_a_trouble_is_named_with_its_weight(
    check: str, changes: dict[str, Any], mark: str, words: str
) -> None:
    found = marks(replace(FINE, **changes))[check]
    assert (found.mark, words in found.what) == (mark, True), found
    assert found.fine or found.advice


def test_updates_that_wait_are_a_warning_with_the_next_step() -> None:
    assert "Start `waybill poller`" in database_checks.queue(301, 0, seen=True).advice
    busy = database_checks.queue(301, 2, seen=True)
    assert (busy.mark, "GET /v1/health" in busy.advice) == ("!", True)
    assert "cannot be counted" in database_checks.queue(301, 0, seen=False).what


def test_the_disk_is_judged_where_it_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(FINE, folder=str(tmp_path))
    assert "cannot be seen" in database_checks.disk(here, local=False).what
    for free, share, mark in ((0, 0.0, "✔"), (2**60, 0.0, "✘"), (0, 1.1, "!")):
        monkeypatch.setattr(database_checks, "LEAST_FREE", free)
        monkeypatch.setattr(database_checks, "FREE_SHARE", share)
        assert database_checks.disk(here, local=True).mark == mark


def test_a_backup_is_as_old_as_its_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / "backup"
    assert database_checks.backup(stamp, 0).mark == "✘"
    stamp.touch()
    os.utime(stamp, (1_000_000, 1_000_000))
    assert database_checks.backup(stamp, 1_000_000 + 25 * 3600).mark == "✔"
    assert database_checks.backup(stamp, 1_000_000 + 27 * 3600).mark == "✘"
