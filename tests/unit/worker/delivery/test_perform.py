"""`perform` makes the calls of a flow: it checks the lease and keeps the evidence."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.commerce.errors import CommerceError
from app.domain.outbox.outcome import Confirmed, HandedBack, Outcome
from app.domain.update import Kind
from app.http_client.call import Call, ErrorClass
from app.http_client.failure_table import CallError
from app.worker.delivery import flow
from app.worker.delivery.context import DeliveryContext
from app.worker.delivery.deliver import perform
from app.worker.delivery.flow import Flow
from tests.builders import an_order
from tests.unit.walmart.builders import a_call
from tests.unit.worker.delivery.flows import LEASE, a_context, fails

CALL = a_call(200)


class Answering:
    """A client's method: it answers, or raises, and counts its calls."""

    def __init__(self, answer: Call | CallError) -> None:
        self.answer, self.calls = answer, 0

    async def __call__(self) -> Call:
        self.calls += 1
        if isinstance(self.answer, CallError):
            raise self.answer
        return self.answer


def a_delivery(passed: float = 0.0) -> DeliveryContext:
    return a_context(Kind.SHIPMENT, an_order(), passed=passed)


def one(call: Callable[[Callable[[], Coroutine[Any, Any, Call]]], Any], asked: Answering) -> Flow:
    """A flow of one call, which ends at any error."""
    try:
        yield from call(asked.__call__)
    except CallError:
        return HandedBack("it failed")
    return Confirmed(None)


async def outcome_of(context: DeliveryContext, call: Any, asked: Answering) -> Outcome:
    return await perform(context, one(call, asked))


@pytest.mark.parametrize("call", [flow.write, flow.prepare])
async def test_a_write_is_not_called_with_too_little_of_the_lease_left(
    call: Any,
) -> None:
    context, asked = a_delivery(passed=LEASE), Answering(CALL)
    outcome = await outcome_of(context, call, asked)
    assert outcome == HandedBack("too little of the lease was left")
    assert (asked.calls, context.evidence.calls, context.evidence.wrote) == (0, [], False)


async def test_a_read_needs_no_lease() -> None:
    context, asked = a_delivery(passed=LEASE), Answering(CALL)
    assert await outcome_of(context, flow.read, asked) == Confirmed(None)
    assert (asked.calls, context.evidence.calls, context.evidence.wrote) == (1, [CALL], False)


@pytest.mark.parametrize(
    ("error", "wrote"),
    [(fails(500), True), (fails(400), False), (fails(429), False), (fails(404), False)],
)
async def test_only_a_write_without_a_clear_answer_may_have_taken_effect(
    error: CallError, wrote: bool
) -> None:
    context = a_delivery()
    await outcome_of(context, flow.write, Answering(error))
    assert (context.evidence.calls, context.evidence.wrote) == ([error.call], wrote)


async def test_an_acknowledgement_before_a_write_is_not_a_write_of_the_update() -> None:
    context = a_delivery()
    await outcome_of(context, flow.prepare, Answering(fails(500)))
    assert not context.evidence.wrote


async def test_the_commerce_client_records_its_calls_itself() -> None:
    context = a_delivery()
    error = CommerceError(ErrorClass.UNCLEAR, "no answer", call=CALL)
    await outcome_of(context, flow.write, Answering(error))
    assert (context.evidence.calls, context.evidence.wrote) == ([], True)
