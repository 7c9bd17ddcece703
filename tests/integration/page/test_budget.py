"""How much a page weighs on the wire: 45 kB at the first visit, 10 kB later."""

import httpx

from app.web.page.assets import ASSETS
from tests.harness.world import World
from tests.integration.page.conftest import SignIn

FIRST, LATER = 45_000, 10_000
PAGES = ["/orders", "/returns", "/attention", "/health", "/stores", "/keys"]


async def weight(client: httpx.AsyncClient, path: str) -> int:
    """Bytes of an answer, as they are sent."""
    async with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"
        raw = [part async for part in answer.aiter_raw()]
    return sum(map(len, raw)) + sum(len(k) + len(v) + 4 for k, v in answer.headers.raw)


async def test_pages_and_files_stay_within_their_weight(world: World, signed_in: SignIn) -> None:
    store = await world.a_store()
    for _ in range(50):
        await world.an_order(2, 1, store=store)
    client = await signed_in("admin")
    files = sum([await weight(client, ASSETS.address(name)) for name in ASSETS.files])
    pages = {path: await weight(client, path) for path in PAGES}
    assert {path: size for path, size in pages.items() if size > LATER} == {}
    assert files + max(pages.values()) <= FIRST, (files, pages)


async def test_files_are_kept_for_good_and_old_addresses_answer_still(
    stranger: httpx.AsyncClient,
) -> None:
    kept = await stranger.get(ASSETS.address("waybill.css"))
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    old = await stranger.get("/assets/0000000000000000/waybill.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-store")
    assert old.text == kept.text
    assert (await stranger.get(ASSETS.address("main.js")[:-7] + "none.js")).status_code == 404
