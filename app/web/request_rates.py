"""How many requests an API key may make: a token bucket for each key, in the memory of a process.

Each answer says what is left, by the header fields of draft-ietf-httpapi-ratelimit-headers-11:
`RateLimit-Policy` has the requests that may come at once (`q`) and the seconds in which as many
come back (`w`), `RateLimit` the requests that are left (`r`) and the seconds until all are (`t`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import Scope

from app.web.problems import RateLimited

_POLICY = b"key"
RateFields = tuple[tuple[bytes, bytes], ...]
"""Raw header fields, which cost less than those of Starlette."""
_STATE = "waybill.rate_limit"
# Keys that are counted; beyond these the buckets that are full again are forgotten.
_MOST = 1000


@dataclass(slots=True)
class _KeyBucket:
    left: float
    at: float


@dataclass(slots=True)
class RequestRates:
    """The buckets of a process. monotonic: seconds of a clock."""

    rate: float
    """Requests a second that a key gets back."""
    burst: int
    """Requests that a bucket holds."""
    monotonic: Callable[[], float]
    policy: bytes = field(init=False)
    """The value of `RateLimit-Policy`."""
    _buckets: dict[str, _KeyBucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        window = max(1, math.ceil(self.burst / self.rate))
        self.policy = b'"%s";q=%d;w=%d' % (_POLICY, self.burst, window)

    def take(self, key: str, scope: Scope) -> None:
        """Count a request of a key, once. Raises RateLimited."""
        # The key of a request with a body is checked twice.
        # mutation: rate-limit-counts-once
        if _STATE in scope:
            return
        bucket = self._bucket(key)
        # mutation: rate-limit
        refused = bucket.left < 1
        bucket.left -= 0 if refused else 1
        missing = 1 - bucket.left if refused else self.burst - bucket.left
        wait = max(1, math.ceil(missing / self.rate))
        left = b'"%s";r=%d;t=%d' % (_POLICY, bucket.left, wait)
        scope[_STATE] = ((b"ratelimit-policy", self.policy), (b"ratelimit", left))
        if refused:
            raise RateLimited(wait)

    def fewest_left(self) -> float:
        """The requests that the key with the fewest has left now; all of a bucket without keys."""
        now = self.monotonic()
        left = (each.left + (now - each.at) * self.rate for each in self._buckets.values())
        return min(self.burst, min(left, default=self.burst))

    def _bucket(self, key: str) -> _KeyBucket:
        now, found = self.monotonic(), self._buckets.get(key)
        if found is None:
            if len(self._buckets) >= _MOST:
                self._forget_full(now)
            found = self._buckets[key] = _KeyBucket(self.burst, now)
        found.left = min(self.burst, found.left + (now - found.at) * self.rate)
        found.at = now
        return found

    def _forget_full(self, now: float) -> None:
        full = self.burst / self.rate
        self._buckets = {k: each for k, each in self._buckets.items() if now - each.at < full}


def left_for(scope: Scope) -> RateFields | None:
    """The header fields of a request that was counted; None for one that was not."""
    found: RateFields | None = scope.get(_STATE)
    return found
