"""What can go wrong in a call to another system, grouped by what the caller can do about it.

CallError
├── NotSent              nothing left (refused, DNS, TLS, pool, no token): safe to send later
├── Throttled            429, not executed: send again after `retry_after`
├── Unavailable          reached it, provably without effect: send again later
├── CredentialsRejected  the store's keys do not work: pause until they are corrected
├── Misconfigured        our set-up or our bug: pause the lane, do not fail the order
├── NotFound             it does not know what is asked for
├── Unclear              may have been executed: read before anything is sent again
└── Refused              it says no: read once, then a person must look

A read has the same classes; that it had no effect the caller knows by itself. What answer means
which class is the system's own: `app/walmart/errors.py`, `app/commerce/errors.py`.
"""

from datetime import timedelta

from app.http_client.call import ApiError, Call

# Never retry a 429 in under a second.
_AFTER_REFUSAL = timedelta(seconds=1)


class CallError(Exception):
    """Something about a call; call is the evidence, where a try was made at all."""

    def __init__(self, message: str, *, call: Call | None = None) -> None:
        self.call = call
        super().__init__(message)

    @property
    def codes(self) -> tuple[str, ...]:
        """The system's own codes, as it spelled them."""
        return self.call.codes if self.call else ()

    @property
    def field(self) -> str | None:
        """The field it named."""
        return self._fault.field

    @property
    def description(self) -> str | None:
        """Its own sentence."""
        return self._fault.description

    @property
    def _fault(self) -> ApiError:
        faults = self.call.faults if self.call else ()
        return next((fault for fault in faults if fault.field), next(iter(faults), ApiError()))


class NotSent(CallError):
    """Nothing of the request left this machine."""


class Throttled(CallError):
    """No more calls of this kind are taken for the moment."""

    @property
    def retry_after(self) -> timedelta | None:
        """Time until a call is accepted again, 1 s to 5 min. None: the answer named none."""
        wait = self.call.replenish_in if self.call else None
        return None if wait is None else max(wait, _AFTER_REFUSAL)


class Unavailable(CallError):
    """The system is unavailable; the call had no effect."""


class CredentialsRejected(CallError):
    """The store's keys are not accepted, or the token made with them."""


class Misconfigured(CallError):
    """The address, a header or a permission is wrong: no order is at fault."""


class NotFound(CallError):
    """It knows nothing of the kind for this store."""


class CallUnclear(CallError):
    """The answer does not show whether the call had an effect."""


class CallRefused(CallError):
    """It understood the request and will not do it."""
