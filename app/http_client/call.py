"""The evidence of one HTTP try: what was sent, what came back, how long it took.

A person reads it to find out why an update failed. It never contains a secret or a buyer's address:
`redaction.py` cleans both bodies first.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# Ways a try can end without a usable answer. No byte of the request has left in these:
CONNECT_ERROR = "connect_error"  # refused, DNS, TLS
CONNECT_TIMEOUT = "connect_timeout"
POOL_TIMEOUT = "pool_timeout"  # every connection of the pool was busy
UNUSABLE_ADDRESS = "unusable_address"
NO_TIME_LEFT = "no_time_left"  # the operation's deadline had passed before the try began
NEVER_LEFT = frozenset(
    {CONNECT_ERROR, CONNECT_TIMEOUT, POOL_TIMEOUT, UNUSABLE_ADDRESS, NO_TIME_LEFT}
)
# In these, some or all of it may have left:
DEADLINE = "deadline"
READ_TIMEOUT = "read_timeout"
WRITE_TIMEOUT = "write_timeout"
CONNECTION_LOST = "connection_lost"
ANSWER_TOO_LARGE = "answer_too_large"
ANSWER_UNREADABLE = "answer_unreadable"


class ErrorClass(StrEnum):
    """What a failed call means, by what its caller can do. `failure_table.py` has the table."""

    NOT_SENT = "not_sent"
    """Nothing left this machine: connection refused, DNS, TLS, pool, no token."""
    THROTTLED = "throttled"
    """429, not executed: accepted again after a while."""
    UNAVAILABLE = "unavailable"
    """An answer that proves the call had no effect; it may work later."""
    CREDENTIALS_REJECTED = "credentials_rejected"
    """The store's keys, or the token made with them, are not accepted."""
    MISCONFIGURED = "misconfigured"
    """The address, a header or a permission is wrong; the order is not at fault."""
    NOT_FOUND = "not_found"
    """The system does not know the subject of the call."""
    UNCLEAR = "unclear"
    """The call may have been executed."""
    REFUSED = "refused"
    """The system understood the call and rejects it."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error in an answer."""

    code: str = ""
    """The system's own code, such as INVALID_REQUEST_CONTENT.GMP_ORDER_API. Empty means none."""
    field: str | None = None
    """The field of the request that it names."""
    description: str | None = None
    """Its sentence, which may repeat the buyer's name or address."""
    has_causes: bool = False
    """The answer lists causes under it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP try."""

    operation: str
    """The client's name of it, which also selects its rate limit."""
    method: str
    path: str
    """Without host and query."""
    started_at: datetime
    ended_at: datetime
    correlation_id: str
    request: str | None
    """The redacted body, at most 4096 characters."""
    status: int | None
    """None means that no answer began."""
    response: str | None
    """The redacted body, at most 4096 characters."""
    codes: tuple[str, ...]
    """The codes of `faults`."""
    failure: str | None
    """One of this module's words. None means that a usable answer came."""
    tokens_left: int | None
    """Calls left in the rate limit, by the answer's headers. None means that they do not say."""
    replenish_in: timedelta | None
    """Time until a call is accepted again, by the answer's headers."""
    faults: tuple[ApiError, ...] = field(default=())
    """The errors in the answer."""
    error_class: ErrorClass | None = None
    """What status, codes and failure mean. None means that they show no error."""
