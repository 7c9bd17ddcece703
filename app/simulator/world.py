"""All that the simulated Walmart holds: accounts with their orders, tokens, ledger and calls."""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.simulator.buckets import Buckets
from app.simulator.errors import gateway_error, not_found
from app.simulator.faults import Faults
from app.simulator.orders import CREATED, Line, Order, Parcel
from app.simulator.rules import Effect

# Bounded memory: the oldest entries go first. Orders are refused beyond the limit.
MOST_ENTRIES = 200_000
MOST_ORDERS = 200_000
TOKEN_SECONDS = 900
_DAY_MS = 86_400_000


class TooManyOrders(Exception):
    """The simulator holds as many orders as it may."""


@dataclass(slots=True)
class World:
    """The state. now_ns gives nanoseconds since 1970; the admin route moves it ahead."""

    now_ns: Callable[[], int]
    faults: Faults
    buckets: Buckets
    orders: dict[str, dict[str, Order]] = field(default_factory=dict)
    tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    ledger: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))
    ahead_ns: int = 0
    _sequence: itertools.count[int] = field(default_factory=itertools.count)
    _numbers: itertools.count[int] = field(
        default_factory=lambda: itertools.count(5_000_000_000_000)
    )

    def now(self) -> int:
        """Milliseconds since 1970."""
        return (self.now_ns() + self.ahead_ns) // 1_000_000

    def grant(self, client_id: str) -> str:
        """Give an account a token."""
        for token, (_, until) in list(self.tokens.items())[:10]:
            if until < self.now():
                del self.tokens[token]
        token = f"sim.{secrets.token_urlsafe(48)}"
        self.tokens[token] = (client_id, self.now() + TOKEN_SECONDS * 1000)
        return token

    def account(self, token: str | None) -> str:
        """The account of a token. Raises 401 for one that is missing, unknown or expired."""
        client_id, until = self.tokens.get(token or "", ("", 0))
        if until <= self.now():
            raise gateway_error(401, "UNAUTHORIZED", "Unauthorized token or incorrect header")
        return client_id

    def order(self, client_id: str, purchase_order_id: str) -> Order:
        """An order of an account. Raises 404."""
        found = self.orders.get(client_id, {}).get(purchase_order_id)
        if found is None:
            raise not_found()
        return found

    def anywhere(self, purchase_order_id: str) -> tuple[str, Order]:
        """An order of whatever account. Raises 404."""
        for client_id, orders in self.orders.items():
            if purchase_order_id in orders:
                return client_id, orders[purchase_order_id]
        raise not_found()

    def place(self, wanted: Mapping[str, Any]) -> Order:
        """Let a buyer order something. Raises TooManyOrders."""
        if sum(len(orders) for orders in self.orders.values()) >= MOST_ORDERS:
            raise TooManyOrders
        now = self.now()
        status = wanted.get("status", CREATED)
        lines = [_line(n, line, status) for n, line in enumerate(wanted["lines"], start=1)]
        order = Order(
            purchase_order_id=str(wanted.get("purchase_order_id") or next(self._numbers)),
            customer_order_id=str(wanted.get("customer_order_id") or next(self._numbers)),
            ordered_at=int(wanted.get("ordered_at") or now - 60_000),
            ship_by=int(wanted.get("ship_by") or now + 2 * _DAY_MS),
            deliver_by=int(wanted.get("deliver_by") or now + 6 * _DAY_MS),
            ship_method=wanted.get("ship_method") or "Standard",
            lines={line.number: line for line in lines},
            changed_at=now,
        )
        self.orders.setdefault(str(wanted["client_id"]), {})[order.purchase_order_id] = order
        return order

    def note(
        self, client_id: str, order: Order, operation: str, effects: list[Effect], call: str
    ) -> None:
        """Write effects into the ledger; it is the judge of what really happened."""
        order.changed_at = self.now()
        for effect in effects:
            self.ledger.append(
                {
                    "sequence": next(self._sequence),
                    "applied_at": self.now_ns(),
                    "client_id": client_id,
                    "purchase_order_id": order.purchase_order_id,
                    "operation": operation,
                    "line": effect.line,
                    "quantity": effect.quantity,
                    "tracking_number": effect.tracking_number,
                    "reason": effect.reason,
                    "correlation_id": call,
                }
            )

    def reset(self) -> None:
        """Forget everything but the tokens."""
        self.orders.clear()
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        self.buckets.clear()


def _line(position: int, wanted: Mapping[str, Any], status: str) -> Line:
    units = int(wanted.get("quantity", 1))
    return Line(
        number=str(wanted.get("line_number") or position),
        sku=str(wanted["sku"]),
        name=str(wanted.get("name") or wanted["sku"]),
        quantity=units,
        unit_price=str(wanted.get("unit_price") or "14.00"),
        parcels=[Parcel(status, units)],
    )
