"""Every page and state can be used by everybody: axe-core, target sizes, zoom, a phone.

The pages are those of `tests/pictures/pages.py`, over the same shop. Each tab also fails for a
console message, a request to another host, or an answer without the page's policy (`Watch`).
"""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Page

from tests.browser.conftest import OpenTab, Watch
from tests.harness.world import World
from tests.pictures.pages import PagePicture
from tests.pictures.stories import open_shop
from tests.pictures.visit import places, present, visit

# What is smaller than this is hard to hit (WCAG 2.2, 2.5.8), unless there is room around it.
_SMALLEST = 24
_RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# Controls beside each other of which one is smaller than the size and too near to another one.
_TARGETS = """smallest => {
  const shown = [...document.querySelectorAll("a, button, input, select, summary, textarea")]
    .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.closest("p, td > span, .only-read"))
    .map(e => [e, e.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
  const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
  const small = shown.filter(([, box]) => Math.min(box.width, box.height) < smallest);
  return small.filter(([one, box]) => shown.some(([other, near]) => {
    if (one === other || one.contains(other) || other.contains(one)) return false;
    // A bar that sticks to the edge passes over what scrolls below it.
    if (one.closest(".selection") !== other.closest(".selection")) return false;
    const [x, y] = middle(box), dx = Math.max(near.left - x, x - near.right, 0);
    return Math.hypot(dx, Math.max(near.top - y, y - near.bottom, 0)) < smallest / 2;
  })).map(([one]) => one.outerHTML.slice(0, 90));
}"""
_HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4")]
  .filter(h => h.checkVisibility()).map(h => Number(h.tagName[1]))"""
_UNNAMED = """[...document.querySelectorAll("section, nav, dialog, [role=group], [role=region]")]
  .filter(e => !e.ariaLabel && !e.getAttribute("aria-labelledby") && e.matches("nav, dialog, [role]"))
  .map(e => e.outerHTML.slice(0, 90))"""


@dataclass
class Sweep:
    """Visits every page, and collects what is wrong with each."""

    named: dict[str, str]
    signed_in: OpenTab
    visitors: OpenTab
    found: list[str]

    async def tab(self, picture: PagePicture, **options: Any) -> Page:
        """Open a tab of the person of a picture."""
        if picture.scope is None:
            return await self.visitors(**options)
        return await self.signed_in(picture.scope, name="Jane Doe", **options)

    def add(self, picture: PagePicture, troubles: Sequence[str]) -> None:
        """Note what is wrong with a page."""
        self.found += [f"{picture.name}: {each}" for each in troubles]


@pytest.fixture
async def sweep(
    world: World, page_app: FastAPI, signed_in: OpenTab, visitors: OpenTab, watch: Watch
) -> AsyncIterator[Sweep]:
    # The page that does not exist, and a browser that is not signed in.
    watch.expected = ["404", "401"]
    opened = Sweep(await places(page_app, await open_shop(world)), signed_in, visitors, [])
    yield opened
    assert not opened.found, "\n".join(opened.found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(sweep: Sweep, scheme: str) -> None:
    tabs: dict[str | None, Page] = {}
    for picture in present():
        if picture.scope not in tabs:
            tabs[picture.scope] = await sweep.tab(picture, color_scheme=scheme)
        page = tabs[picture.scope]
        assert await visit(page, picture, sweep.named) == picture.status, picture.name
        results = (await Axe().run(page, options=_RULES)).response
        sweep.add(
            picture,
            [
                f"{each['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
                for each in results["violations"]
                for node in each["nodes"][:3]
            ],
        )


async def test_headings_regions_and_targets_are_in_order_on_a_phone(sweep: Sweep) -> None:
    size = {"width": 390, "height": 844}
    tabs: dict[str | None, Page] = {}
    for picture in present():
        if picture.scope not in tabs:
            tabs[picture.scope] = await sweep.tab(picture, viewport=size)
        page = tabs[picture.scope]
        await visit(page, picture, sweep.named)
        levels = await page.evaluate(_HEADINGS)
        deeper = [after for before, after in itertools.pairwise(levels) if after > before + 1]
        if levels.count(1) != 1 or levels[0] != 1 or deeper:
            sweep.add(picture, [f"headings: {levels}"])
        sweep.add(picture, [f"without a name: {each}" for each in await page.evaluate(_UNNAMED)])
        sweep.add(picture, [f"small: {each}" for each in await page.evaluate(_TARGETS, _SMALLEST)])
        sweep.add(picture, await _sideways(page, 390))


async def test_no_page_scrolls_sideways_at_200_percent_or_320_pixels(sweep: Sweep) -> None:
    """A browser at 200 % shows half as many pixels of its own."""
    tabs: dict[str | None, Page] = {}
    for width, height in ((720, 450), (320, 640)):
        for picture in present():
            if picture.scope not in tabs:
                tabs[picture.scope] = await sweep.tab(picture)
            page = tabs[picture.scope]
            await page.set_viewport_size({"width": width, "height": height})
            await visit(page, picture, sweep.named)
            sweep.add(picture, await _sideways(page, width))


async def test_nothing_moves_for_people_who_asked_for_that(sweep: Sweep) -> None:
    (first,) = [each for each in present() if each.name == "orders"]
    page = await sweep.tab(first, reduced_motion="reduce")
    for picture in present():
        if picture.scope is not None:
            await visit(page, picture, sweep.named)
            moving = await page.evaluate("document.getAnimations().length")
            sweep.add(picture, [f"{moving} animations"] if moving else [])


async def _sideways(page: Page, width: int) -> list[str]:
    wide = await page.evaluate("document.documentElement.scrollWidth")
    if wide <= width:
        return []
    widest = await page.evaluate(
        """width => [...document.querySelectorAll("main *, header *")]
          .filter(e => e.getBoundingClientRect().right > width + 1
                       && !e.closest(".scroll, .tabs, .cards"))
          .slice(0, 2).map(e => e.outerHTML.slice(0, 80))""",
        width,
    )
    return [f"{wide} px wide at {width}: {widest}"]
