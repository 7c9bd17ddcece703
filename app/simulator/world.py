"""The state of the simulated Walmart: accounts with their orders, ledger, faults and rates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.simulator import placing
from app.simulator.accounts import TOKEN_SECONDS, Accounts
from app.simulator.buckets import Buckets
from app.simulator.errors import BadInput, not_found
from app.simulator.faults import Faults, InjectedFault
from app.simulator.history import History
from app.simulator.ledger import Ledger
from app.simulator.notifying import Notifier
from app.simulator.orders import SimulatedOrder
from app.simulator.returning import SimulatedReturn, open_return
from app.simulator.shop import Shops

# Bounded memory: further orders are refused.
MOST_ORDERS = 200_000
# The seller has no item with a SKU that begins like this.
UNKNOWN_SKU = "UNKNOWN"
_FIRST_NUMBER = 5_000_000_000_000
_FIRST_RETURN = 100_000_000_000_000_000


@dataclass(slots=True)
class World:
    """The state. now and monotonic return nanoseconds; `advance` moves Walmart's clock ahead.

    Tokens, dates and the tracking window follow that clock. The ledger and the rate-limit headers
    keep the real one, because they are compared with other clocks.
    """

    now_ns: Callable[[], int]
    monotonic_ns: Callable[[], int]
    seed: int = 0
    open_accounts: bool = True
    token_seconds: int = TOKEN_SECONDS
    orders: dict[str, dict[str, SimulatedOrder]] = field(default_factory=dict)
    # By account and return number.
    returns: dict[str, dict[str, SimulatedReturn]] = field(default_factory=dict)
    # By account, SKU and ship node.
    stock: dict[tuple[str, str, str | None], int] = field(default_factory=dict)
    notifier: Notifier = field(default_factory=Notifier)
    shops: Shops = field(default_factory=Shops)
    accounts: Accounts = field(init=False)
    ledger: Ledger = field(init=False)
    faults: Faults = field(init=False)
    buckets: Buckets = field(init=False)
    history: History = field(init=False)
    _ahead_ns: int = 0
    _held: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_NUMBER))

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.now, self.open_accounts, self.token_seconds)
        self.ledger = Ledger(self.now_ns, self.monotonic_ns)
        self.faults = Faults(self.seed)
        self.buckets = Buckets(self.now_ns)
        self.history = History(self.now)

    def now(self) -> int:
        """Milliseconds since 1970 by Walmart's clock."""
        return (self.now_ns() + self._ahead_ns) // 1_000_000

    def advance(self, seconds: float) -> None:
        """Move Walmart's clock ahead."""
        self._ahead_ns += int(seconds * 1e9)

    def of(self, client_id: str) -> Mapping[str, SimulatedOrder]:
        """Return an account's orders by number, oldest first."""
        return self.orders.get(client_id, {})

    def order(self, client_id: str, purchase_order_id: str) -> SimulatedOrder:
        """Return an order of an account. Raises Walmart's 404."""
        found = self.of(client_id).get(purchase_order_id)
        if found is None:
            raise not_found()
        return found

    @contextmanager
    def changing(self, *objects: SimulatedOrder | SimulatedReturn) -> Iterator[None]:
        """Record the former state of orders and returns that the block changes."""
        before = [each.copy() for each in objects]
        # A refusal leaves the block by an exception: it has changed nothing.
        yield
        for each, was in zip(objects, before, strict=True):
            if each != was:
                self.history.keep(id(each), was)

    def set_stock(self, client_id: str, sku: str, node: str | None, units: int) -> None:
        """Set the stock level of a SKU at a ship node."""
        key = (client_id, sku, node)
        if self.stock.get(key, 0) != units:
            self.history.keep(key, self.stock.get(key, 0))
        self.stock[key] = units

    def past(self, lag: InjectedFault | None) -> Mapping[Hashable, Any]:
        """Return former states for a lagging read, by id() of an object or key of stock."""
        return self.history.before(lag.delay, lag.changes) if lag is not None else {}

    def open_return(
        self, client_id: str, order: SimulatedOrder, wanted: Mapping[str, Any]
    ) -> SimulatedReturn:
        """Create a return. Raises BadInput."""
        number = _FIRST_RETURN + next(self._numbers)
        made = open_return(self.of(client_id), order, wanted, number, self.now())
        self.returns.setdefault(client_id, {})[made.number] = made
        numbers = {"returnOrderId": made.number, "purchaseOrderId": order.purchase_order_id}
        self.notifier.publish(client_id, "RETURN_CREATED", "RETURN_CREATED", numbers)
        return made

    def anywhere(
        self, purchase_order_id: str, client_id: str | None = None
    ) -> tuple[str, SimulatedOrder]:
        """Return an order and its account; client_id None means any. Raises BadInput (404)."""
        for owner, orders in self.orders.items():
            if purchase_order_id in orders and client_id in {None, owner}:
                return owner, orders[purchase_order_id]
        raise BadInput(f"There is no order {purchase_order_id}", 404)

    def place(self, wanted: Iterable[Any]) -> list[tuple[str, SimulatedOrder]]:
        """Create orders, all or none. Raises BadInput."""
        made: dict[tuple[str, str], SimulatedOrder] = {}
        for each in wanted:
            client_id, order = self._order_from(each)
            key = (client_id, order.purchase_order_id)
            if key in made or order.purchase_order_id in self.of(client_id):
                raise BadInput(f"{client_id} already has order {order.purchase_order_id}", 409)
            made[key] = order
        if self._held + len(made) > MOST_ORDERS:
            raise BadInput(f"No more than {MOST_ORDERS} orders; DELETE /simulator/orders", 507)
        for (client_id, number), order in made.items():
            self.orders.setdefault(client_id, {})[number] = order
        self._held += len(made)
        return [(client_id, order) for (client_id, _), order in made.items()]

    def _order_from(self, wanted: object) -> tuple[str, SimulatedOrder]:
        client_id = wanted.get("client_id") if isinstance(wanted, Mapping) else None
        if not isinstance(wanted, Mapping) or not isinstance(client_id, str) or not client_id:
            raise BadInput("an order is an object with a client_id and lines")
        return client_id, placing.order_from(wanted, lambda: next(self._numbers), self.now())

    def forget_orders(self) -> None:
        """Drop all orders; the ledger stays."""
        self.orders.clear()
        # The history identifies orders by id(), which Python may reuse.
        self.history.clear()
        self._held = 0

    def reset(self) -> None:
        """Reset everything except accounts and tokens, so that clients stay connected."""
        self.forget_orders()
        self.stock.clear()
        self.notifier.clear()
        self.shops.clear()
        self.returns.clear()
        self.ledger.clear()
        self.faults.clear()
        self.buckets.clear()
        self._ahead_ns = 0
