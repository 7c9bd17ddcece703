"""The judge of fault tests: Waybill's state compared with the actual effects at Walmart.

Walmart's side is the simulator's ledger and its orders; Waybill's is its API.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.harness.waiting import LIMIT
from tests.processes import Deployment, ledger
from tests.tls import TLS

# Rows written by the tests; `make faults` turns them into docs/faults.md.
ROWS = Path(os.environ.get("WAYBILL_FAULT_ROWS", ".faults")).absolute()
AT_REST = {"confirmed", "failed", "dismissed"}


@dataclass
class Verdict:
    """The findings. Each list names violations and should be empty."""

    updates: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    misreported: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing twice, nothing misreported."""
        return not (self.lost or self.twice or self.misreported)


def updates_of(client: httpx.Client) -> list[dict[str, Any]]:
    """All updates."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/updates", params=query).raise_for_status().json()
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def at_rest(client: httpx.Client) -> bool:
    """Whether no update is open, by one query of all of them."""
    figures = client.get("/metrics").raise_for_status().text.splitlines()
    waiting = [line for line in figures if line.startswith("waybill_open_updates{")]
    assert "waybill_database_up 1.0" in figures
    return all('state="failed"' in line or line.endswith(" 0.0") for line in waiting)


def judge(
    deployment: Deployment,
    client: httpx.Client,
    accepted: int,
    orders: Collection[str] | None = None,
) -> Verdict:
    """Compare, once everything is at rest.

    accepted: the number of accepted shipments and cancellations. orders: restricts the comparison.
    """
    verdict = Verdict()
    known = [
        update
        for update in updates_of(client)
        if update["kind"] in {"shipment", "cancellation"}
        and (orders is None or update["order_id"] in orders)
    ]
    verdict.updates = len(known)
    verdict.states = Counter(update["state"] for update in known)
    verdict.lost += [u["id"] for u in known if u["state"] not in AT_REST]
    if len(known) != accepted:
        verdict.lost.append(f"{accepted} were accepted, {len(known)} are known")
    shipped: Counter[str] = Counter()
    canceled: Counter[str] = Counter()
    for entry in ledger(deployment):
        if entry["operation"] == "shipping":
            shipped[entry["tracking_number"]] += entry["quantity"]
        if entry["operation"] == "cancel":
            canceled[entry["purchase_order_id"]] += entry["quantity"]
    for order_id in {update["order_id"] for update in known}:
        order = client.get(f"/v1/orders/{order_id}").raise_for_status().json()
        _judge_order(order, shipped, canceled, verdict)
        _compare(order, at_walmart(deployment, order["purchase_order_id"]), verdict, exact=True)
    return verdict


def _judge_order(
    order: dict[str, Any], shipped: Counter[str], canceled: Counter[str], verdict: Verdict
) -> None:
    asked: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for shipment in order["shipments"]:
        number = shipment["tracking_number"]
        asked[number] += sum(item["quantity"] for item in shipment["items"])
        said[number] += sum(item["confirmed"] for item in shipment["items"])
        whole = all(item["confirmed"] == item["quantity"] for item in shipment["items"])
        # A dismissed update stays dismissed, whatever Walmart shows.
        if shipment["state"] != "dismissed" and (shipment["state"] == "confirmed") != whole:
            verdict.misreported.append(f"{number} is {shipment['state']}: {said[number]}")
    for number, units in asked.items():
        if shipped[number] > units:
            verdict.twice.append(number)
        if shipped[number] != said[number]:
            verdict.misreported.append(f"{number} says {said[number]}: {shipped[number]}")
    number = order["purchase_order_id"]
    units = sum(line["quantity"]["ordered"] for line in order["lines"])
    if canceled[number] > units:
        verdict.twice.append(number)
    if order["cancellation"] is not None:
        confirmed = order["cancellation"]["state"] == "confirmed"
        if confirmed != (canceled[number] == units):
            verdict.misreported.append(f"{number} canceled: {canceled[number]}")


def at_walmart(deployment: Deployment, purchase_order_id: str) -> dict[str, Counter[str]]:
    """Units of each line by status."""
    path = f"{deployment.walmart}/simulator/orders/{purchase_order_id}"
    shown = httpx.get(path, trust_env=False, verify=TLS, timeout=LIMIT).raise_for_status().json()
    found: dict[str, Counter[str]] = {}
    for line in shown["lines"]:
        counted: Counter[str] = Counter()
        for units in line["units"]:
            counted[units["status"]] += units["quantity"]
        found[line["line_number"]] = counted
    return found


def _compare(
    order: dict[str, Any], walmart: dict[str, Counter[str]], verdict: Verdict, *, exact: bool
) -> None:
    for line in order["lines"]:
        has, says = walmart[line["line_number"]], line["quantity"]
        for ours, theirs in (("shipped", "Shipped"), ("canceled", "Cancelled")):
            if says[ours] > has[theirs] or (exact and says[ours] != has[theirs]):
                verdict.misreported.append(
                    f"{order['purchase_order_id']} says {says[ours]} {ours}: {has[theirs]}"
                )


@contextmanager
def watched(deployment: Deployment, orders: list[str]) -> Iterator[Verdict]:
    """Poll orders in the background: their JSON must never claim more than Walmart has."""
    verdict, over = Verdict(), threading.Event()

    def watch() -> None:
        with deployment.client() as client:
            while not over.is_set():
                for order_id in orders:
                    if over.is_set():
                        return
                    try:
                        answer = client.get(f"/v1/orders/{order_id}")
                    except httpx.TransportError:
                        continue
                    if answer.is_success:
                        # First ours, then Walmart's: Walmart can only have more by then.
                        order = answer.json()
                        seen = at_walmart(deployment, order["purchase_order_id"])
                        _compare(order, seen, verdict, exact=False)
                    time.sleep(0.1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield verdict
    finally:
        over.set()
        watcher.join(30)


def write_row(fault: str, what: str, verdict: Verdict) -> None:
    """Write a row for the table in docs/faults.md."""
    ROWS.mkdir(exist_ok=True)
    row = {
        "fault": fault,
        "updates": verdict.updates,
        "lost": len(verdict.lost),
        "twice": len(verdict.twice),
        "misreported": len(verdict.misreported),
        "what": what,
    }
    name = "".join(c if c.isalnum() else "-" for c in fault)
    (ROWS / f"{name}.json").write_text(json.dumps(row))


def passed(verdict: Verdict) -> str:
    """The reasons why it is not clean, for an assertion message."""
    found = {"lost": verdict.lost, "twice": verdict.twice, "misreported": verdict.misreported}
    return ", ".join(f"{len(names)} {what} {names[:5]}" for what, names in found.items())
