"""A client that a public generator makes from openapi.json does the main job."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ROOT / "openapi" / "clients"


@pytest.fixture
def main_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program openapi/clients/main_job.py, with a client that is generated now."""
    generate(tmp_path / "waybill_client")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(PROGRAMS)
    yield importlib.import_module("main_job")
    for name in [
        name for name in sys.modules if name.split(".")[0] in {"main_job", "waybill_client"}
    ]:
        del sys.modules[name]


def generate(folder: Path) -> None:
    """Generate the Python client. Any warning means that a part of the API is missing in it."""
    words = ["generate", "--meta", "none", "--output-path", str(folder), "--fail-on-warning",
             "--config", str(PROGRAMS / "openapi-python-client.yaml"),
             "--path", str(ROOT / "openapi" / "openapi.json")]  # fmt: skip
    command = [sys.executable, "-m", "openapi_python_client", *words]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


async def test_a_generated_python_client_ships_and_cancels(
    world: World, app: FastAPI, main_job: Any
) -> None:
    from waybill_client.client import AuthenticatedClient  # type: ignore[import-not-found]

    client = AuthenticatedClient(
        base_url="http://waybill.test",
        token=ADMIN_KEY,
        httpx_args={"transport": httpx.ASGITransport(app=app)},
    )
    store = await main_job.connect_store(client)
    orders = [await world.at_walmart(units, store=store) for units in (3, 1)]
    async with world.polling(), limited():
        shipped = await main_job.ship(client, store.id, orders[0])
        canceled = await main_job.cancel(client, store.id, orders[1])
    assert (shipped.status, canceled.status) == ("shipped", "canceled")
    assert [line.quantity.shipped for line in shipped.lines] == [3]
    problem = await main_job.refused(client, shipped.id)
    (error,) = problem.errors
    assert (problem.code, error.pointer) == ("quantity_exceeds_remaining", "/items/0/quantity")
