"""No request creates or loses units, or breaks the simulator."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.app import create_app
from tests.unit.simulator.seller import PO, Clock, Seller, canceled, in_memory, line

UNITS = (3, 1)
steps = st.lists(
    st.tuples(
        st.sampled_from(["ship", "cancel", "acknowledge", "by_hand"]),
        st.sampled_from(["1", "2"]),
        st.integers(1, 4),
    ),
    max_size=12,
)
oddities: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "1", "9" * 5000, [], {}, [[]], [{}], {"a": 1}, [None]]
)


def at_walmart(act: Callable[[Seller], Awaitable[None]]) -> None:
    """Run a task against a Walmart of its own."""

    async def run() -> None:
        clock = Clock()
        async with in_memory(create_app(now=clock, monotonic=clock)) as http:
            seller = Seller(http, clock.ms)
            await seller.sign_in()
            await act(seller)

    asyncio.run(run())


async def take(seller: Seller, step: str, number: str, units: int) -> None:
    if step == "ship":
        await seller.ship(line(number, seller.package(f"1Z{units}", units)))
    elif step == "cancel":
        await seller.cancel(line(number, canceled(units)))
    elif step == "acknowledge":
        await seller.post("acknowledge")
    else:
        lines = [{"line_number": number, "quantity": units}]
        await seller.admin("POST", f"/orders/{PO}/ship", lines=lines)


@settings(max_examples=40)
@given(steps)
def test_units_are_conserved_and_the_ledger_records_their_effects(
    steps: list[tuple[str, str, int]],
) -> None:
    async def act(seller: Seller) -> None:
        await seller.place(*UNITS)
        for step in steps:
            await take(seller, *step)
        believed = await seller.believed()
        assert [sum(units for _, units, _ in each) for each in believed] == list(UNITS)
        believed_units = Counter(
            {
                (str(number), status): sum(u for s, u, _ in each if s == status)
                for number, each in enumerate(believed, start=1)
                for status in ("Shipped", "Cancelled")
            }
        )
        recorded: Counter[tuple[str, str]] = Counter()
        for entry in await seller.ledger():
            if entry["operation"] != "acknowledge":
                status = "Cancelled" if entry["operation"] == "cancel" else "Shipped"
                recorded[entry["line"], status] += entry["quantity"]
        assert +believed_units == +recorded

    at_walmart(act)


def paths(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a JSON document."""
    yield path
    if isinstance(found, dict | list):
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            yield from paths(value, (*path, key))


def replaced(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the document with another value at a path."""
    if not path:
        return value
    changed = deepcopy(found)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def bodies() -> Iterator[tuple[str, Any]]:
    """Yield a valid body of each operation."""
    seller = Seller(in_memory(create_app()), Clock().ms)
    package = seller.package("1ZA", current="1ZB")
    lines = {"orderLine": [line("1", package, intentToCancelOverride=False)]}
    yield "shipping", {"orderShipment": {"orderLines": lines}}
    yield "shipping", {"orderShipment": {"processMode": "PARTIAL_UPDATE", "orderLines": lines}}
    yield "cancel", {"orderCancellation": {"orderLines": {"orderLine": [line("1", canceled(1))]}}}


MUTATIONS = [(operation, body, path) for operation, body in bodies() for path in paths(body)]


@settings(max_examples=300)
@given(st.sampled_from(MUTATIONS), oddities)
def test_no_body_breaks_walmart_or_is_applied_in_part(
    mutation: tuple[str, Any, tuple[Any, ...]], odd: Any
) -> None:
    operation, body, path = mutation

    async def act(seller: Seller) -> None:
        await seller.ready(*UNITS)
        answer = await seller.post(operation, replaced(body, path, odd))
        assert answer.status_code in {200, 400}
        assert bool(await seller.ledger()) == (answer.status_code == 200)
        assert (await seller.get(f"/v3/orders/{PO}")).status_code == 200

    at_walmart(act)
