"""Debian's Chromium without a window, for tests and pictures of the page."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first one has no desktop, and starts in half of the time."""


def program() -> str:
    """The path of Chromium. Raises AssertionError where there is none."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    assert found, f"Chromium is needed: apt-get install {_PROGRAMS[0]}"
    return found


@asynccontextmanager
async def opened() -> AsyncIterator[Browser]:
    """A browser, closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=OPTIONS)
        yield browser
        await browser.close()
