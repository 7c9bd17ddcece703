"""Every page and state can be used by everybody: axe-core, target sizes, zoom, a phone.

The pages are those of `tests/pictures/pages.py`, over the same shop. Each tab also fails for a
console message, a request to another host, or an answer without the page's policy (`Watch`).
"""

import itertools
from dataclasses import dataclass, field
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
# What the scheme changes.
_COLOURS = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["color-contrast"]},
}
# The tests that share the pages.
_PARTS = 3
_PHONE = 390
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
    """Visits pages, and collects what is wrong with each."""

    named: dict[str, str]
    signed_in: OpenTab
    visitors: OpenTab
    found: list[str] = field(default_factory=list)
    _tabs: dict[str | None, Page] = field(default_factory=dict)

    async def look_at(self, picture: PagePicture) -> None:
        """Open a page once; look at it in both schemes and at every width."""
        page = await self._tab(picture.scope)
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": 1440, "height": 900})
        assert await visit(page, picture, self.named) == picture.status, picture.name
        troubles = [
            *await _violations(page, _RULES),
            *await _moving(page),
            *await _in_order(page),
        ]
        await page.emulate_media(color_scheme="dark")
        troubles += await _violations(page, _COLOURS)
        # A browser at 200 % shows half as many pixels of its own.
        for width, height in ((720, 450), (390, 844), (320, 640)):
            await page.set_viewport_size({"width": width, "height": height})
            troubles += await _sideways(page, width)
            if width == _PHONE:
                troubles += await _in_order(page)
        self.found += [f"{picture.name}: {each}" for each in troubles]

    async def _tab(self, scope: str | None) -> Page:
        """The tab of a person with this scope, who asked that nothing moves."""
        if scope not in self._tabs:
            options = {"reduced_motion": "reduce"}
            opened = (
                await self.visitors(**options)
                if scope is None
                else await self.signed_in(scope, name="Jane Doe", **options)
            )
            self._tabs[scope] = opened
        return self._tabs[scope]


@pytest.fixture
async def sweep(
    world: World, page_app: FastAPI, signed_in: OpenTab, visitors: OpenTab, watch: Watch
) -> Sweep:
    # The page that does not exist, and a browser that is not signed in.
    watch.expected = ["404", "401"]
    return Sweep(await places(page_app, await open_shop(world)), signed_in, visitors)


@pytest.mark.parametrize("part", range(_PARTS))
async def test_everybody_can_use_every_page(sweep: Sweep, part: int) -> None:
    for picture in present()[part::_PARTS]:
        await sweep.look_at(picture)
    assert not sweep.found, "\n".join(sweep.found)


async def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    results = (await Axe().run(page, options=rules)).response
    return [
        f"{each['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
        for each in results["violations"]
        for node in each["nodes"][:3]
    ]


async def _in_order(page: Page) -> list[str]:
    """Headings, names of regions, and the sizes of what is pressed."""
    levels = await page.evaluate(_HEADINGS)
    deeper = [after for before, after in itertools.pairwise(levels) if after > before + 1]
    wrong = levels.count(1) != 1 or levels[0] != 1 or deeper
    return [
        *([f"headings: {levels}"] if wrong else []),
        *[f"without a name: {each}" for each in await page.evaluate(_UNNAMED)],
        *[f"small: {each}" for each in await page.evaluate(_TARGETS, _SMALLEST)],
    ]


async def _moving(page: Page) -> list[str]:
    moving = await page.evaluate("document.getAnimations().length")
    return [f"{moving} animations"] if moving else []


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
