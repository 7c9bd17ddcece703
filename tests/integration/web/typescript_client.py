"""A TypeScript client that a public generator makes from openapi.json does the main job.

Run by `make check`, which compiles the program first; `make test` needs no Node.
"""

import asyncio
import json
from pathlib import Path

from fastapi import FastAPI

from tests.harness.server import serving
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY

PROGRAM = Path(__file__).resolve().parents[3] / "build" / "clients" / "main-job.mjs"


async def test_a_generated_typescript_client_ships_and_cancels(world: World, app: FastAPI) -> None:
    store = await world.a_store()
    orders = [await world.at_walmart(units, store=store) for units in (3, 1)]
    async with serving(app) as url, world.polling(), limited():
        words = ("node", str(PROGRAM), url, ADMIN_KEY, str(store.id), *orders)
        program = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        output, _ = await program.communicate()
    assert program.returncode == 0
    found = json.loads(output)
    assert (found["shipped"]["status"], found["canceled"]["status"]) == ("shipped", "canceled")
    assert found["shipped"]["lines"][0]["quantity"]["shipped"] == 3
    (error,) = found["problem"]["errors"]
    problem = (found["problem"]["code"], error["pointer"])
    assert problem == ("quantity_exceeds_remaining", "/items/0/quantity")
