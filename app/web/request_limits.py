"""What the deployment set about requests: their rate, their time, and the proxies in front."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.web.client_address import TrustedProxies
from app.web.request_rates import RequestRates


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits of requests. 0 means none."""

    rate: float = 0
    """Requests of an API key a second."""
    burst: int = 1
    """Requests of an API key that may come at once."""
    timeout: float = 0
    """Seconds until an answer begins."""
    proxies: TrustedProxies = field(default_factory=TrustedProxies)

    def rates(self, monotonic: Callable[[], float]) -> RequestRates | None:
        """The buckets of the API keys; None means no limit."""
        return RequestRates(self.rate, self.burst, monotonic) if self.rate else None
