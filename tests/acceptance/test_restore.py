"""Restoring a backup: updates delivered after it are missing in it, and are not sent again."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.storage.postgres.os_account import programs
from app.storage.recording.recovery import MARGIN
from tests.acceptance.judge import at_rest, judge, passed, write_row
from tests.forked import deployed
from tests.processes import (
    QUICK,
    Deployment,
    a_store,
    an_order,
    execute,
    ledger,
    simulator,
    until,
)

# The writes that are not absolute values: once is enough for each of them.
ONCE = ("acknowledge", "shipping", "cancel", "refund")
QUIET = float(QUICK["WAYBILL_QUIET_PERIOD"])


@pytest.fixture
def deployment(fresh_url: str, tmp_path: Path) -> Iterator[Deployment]:
    # Returns are imported by reading.
    with deployed(fresh_url, tmp_path, pollers=0, WAYBILL_IMPORT_INTERVAL="0.2") as running:
        yield running


@dataclass
class Backups:
    """Dumps of a database, made by PostgreSQL's own programs."""

    url: str
    file: Path

    def dump(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self.file}", self._name)

    def restore(self) -> None:
        """Drop the database, and create it from the dump."""
        drop = f"DROP DATABASE {self._name} WITH (FORCE)"
        server = self.url.replace(f"/{self._name}?", "/postgres?")
        asyncio.run(execute(server, drop, f"CREATE DATABASE {self._name}"))
        self._run("pg_restore", "--exit-on-error", f"--dbname={self._name}", str(self.file))

    @property
    def _name(self) -> str:
        return urlsplit(self.url).path.removeprefix("/")

    def _run(self, program: str, *words: str) -> None:
        folder = parse_qs(urlsplit(self.url).query)["host"][0]
        location = {"PGHOST": folder, "PGUSER": "postgres"}
        done = subprocess.run(
            [programs() / program, *words],
            env={**os.environ, **location},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@dataclass
class Shop:
    """A merchant: one store, and Commerce's requests for it."""

    deployment: Deployment
    client: httpx.Client
    store: str

    def order(self, number: int, *quantities: int) -> dict[str, Any]:
        return an_order(self.deployment, self.client, self.store, str(number), *quantities)

    def ship(self, order: dict[str, Any], tracking: str, units: int) -> dict[str, Any]:
        body = {
            "carrier_code": "ups",
            "tracking_number": tracking,
            "items": [{"line_number": "1", "quantity": units}],
        }
        return self._accepted(f"/v1/orders/{order['id']}/shipments", body)

    def cancel(self, order: dict[str, Any]) -> None:
        self._accepted(f"/v1/orders/{order['id']}/cancellation", {"reason": "fraud"})

    def send_back(self, order: dict[str, Any]) -> dict[str, Any]:
        """Let the buyer return one unit; return the return's id once it is imported."""
        line = {"line_number": "1", "quantity": 1}
        simulator(self.deployment, f"orders/{order['purchase_order_id']}/return", lines=[line])
        query = {"order_id": order["id"]}
        return dict(until(lambda: self.client.get("/v1/returns", params=query).json()["data"])[0])

    def refund(self, returned: dict[str, Any]) -> None:
        self._accepted(f"/v1/returns/{returned['id']}/refund", {})

    def stock(self, units: int) -> None:
        body = {"items": [{"sku": "LAMP", "quantity": units}]}
        answer = self.client.put(f"/v1/stores/{self.store}/inventory", json=body)
        assert answer.status_code == 202, answer.text

    def deliver(self) -> None:
        # The importer's lease of a stopped poller is ended instead of waited for.
        url = self.deployment.environment["WAYBILL_DATABASE_URL"]
        asyncio.run(execute(url, "UPDATE imports SET leased_until = now()"))
        self.deployment.start("poller", "poller")
        until(lambda: at_rest(self.client))

    def status(self, order: dict[str, Any]) -> str:
        return str(self.client.get(f"/v1/orders/{order['id']}").json()["status"])

    def shipped(self, order: dict[str, Any]) -> int:
        (line,) = self.client.get(f"/v1/orders/{order['id']}").json()["lines"]
        return int(line["quantity"]["shipped"])

    def _accepted(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())


@dataclass
class BeforeLoss:
    """The state before the loss, and Walmart's state at that time."""

    whole: dict[str, Any]
    half: dict[str, Any]
    parts: dict[str, Any]
    canceled: dict[str, Any]
    idle: dict[str, Any]
    idle_return: dict[str, Any]
    last_number: int
    effects: list[tuple[Any, ...]]

    @property
    def judged(self) -> set[str]:
        """The orders without refunded units at Walmart."""
        return {str(each["id"]) for each in (self.whole, self.half, self.parts, self.canceled)}


def effects(deployment: Deployment) -> list[tuple[Any, ...]]:
    """The effects at Walmart that must not happen twice."""
    names = ("operation", "purchase_order_id", "line", "quantity", "tracking_number")
    found = [e for e in ledger(deployment) if e["operation"] in ONCE]
    return sorted(tuple(str(each.get(name)) for name in names) for each in found)


def run_until_loss(shop: Shop, backups: Backups) -> BeforeLoss:
    """Accept and deliver; accept more, and dump; deliver that, accept and deliver more; restore."""
    deployment = shop.deployment
    parts = shop.order(1_796_331_100_001, 3)
    sold = shop.order(1_796_331_100_002, 2)
    shop.ship(parts, "1ZBEFORE", 1)
    shop.ship(sold, "1ZSOLD", 2)
    shop.stock(3)
    shop.deliver()
    first = shop.send_back(sold)
    code, output = recovered(deployment)
    assert code == 1
    assert "A poller works on this database" in output
    deployment.stop("poller")
    whole, canceled = shop.order(1_796_331_100_003, 2), shop.order(1_796_331_100_004, 1)
    idle, half = shop.order(1_796_331_100_005, 1), shop.order(1_796_331_100_007, 2)
    shop.ship(whole, "1ZOPEN", 2)
    # Its order has an open unit left at Walmart, which sending it again would ship too.
    shop.ship(half, "1ZHALF", 1)
    shop.cancel(canceled)
    shop.refund(first)
    shop.stock(5)
    accepted = time.monotonic()
    backups.dump()
    shop.deliver()
    last = shop.ship(parts, "1ZLOST", 1)
    shop.cancel(idle)
    late = shop.order(1_796_331_100_006, 2)
    shop.ship(late, "1ZLATE", 2)
    shop.stock(9)
    until(lambda: at_rest(shop.client))
    second = shop.send_back(late)
    shop.refund(second)
    until(lambda: at_rest(shop.client))
    assert shop.status(whole) == "shipped"
    deployment.stop("poller")
    deployment.stop("api")
    before = effects(deployment)
    backups.restore()
    until(lambda: time.monotonic() - accepted > QUIET)
    return BeforeLoss(whole, half, parts, canceled, idle, second, last["number"], before)


def recovered(deployment: Deployment, *words: str, **variables: str) -> tuple[int, str]:
    """Run `waybill recover`; return its exit code and output."""
    output = deployment.run("recover", *words, **variables)
    return output.returncode, output.stdout + output.stderr


def api_again(deployment: Deployment) -> None:
    port = deployment.api.rpartition(":")[2]
    deployment.start("api", "serve", "--no-poller", "--port", port)
    deployment.wait_for(f"{deployment.api}/readyz", "api")


def stock_sent(deployment: Deployment) -> list[int]:
    return [e["quantity"] for e in ledger(deployment) if e["operation"] == "inventory"]


def test_a_restored_backup_sends_nothing_twice(
    deployment: Deployment, fresh_url: str, tmp_path: Path
) -> None:
    with deployment.client() as client:
        shop = Shop(deployment, client, a_store(client))
        before_loss = run_until_loss(shop, Backups(fresh_url, tmp_path / "dump"))
        api_again(deployment)
        shop.deliver()
        # Shipments after the backup are imported by reading.
        until(lambda: shop.shipped(before_loss.parts) == 2)
        assert effects(deployment) == before_loss.effects
        assert (shop.status(before_loss.whole), shop.status(before_loss.canceled)) == (
            "shipped",
            "canceled",
        )
        assert shop.shipped(before_loss.half) == 1
        verdict = judge(deployment, client, 4, before_loss.judged)
        what = f"{len(before_loss.effects)} effects at Walmart before and after; every update confirmed"
        write_row("a backup restored, and nothing else done", what, verdict)
        assert verdict.clean, passed(verdict)


def test_recovery_reports_later_shipments_and_nothing_is_sent_twice(
    deployment: Deployment, fresh_url: str, tmp_path: Path
) -> None:
    with deployment.client() as client:
        shop = Shop(deployment, client, a_store(client, code="main"))
        before_loss = run_until_loss(shop, Backups(fresh_url, tmp_path / "dump"))
        stock = stock_sent(deployment)
        code, output = recovered(deployment)
        assert code == 0, output
        for finding in (
            f"{before_loss.parts['purchase_order_id']} line 1: 1 units shipped under 1ZLOST (UPS)",
            f"{before_loss.idle['purchase_order_id']} line 1: 1 units canceled",
            "1796331100006 line 1: 1 units shipped under 1ZLATE (UPS)",
            "1796331100006 line 1: 1 units shipped (Walmart shows no tracking number)",
            f"1796331100006 return {before_loss.idle_return['rma_number']} line 1: 1 units refunded",
            "stock of LAMP: unknown: set it again",
        ):
            assert f"• {finding}" in output, output
        assert output.count("• ") == 6
        assert "1ZOPEN" not in output
        assert "1ZHALF" not in output
        assert "1ZBEFORE" not in output
        again, once_more = recovered(deployment)
        assert (again, once_more.count("not asked for here")) == (0, 5)
        api_again(deployment)
        # The recovery has settled the shipments that had arrived, before any poller.
        assert (shop.status(before_loss.whole), shop.status(before_loss.canceled)) == (
            "shipped",
            "canceled",
        )
        assert shop.status(before_loss.idle) == "canceled"
        number = shop.ship(before_loss.parts, "1ZAFTER", 1)["number"]
        assert number > before_loss.last_number + MARGIN
        shop.deliver()
        assert shop.status(before_loss.parts) == "shipped"
        shipped = [each for each in effects(deployment) if each not in before_loss.effects]
        assert [each[-1] for each in shipped] == ["1ZAFTER"]
        assert len(effects(deployment)) == len(before_loss.effects) + 1
        # The value from before the backup was not sent, because Walmart had a newer one.
        assert stock_sent(deployment) == stock
        verdict = judge(deployment, client, 5, before_loss.judged)
        what = f"{output.count('not asked for here')} findings named; every update confirmed"
        write_row("a backup restored, then waybill recover", what, verdict)
        assert verdict.clean, passed(verdict)
