"""The evidence of one HTTP try at Walmart: what was sent, what came back, how long it took.

A call is what a person reads when they ask why an order is in error, so it never holds a
secret or a buyer's address: `app/http_client/redaction.py` cleans both bodies before they get here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

# Ways a try can end without a usable answer. Nothing of the request has left in these:
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


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error out of Walmart's answer.

    code is Walmart's own, such as INVALID_REQUEST_CONTENT.GMP_ORDER_API, empty where there is
    none. has_causes tells whether Walmart listed causes under it.
    """

    code: str = ""
    field: str | None = None
    description: str | None = None
    has_causes: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP try.

    path is without host and query. request and response are redacted text of at most 4096
    characters. status is None where no answer began; failure is one of this module's words
    where no usable answer came. tokens_left and replenish_in are what Walmart's throttling
    headers said.
    """

    operation: str
    method: str
    path: str
    started_at: datetime
    ended_at: datetime
    correlation_id: str
    request: str | None
    status: int | None
    response: str | None
    codes: tuple[str, ...]
    failure: str | None
    tokens_left: int | None
    replenish_in: timedelta | None
    faults: tuple[ApiError, ...] = field(default=())
