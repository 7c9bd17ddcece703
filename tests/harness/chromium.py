"""Debian's Chromium, for tests and pictures of the page."""

import shutil

WORDS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def program() -> str:
    """The path of Chromium. Raises AssertionError where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is needed: apt-get install chromium"
    return found
