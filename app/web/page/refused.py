"""Refused sign-ins of each address: limited to ten a minute, and recorded once a minute.

Keys have 256 random bits, so the limit keeps noise away, not guesses, and a right key gets in. Each
process counts for itself.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.audited_act import AuditedAct
from app.storage import audit
from app.storage.audit import Act
from app.usecases.context import AppContext

MOST = 10
"""Refusals of an address in a minute."""
MINUTE = 60.0
# Addresses that are counted at once; the oldest is forgotten.
_MOST_ADDRESSES = 10_000
STRANGER = "not signed in"
"""The actor of a refused sign-in."""


@dataclass(slots=True)
class _Minute:
    began: float
    refused: int = 0
    unrecorded: int = 0


@dataclass(slots=True)
class RefusedSignIns:
    """Refused sign-ins by address, in this process. monotonic: seconds of a clock."""

    monotonic: Callable[[], float]
    _minutes: OrderedDict[str, _Minute] = field(default_factory=OrderedDict)

    def wait(self, address: str) -> int:
        """Seconds until the address may try again; 0 if it may now."""
        minute = self._minutes.get(address)
        # mutation: sign-in-limit
        if minute is None or minute.refused < MOST:
            return 0
        return max(0, round(minute.began + MINUTE - self.monotonic()))

    async def record(self, context: AppContext, address: str) -> None:
        """Count a refused sign-in; the first of a minute writes how many there were since."""
        count = self._due(address)
        if count:
            act = Act(AuditedAct.SIGN_IN_REFUSED, STRANGER, address, after={"count": count})
            async with context.transaction() as connection:
                await audit.record(connection, context.new_id, act)

    def _due(self, address: str) -> int:
        now = self.monotonic()
        minute = self._minutes.get(address)
        if minute is not None and now < minute.began + MINUTE:
            minute.refused += 1
            minute.unrecorded += 1
            return 0
        if len(self._minutes) >= _MOST_ADDRESSES:
            self._minutes.popitem(last=False)
        self._minutes[address] = _Minute(now, refused=1)
        self._minutes.move_to_end(address)
        return 1 + (minute.unrecorded if minute else 0)
