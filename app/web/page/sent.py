"""What a form has just sent, as its order shows it until Walmart has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain import db_limits
from app.domain.update import State
from app.storage.queries.views import OrderView
from app.web.page.context import PageContext
from app.web.v1.package_schemas import MOST_PACKAGES

QUERY = "sent"
"""The parameter with the first and the last package, as in `3-4`, or CANCELLATION."""
CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class SentPackage:
    """A package that was just sent."""

    number: int
    """Among those of the order."""
    state: str
    seconds: float
    """From the form to Walmart's confirmation; 0 until then."""

    @property
    def moving(self) -> bool:
        """Whether it is still on its way."""
        return _is_moving(self.state)


@dataclass(frozen=True, slots=True)
class SentCancellation:
    """A cancellation that was just sent."""

    state: str

    @property
    def moving(self) -> bool:
        """Whether it is still on its way."""
        return _is_moving(self.state)


def _is_moving(state: str) -> bool:
    return state not in {State.CONFIRMED, State.FAILED, State.DISMISSED}


def query(first: int, last: int) -> str:
    """The value of the parameter for some packages."""
    return f"{first}-{last}"


def sent_packages(context: PageContext, order: OrderView) -> Sequence[SentPackage]:
    """The packages that the address names; none for most visits."""
    first, _, last = context.request.query_params.get(QUERY, "").partition("-")
    numbers = (db_limits.whole_number(each or "x", db_limits.INT) for each in (first, last))
    begin, end = (each or 0 for each in numbers)
    if not 0 < begin <= end < begin + MOST_PACKAGES:
        return ()
    return list(_sent(order, begin, end))


def sent_cancellation(context: PageContext, order: OrderView) -> SentCancellation | None:
    """The cancellation, if the address names it."""
    named = context.request.query_params.get(QUERY) == CANCELLATION
    canceled = order.cancellation if named else None
    return SentCancellation(canceled.state) if canceled else None


def _sent(order: OrderView, begin: int, end: int) -> Iterator[SentPackage]:
    for number, each in enumerate(order.shipments[begin - 1 : end], start=begin):
        finished = each.update.finished_at if each.state == State.CONFIRMED else None
        seconds = (finished - each.created_at).total_seconds() if finished else 0
        yield SentPackage(number, each.state, seconds)
