"""Refused requests in the audit: counted in memory, written together.

A flood of refused requests costs one transaction a second at most, and one row a minute for each
address, reason and key.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from starlette.types import Scope

from app.domain.audited_act import AuditedAct
from app.domain.errors import NotAvailable
from app.storage import audit
from app.storage.audit import NO_STORE, Act, Origin
from app.usecases.context import AppContext
from app.web.client_address import counted_as
from app.web.problems import PROBLEM

MINUTE = 60.0
STRANGER = "not signed in"
"""The actor of a refused request without a key that works."""
OTHERS = "other addresses"
"""Stands for the addresses beyond the first thousand of a minute."""
# Seconds between two batches, while there is something to write.
_EVERY = 1.0
_MOST = 1000
_SIGN_IN = "waybill.sign_in"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    what: AuditedAct
    address: str
    reason: str
    actor: str = STRANGER
    api_key: str | None = None
    store_id: int = NO_STORE


@dataclass(slots=True)
class _Count:
    due: float
    """When the next row may be written."""
    unwritten: int = 0


def is_sign_in(scope: Scope) -> None:
    """Let a refusal of this request count as a refused sign-in."""
    scope[_SIGN_IN] = True


@dataclass(slots=True)
class Refusals:
    """The refused requests of this process. monotonic: seconds of a clock."""

    context: AppContext
    monotonic: Callable[[], float]
    _counts: dict[_Kind, _Count] = field(default_factory=dict)
    _writer: asyncio.Task[None] | None = None

    def count(self, scope: Scope, given: Origin) -> None:
        """Count a refused request."""
        kind = self._kind(scope, given)
        if kind not in self._counts and len(self._counts) >= _MOST:
            kind = _Kind(kind.what, OTHERS, kind.reason)
        found = self._counts.setdefault(kind, _Count(self.monotonic()))
        found.unwritten += 1
        if self._writer is None or self._writer.done():
            # In a context of its own: its rows and its log lines are not this request's.
            self._writer = asyncio.create_task(
                self._write_on(), name="refusals", context=contextvars.Context()
            )

    async def write(self, *, all_of_them: bool = False) -> None:
        """Write what is due; at the end of the process all of it. Raises NotAvailable."""
        now = self.monotonic()
        # mutation: refusals-once-a-minute
        due = {
            kind: count.unwritten
            for kind, count in self._counts.items()
            if count.unwritten and (all_of_them or count.due <= now)
        }
        if due:
            for kind in due:
                self._counts[kind] = _Count(now + MINUTE)
            try:
                async with self.context.transaction() as connection:
                    rows = [_row(kind, number) for kind, number in due.items()]
                    await audit.record_from(connection, self.context.new_id, *rows)
            except BaseException:
                for kind, number in due.items():
                    again = self._counts.setdefault(kind, _Count(now))
                    again.due, again.unwritten = now, again.unwritten + number
                raise
        for kind in [
            k for k, each in self._counts.items() if not each.unwritten and each.due <= now
        ]:
            del self._counts[kind]

    async def close(self) -> None:
        """Stop, and write what is not written yet; without a database it is lost."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        with contextlib.suppress(NotAvailable):
            await self.write(all_of_them=True)

    async def _write_on(self) -> None:
        while any(each.unwritten for each in self._counts.values()):
            await asyncio.sleep(_EVERY)
            try:
                await self.write()
            except Exception:  # noqa: BLE001 - tried again; the counts are kept
                _log.warning("refusals_not_written", exc_info=True)

    @staticmethod
    def _kind(scope: Scope, given: Origin) -> _Kind:
        what = AuditedAct.SIGN_IN_REFUSED if _SIGN_IN in scope else AuditedAct.ACCESS_REFUSED
        reason = scope.get(PROBLEM, "unauthorized")
        address = counted_as(given.address or "")
        store = given.store_id or NO_STORE
        return _Kind(what, address, reason, given.actor or STRANGER, given.api_key, store)


def _row(kind: _Kind, number: int) -> tuple[Origin, Act]:
    after = {"reason": kind.reason, "count": number}
    act = Act(kind.what, kind.actor, kind.address or STRANGER, kind.store_id, after=after)
    return Origin(kind.api_key, kind.address or None), act
