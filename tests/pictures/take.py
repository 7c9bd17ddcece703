"""`make pictures`: remake the pictures of every page, light and dark, wide and narrow.

It starts PostgreSQL, the simulator, the API and a poller, lets a shop's day happen, and writes WebP
files into `docs/pictures/`. With names, only those pages are remade.
"""

import asyncio
import base64
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import httpx
from fastapi import FastAPI
from playwright.async_api import Browser, Page

from app.commerce.adobe_keys import AdobeKeys
from app.storage.outbox.notify import NotifyListener, WakeSignal
from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.harness import chromium
from tests.harness.server import serving
from tests.harness.signing_in import Person, token_for
from tests.harness.world import open_world
from tests.integration.web.adobe import Clock
from tests.integration.web.conftest import app_of
from tests.pictures.pages import PagePicture
from tests.pictures.stories import open_shop
from tests.pictures.visit import places, present, visit
from tests.tls import TLS

FOLDER = Path("docs/pictures")
WIDTHS = {1440: 900, 390: 844}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
MOST_BYTES = 4 * 2**20
"""Of all pictures together."""
_QUALITY = 15
# Pages that are longer are cut off.
_LONGEST = {1440: 1250, 390: 1500}


async def take(names: list[str]) -> None:
    """Take the pictures of these pages; of all without names."""
    with (
        tempfile.TemporaryDirectory(prefix="waybill-pictures-") as folder,
        EmbeddedPostgres.start(Path(folder) / "server") as server,
    ):
        await asyncio.to_thread(migrate.upgrade, server.url)
        async with _shop(server.url) as (app, site, named), chromium.opened() as browser:
            FOLDER.mkdir(parents=True, exist_ok=True)
            for picture in present():
                if not names or picture.name in names:
                    await _take(app, browser, site, picture, named)
    size = sum(file.stat().st_size for file in FOLDER.glob("*.webp"))
    print(f"{FOLDER}: {size / 2**20:.1f} MB")  # noqa: T201 - the output of a command
    if size > MOST_BYTES:
        raise SystemExit(f"The pictures are larger than {MOST_BYTES / 2**20:g} MB together.")


@asynccontextmanager
async def _shop(url: str) -> AsyncIterator[tuple[FastAPI, str, Mapping[str, str]]]:
    async with open_world(url) as world:
        shop = await open_shop(world)
        keys = AdobeKeys(httpx.AsyncClient(verify=TLS), Clock())
        app = app_of(world, keys)
        async with (
            NotifyListener(url, WakeSignal(), of_poller=True) as listener,
            serving(app) as site,
        ):
            await listener.shown.wait()
            yield app, site, await places(app, shop)
        await keys.close()


async def _take(
    app: FastAPI, browser: Browser, site: str, picture: PagePicture, named: Mapping[str, str]
) -> None:
    for width, height in WIDTHS.items():
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            base_url=site,
            locale="en-US",
            timezone_id="America/Los_Angeles",
            reduced_motion="reduce",
        )
        await context.add_cookies(
            [{"name": "waybill-zone", "value": "America/Los_Angeles", "url": site}]
        )
        if picture.scope is not None:
            person = Person(picture.scope, name="Jane Doe")
            token = await token_for(app.state.context, person)
            await context.add_cookies([{"name": "waybill", "value": token, "url": site}])
        page = await context.new_page()
        await visit(page, picture, named)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await _write(page, FOLDER / f"{picture.name}-{width}-{scheme}.webp", width)
        await context.close()


async def _write(page: Page, file: Path, width: int) -> None:
    """Write the page as WebP, which Playwright itself has no name for."""
    whole = await page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": min(whole, _LONGEST[width]), "scale": 1}
    session = await page.context.new_cdp_session(page)
    wanted = {"format": "webp", "quality": _QUALITY, "clip": clip, "captureBeyondViewport": True}
    answer = await session.send("Page.captureScreenshot", wanted)
    await session.detach()
    file.write_bytes(base64.b64decode(answer["data"]))


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1:]))
