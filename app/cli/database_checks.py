"""Judges what `waybill doctor` found out about the database: one check for each concern.

The functions are pure, so that a test needs no server that is full or badly set up.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.storage.postgres.database import ACCEPTING, CLAIMING
from app.storage.queries.database_facts import DatabaseFacts

# Seconds that an update may be due.
LONGEST_DUE = 300.0
# Seconds after which a segment of the write-ahead log is missed.
LONGEST_ARCHIVE = 3600.0
# Seconds between two backups: a day, and time to make one.
LONGEST_BACKUP = 26 * 3600.0
# Bytes that the disk of the database must have, and the share of it that should be free.
LEAST_FREE = 2**30
FREE_SHARE = 0.1


class Check(NamedTuple):
    """The result of a check."""

    fine: bool
    what: str
    advice: str = ""
    """What to do if it is not fine."""
    serious: bool = True
    """False means a warning: Waybill works, for now."""

    @property
    def mark(self) -> str:
        """The sign before the line: fine, a warning, or an error."""
        return "✔" if self.fine else "✘" if self.serious else "!"

    def lines(self) -> Iterator[str]:
        """What a command prints of it."""
        yield f"{self.mark} {self.what}"
        if not self.fine:
            yield f"  → {self.advice}"


def connections(pool_size: int) -> tuple[int, int]:
    """The most connections of an API and of a poller with a pool of this size."""
    api = 2 * pool_size + min(pool_size, ACCEPTING) + 1
    return api, pool_size + min(pool_size, CLAIMING) + 2


def rights(facts: DatabaseFacts) -> Check:
    """Whether the role may more than the application needs."""
    more = list(_unneeded(facts))
    if not more:
        return Check(fine=True, what=f"{facts.role} may read and write rows, and nothing else")
    return Check(
        fine=False,
        what=f"{facts.role} {', '.join(more)}",
        advice="Let WAYBILL_DATABASE_URL name a role without these rights (docs/deployment.md, "
        "two database roles).",
        serious=False,
    )


def _unneeded(facts: DatabaseFacts) -> Iterator[str]:
    # mutation: doctor-names-the-superuser
    if facts.superuser:
        yield "is a superuser"
        return
    if facts.administers:
        yield "may make roles or databases, replicate, or pass over row security"
    if facts.owned:
        yield f"owns {facts.owned} tables"
    if facts.may_create:
        yield "may create tables"
    if facts.truncatable:
        yield f"may truncate {facts.truncatable} tables"
    if facts.may_rewrite:
        yield "may change the audit"


def room(facts: DatabaseFacts, pool_size: int, *, pooler: bool) -> Check:
    """Whether the server has enough connections."""
    if pooler:
        return Check(fine=True, what="connections go through a pooler, which limits them")
    needed, most = sum(connections(pool_size)), facts.most_connections
    what = (
        f"an API and a poller open up to {needed} connections; PostgreSQL gives {most}, "
        f"{facts.connected} are in use"
    )
    advice = "Lower WAYBILL_DATABASE_POOL_SIZE, raise max_connections, or use PgBouncer."
    if needed > most:
        return Check(fine=False, what=what, advice=advice)
    if 2 * needed > most:
        advice += f" Two of each, as in a roll-out, need {2 * needed}."
        return Check(fine=False, what=what, advice=advice, serious=False)
    return Check(fine=True, what=what)


def queue(oldest_due: float, pollers: int, *, seen: bool) -> Check:
    """Whether updates are delivered. oldest_due: seconds. seen: whether pollers can be counted."""
    count = f"{pollers} pollers listen" if seen else "pollers cannot be counted behind a pooler"
    what = f"the longest waiting update has been due for {oldest_due:.0f} s; {count}"
    if oldest_due <= LONGEST_DUE:
        return Check(fine=True, what=what)
    advice = "Read GET /v1/health: which store waits, and for what."
    if seen and not pollers:
        advice = "Start `waybill poller`."
    return Check(fine=False, what=what, advice=advice, serious=False)


def disk(facts: DatabaseFacts, *, local: bool) -> Check:
    """Whether the disk of the database has room. local: the server runs on this machine."""
    size = f"the database has {_gigabytes(facts.size)}"
    if not local or facts.folder is None or not Path(facts.folder).is_dir():
        return Check(fine=True, what=f"{size}; its disk cannot be seen from here")
    found = shutil.disk_usage(facts.folder)
    what = f"{size}; its disk has {_gigabytes(found.free)} free"
    if found.free > LEAST_FREE and found.free > FREE_SHARE * found.total:
        return Check(fine=True, what=what)
    advice = "Make room: PostgreSQL stops when its disk is full. Or keep rows for fewer days."
    return Check(fine=False, what=what, advice=advice, serious=found.free <= LEAST_FREE)


def archive(facts: DatabaseFacts) -> Check:
    """Whether the write-ahead log is archived, where that is switched on."""
    if not facts.archives:
        return Check(fine=True, what="PostgreSQL archives no write-ahead log (docs/operations.md)")
    age = facts.archived
    what = "no segment of the write-ahead log was archived yet"
    if age is not None:
        what = f"the last segment of the write-ahead log was archived {age:.0f} s ago"
    advice = "Read PostgreSQL's log and archive_command; set archive_timeout."
    if facts.archive_fails:
        what = "the last segment of the write-ahead log could not be archived"
        return Check(fine=False, what=what, advice=advice)
    late = age is None or age > LONGEST_ARCHIVE
    return Check(fine=not late, what=what, advice=advice if late else "", serious=False)


def backup(stamp: Path, now: float) -> Check:
    """Whether the last backup is recent: the age of a file that each backup touches."""
    try:
        age = now - stamp.stat().st_mtime
    except OSError as error:
        advice = f"Let each backup end with `touch {stamp}`."
        return Check(fine=False, what=f"no backup is known: {error.strerror}", advice=advice)
    what = f"the last backup ended {age / 3600:.1f} hours ago"
    # mutation: doctor-misses-a-backup
    if age <= LONGEST_BACKUP:
        return Check(fine=True, what=what)
    return Check(fine=False, what=what, advice="Find out why the backup stopped, and make one.")


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
