"""Walmart's rate limits: a token bucket for each seller and endpoint, refilled gradually."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from app.simulator.errors import BadInput, Refusal, gateway_error

_ANY = "*"
# A bucket without refill names an hour as its next token.
_FOR_EVER_SECONDS = 3600.0


@dataclass(slots=True)
class _Bucket:
    capacity: float
    refill: float
    tokens: float
    seen_ns: int


@dataclass(slots=True)
class Buckets:
    """The buckets; unlimited until a rate is set. now returns nanoseconds since 1970."""

    now: Callable[[], int]
    _rates: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def limit(self, client_id: str | None, operation: str, capacity: float, refill: float) -> None:
        """Set a rate: capacity in tokens, refill in tokens a second. client_id None means all.

        The most specific rate applies: seller and operation, then operation, then seller.
        Raises BadInput for a number that is negative or not finite.
        """
        if not all(math.isfinite(number) and number >= 0 for number in (capacity, refill)):
            raise BadInput("capacity and refill_per_second are numbers from 0 on")
        self._rates[client_id or _ANY, operation] = (capacity, refill)
        self._buckets.clear()

    def clear(self) -> None:
        """Remove all rates."""
        self._rates.clear()
        self._buckets.clear()

    def spend(self, client_id: str, operation: str) -> dict[str, str]:
        """Take a token and return Walmart's headers. Raises 429 if there is none."""
        bucket = self._bucket(client_id, operation) if self._rates else None
        if bucket is None:
            return {"x-current-token-count": "9999", "x-next-replenish-time": self._at(0.0)}
        now = self.now()
        passed = max(now - bucket.seen_ns, 0) / 1e9
        bucket.tokens = min(bucket.capacity, bucket.tokens + passed * bucket.refill)
        bucket.seen_ns = now
        empty = bucket.tokens < 1
        if not empty:
            bucket.tokens -= 1
        headers = self._headers(bucket)
        if empty:
            raise threshold_violated(headers)
        return headers

    def _headers(self, bucket: _Bucket) -> dict[str, str]:
        missing = max(1 - bucket.tokens, 0.0)
        wait = missing / bucket.refill if bucket.refill else _FOR_EVER_SECONDS * (missing > 0)
        return {
            "x-current-token-count": str(int(bucket.tokens)),
            "x-next-replenish-time": self._at(wait),
        }

    def _at(self, wait: float) -> str:
        return str(self.now() // 1_000_000 + math.ceil(wait * 1000))

    def _bucket(self, client_id: str, operation: str) -> _Bucket | None:
        key = (client_id, operation)
        if key not in self._buckets:
            named = (key, (_ANY, operation), (client_id, _ANY), (_ANY, _ANY))
            rate = next((self._rates[name] for name in named if name in self._rates), None)
            if rate is None:
                return None
            capacity, refill = rate
            self._buckets[key] = _Bucket(capacity, refill, capacity, self.now())
        return self._buckets[key]


def threshold_violated(headers: dict[str, str]) -> Refusal:
    """Return Walmart's 429."""
    return gateway_error(429, "REQUEST_THRESHOLD_VIOLATED", "Request threshold violated", headers)
