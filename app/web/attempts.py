"""Attempts with wrong keys, sign-in links and session cookies, counted by address.

Beyond the limit they are refused without a database transaction each. Each has 256 random bits, so
the limit keeps noise away, not guesses. A right one always works, since behind a proxy everybody
may have one address: beyond the limit it is compared with the digests of all that work, which are
read at most once a second. Each process counts for itself.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.storage import audit
from app.web.client_address import counted_as
from app.web.problems import TooManyAttempts, Unauthorized

MOST = 10
"""Attempts with something wrong from an address in a minute."""
MINUTE = 60.0
# Addresses that are counted, and wrong keys that are remembered, at once; the oldest is forgotten.
_MOST_KEPT = 10_000
# Seconds for which the digests of all working keys are used.
_FRESH = 1.0


@dataclass(slots=True)
class _Minute:
    began: float
    wrong: int = 0
    looking: int = 0
    """Keys of which the database is asked at this moment."""


@dataclass(frozen=True, slots=True)
class _Refused:
    until: float
    """When this is forgotten."""
    why: str
    """For the caller."""
    guess: bool
    """A key that worked once is none."""


@dataclass(slots=True)
class WrongKeys:
    """The wrong keys that this process saw. monotonic: seconds of a clock."""

    monotonic: Callable[[], float]
    read_working: Callable[[], Awaitable[AbstractSet[bytes]]]
    """Reads the digests of all keys, links and sessions that work."""
    _minutes: OrderedDict[str, _Minute] = field(default_factory=OrderedDict)
    _refused: OrderedDict[bytes, _Refused] = field(default_factory=OrderedDict)
    """Digests that do not work."""
    _working: AbstractSet[bytes] = frozenset()
    _working_until: float = -1.0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def admit(self, digest: bytes) -> None:
        """Return if the database may be asked for a key.

        Raises Unauthorized or TooManyAttempts for one that is known not to work.
        """
        refused = self._refused.get(digest)
        # mutation: wrong-key-remembered
        if refused is not None and self.monotonic() < refused.until:
            raise self.counted(refused.why) if refused.guess else Unauthorized(refused.why)
        if self.is_limited() and digest not in await self._known_to_work():
            # Not remembered: the key may have been made after the digests were read.
            # mutation: new-key-not-remembered-as-wrong
            raise self.counted()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Count a key while the database is asked for it: a flood is limited from its start."""
        minute = self._minute()
        minute.looking += 1
        try:
            yield
        finally:
            minute.looking -= 1

    def wrong(self, digest: bytes, why: str = "") -> Exception:
        """Remember and count a key that does not exist. Returns the error to raise."""
        self._remember(digest, why, guess=True)
        return self.counted(why)

    def ended(self, digest: bytes, why: str) -> Exception:
        """Remember a key that worked once. Returns the error to raise."""
        self._remember(digest, why, guess=False)
        return Unauthorized(why)

    def strange(self, digest: bytes) -> Exception:
        """Count a link or a session that does not exist, once. Returns the error to raise.

        A browser sends the cookie of a session that is over again and again.
        """
        self._remember(digest, "", guess=False)
        return self.counted()

    def trust(self, digest: bytes) -> None:
        """Let a session through that was opened after the digests were read."""
        if self.monotonic() < self._working_until:
            self._working = self._working | {digest}

    def counted(self, why: str = "") -> Exception:
        """Count an attempt with a wrong key. Returns the error to raise."""
        limited, minute = self.is_limited(), self._minute()
        minute.wrong += 1
        wait = max(1, round(minute.began + MINUTE - self.monotonic()))
        return TooManyAttempts(wait) if limited else Unauthorized(why)

    def is_limited(self) -> bool:
        """Whether the address of the request had as many wrong keys as it may have."""
        minute = self._minutes.get(_source())
        if minute is None or self.monotonic() >= minute.began + MINUTE:
            return False
        # mutation: wrong-key-limit
        return minute.wrong + minute.looking >= MOST

    def _minute(self) -> _Minute:
        source, now = _source(), self.monotonic()
        minute = self._minutes.get(source)
        if minute is None or now >= minute.began + MINUTE:
            minute = self._minutes[source] = _Minute(now)
            self._minutes.move_to_end(source)
            if len(self._minutes) > _MOST_KEPT:
                self._minutes.popitem(last=False)
        return minute

    def _remember(self, digest: bytes, why: str, *, guess: bool) -> None:
        self._refused[digest] = _Refused(self.monotonic() + MINUTE, why, guess)
        self._refused.move_to_end(digest)
        if len(self._refused) > _MOST_KEPT:
            self._refused.popitem(last=False)

    async def _known_to_work(self) -> AbstractSet[bytes]:
        async with self._reading:
            if self.monotonic() >= self._working_until:
                self._working = await self.read_working()
                self._working_until = self.monotonic() + _FRESH
        return self._working


def _source() -> str:
    return counted_as(audit.origin.get().address or "")
