"""Runs a delivery flow without I/O: the calls that it plans are answered from a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from app.commerce.client import CommerceClient
from app.domain.orders.order import Order, Task
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.doubt import QUIET_PERIOD
from app.domain.outbox.outcome import HandedBack, Outcome
from app.domain.update import Kind, State
from app.http_client.call import ApiError
from app.http_client.transport import Http
from app.walmart.client import WalmartClient, WalmartReply
from app.walmart.errors import WalmartError, error_of
from app.worker.delivery.context import ClaimData, DeliveryContext
from app.worker.delivery.deliver import FLOWS
from app.worker.delivery.flow import Ended, LeaseTooShort
from app.worker.delivery.lease import Lease
from tests.builders import NOW, a_claim, an_id
from tests.unit.walmart.builders import ACCOUNT, a_call

# Seconds.
LEASE = 60.0


def _now() -> datetime:
    return NOW


async def _lost() -> bool:
    return False


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"a flow does no I/O: {request.url}")


_HTTP = Http(httpx.MockTransport(_unreachable), timeout=1)
_WALMART = WalmartClient(_HTTP, base_url="http://walmart.test", timeout=1, now=_now)
_COMMERCE = CommerceClient(_HTTP, timeout=1, now=_now)


def a_context(
    kind: Kind,
    order: Order | None,
    task: Task | None = None,
    payload: Mapping[str, Any] | None = None,
    *,
    in_doubt_until: datetime | None = None,
    passed: float = 0.0,
    **data: Any,
) -> DeliveryContext:
    """An update claimed at NOW, after this many seconds of its lease.

    An update in doubt is read first.
    """
    update = a_claim(
        id=task.update_id if task else an_id(),
        order_id=order.id if order else None,
        kind=kind,
        payload=payload or {},
        ambiguous=in_doubt_until is not None,
        in_doubt_until=in_doubt_until,
        claimed_from=State.PENDING if in_doubt_until is None else State.VERIFYING,
    )
    lease = Lease(NOW, LEASE, 1.0, lambda: passed, 0.0, 0.0, _lost, lambda: False)
    orders = {order.id: order} if order else {}
    claim = ClaimData(ACCOUNT, orders, 0.0, 0.0, **data)
    return DeliveryContext(update, claim, _WALMART, _COMMERCE, QUIET_PERIOD, lease)


@dataclass
class Run:
    """The outcome of a flow, and the calls that it planned."""

    outcome: Outcome
    calls: list[str] = field(default_factory=list)
    """The names of the clients' methods, in order."""
    args: list[tuple[Any, ...]] = field(default_factory=list)


def run(context: DeliveryContext, *answers: object) -> Run:
    """Run the flow of an update; an answer that is an exception is thrown into it.

    Fails if the flow plans fewer or more calls than there are answers.
    """
    flow, left, made = FLOWS[context.update.kind](context), list(answers), Run(HandedBack())
    try:
        planned = next(flow)
        while True:
            made.calls.append(planned.make.func.__name__)
            made.args.append(planned.make.args)
            answer = left.pop(0)
            planned = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
    except StopIteration as end:
        made.outcome = end.value
    except Ended as end:
        made.outcome = end.outcome
    except LeaseTooShort:
        made.outcome = HandedBack("too little of the lease was left")
    assert not left
    return made


def shows(snapshot: OrderSnapshot) -> WalmartReply:
    """Walmart's answer with the order."""
    return WalmartReply(snapshot, a_call(200))


def fails(status: int | None, code: str = "", failure: str | None = None) -> WalmartError:
    """The error of a call with this answer."""
    error = error_of(a_call(status, *([ApiError(code)] if code else []), failure=failure))
    assert error is not None
    return error
