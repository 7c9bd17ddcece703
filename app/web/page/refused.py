"""Counts refused sign-ins, so that the audit has a row a minute for an address and not one each."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.audited_act import AuditedAct
from app.storage import audit
from app.storage.audit import Act
from app.usecases.context import AppContext

# Seconds between two rows of an address; addresses that are counted at once.
_EVERY = 60.0
_MOST_ADDRESSES = 1000
STRANGER = "not signed in"
"""The actor of a refused sign-in."""


@dataclass(slots=True)
class RefusedSignIns:
    """Refused sign-ins by address, in this process."""

    monotonic: Callable[[], float]
    _counted: dict[str, tuple[float, int]] = field(default_factory=dict)

    async def record(self, context: AppContext, address: str) -> None:
        """Count a refused sign-in; the first of a minute writes how many there were since."""
        count = self._due(address)
        if count:
            act = Act(AuditedAct.SIGN_IN_REFUSED, STRANGER, address, after={"count": count})
            async with context.transaction() as connection:
                await audit.record(connection, context.new_id, act)

    def _due(self, address: str) -> int:
        now = self.monotonic()
        until, count = self._counted.get(address, (now, 0))
        if now < until:
            self._counted[address] = (until, count + 1)
            return 0
        if len(self._counted) >= _MOST_ADDRESSES:
            self._counted.clear()
        self._counted[address] = (now + _EVERY, 0)
        return count + 1
