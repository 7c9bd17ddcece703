"""The types of a delivery flow, and the calls that it plans.

    flow ── PlannedCall ──▶ perform() ── lease checked, evidence kept ──▶ Walmart, Commerce
     ▲                         │
     └── answer, or its error ─┘

A flow is a generator: it yields the calls that it wants, gets their answers or has their errors
thrown in, and returns an outcome. It does no I/O, so a test feeds it a list of answers. Each kind
of update has one, in a module of its own; `perform` in `deliver.py` makes the calls.
"""

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, ParamSpec, TypeAlias, TypeVar

from app.domain.outbox.outcome import Outcome, Refused, TryLater, Unclear

AnswerT = TypeVar("AnswerT")
Params = ParamSpec("Params")


class Purpose(Enum):
    """What a call does to the update."""

    READ = auto()
    """It changes nothing."""
    PREPARE = auto()
    """It changes something at Walmart that is not the update: the order is acknowledged."""
    WRITE = auto()
    """It sends the update, or a part of it."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that a flow wants."""

    purpose: Purpose
    make: partial[Coroutine[Any, Any, Any]]
    """A client's method with its arguments."""


Steps: TypeAlias = Generator[PlannedCall, Any, AnswerT]
"""Part of a flow; `yield from` returns its result."""
Flow: TypeAlias = Generator[PlannedCall, Any, Outcome]


class Ended(Exception):
    """A step found the outcome, so the flow makes no further call."""

    def __init__(self, outcome: TryLater | Unclear | Refused) -> None:
        self.outcome = outcome
        super().__init__(repr(outcome))


class LeaseTooShort(Exception):
    """Too little of the lease is left for a call that changes something; it is not made."""


def read(
    method: Callable[Params, Coroutine[Any, Any, AnswerT]],
    *args: Params.args,
    **kwargs: Params.kwargs,
) -> Steps[AnswerT]:
    """Make a call that changes nothing. Raises the client's errors."""
    answer: AnswerT = yield PlannedCall(Purpose.READ, partial(method, *args, **kwargs))
    return answer


def prepare(
    method: Callable[Params, Coroutine[Any, Any, AnswerT]],
    *args: Params.args,
    **kwargs: Params.kwargs,
) -> Steps[AnswerT]:
    """Make a call that prepares the write. Raises the client's errors and LeaseTooShort."""
    answer: AnswerT = yield PlannedCall(Purpose.PREPARE, partial(method, *args, **kwargs))
    return answer


def write(
    method: Callable[Params, Coroutine[Any, Any, AnswerT]],
    *args: Params.args,
    **kwargs: Params.kwargs,
) -> Steps[AnswerT]:
    """Send the update, or a part of it. Raises the client's errors and LeaseTooShort."""
    answer: AnswerT = yield PlannedCall(Purpose.WRITE, partial(method, *args, **kwargs))
    return answer
