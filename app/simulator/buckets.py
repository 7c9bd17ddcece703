"""Walmart's throttling: a token bucket for each seller and endpoint, refilled gradually."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.simulator.errors import gateway_error

_ANY = "*"


@dataclass(slots=True)
class _Bucket:
    capacity: float
    refill: float
    tokens: float
    seen_ns: int


@dataclass(slots=True)
class Buckets:
    """Unlimited until a rate is set. now_ns gives nanoseconds since 1970."""

    now_ns: Callable[[], int]
    _rates: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def limit(self, client_id: str | None, operation: str, capacity: float, refill: float) -> None:
        """Set a rate: capacity tokens, refill of them a second; for all sellers if None."""
        self._rates[client_id or _ANY, operation] = (capacity, refill)
        self._buckets.clear()

    def clear(self) -> None:
        """Take every limit away."""
        self._rates.clear()
        self._buckets.clear()

    def spend(self, client_id: str, operation: str) -> dict[str, str]:
        """Take a token; answers Walmart's headers. Raises 429 when there is none."""
        bucket = self._bucket(client_id, operation)
        if bucket is None:
            return {"x-current-token-count": "9999", "x-next-replenish-time": self._at(0.0)}
        now = self.now_ns()
        passed = (now - bucket.seen_ns) / 1e9
        bucket.tokens = min(bucket.capacity, bucket.tokens + passed * bucket.refill)
        bucket.seen_ns = now
        empty = bucket.tokens < 1
        if not empty:
            bucket.tokens -= 1
        wait = max(1 - bucket.tokens, 0.0) / bucket.refill
        headers = {
            "x-current-token-count": str(int(bucket.tokens)),
            "x-next-replenish-time": self._at(wait),
        }
        if empty:
            raise gateway_error(
                429, "REQUEST_THRESHOLD_VIOLATED", "Request threshold violated", headers
            )
        return headers

    def _at(self, wait: float) -> str:
        return str(int(self.now_ns() / 1e6 + wait * 1000))

    def _bucket(self, client_id: str, operation: str) -> _Bucket | None:
        key = (client_id, operation)
        if key not in self._buckets:
            rate = self._rates.get(key) or self._rates.get((_ANY, operation))
            if rate is None:
                return None
            capacity, refill = rate
            self._buckets[key] = _Bucket(capacity, refill, capacity, self.now_ns())
        return self._buckets[key]
