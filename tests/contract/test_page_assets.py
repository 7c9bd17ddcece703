"""The page's own files: few lines of JavaScript, nothing of other projects, nothing inline."""

import re
from pathlib import Path

from app.web.page import assets

PAGE = Path(assets.__file__).parent
# Lines of all modules together.
MOST_JAVASCRIPT = 500


def test_the_pages_javascript_stays_small() -> None:
    lines = [
        line
        for file in (PAGE / "static").glob("*.js")
        for line in file.read_text().splitlines()
        if line.strip() and not re.match(r"\s*(//|/?\*)", line)
    ]
    assert len(lines) <= MOST_JAVASCRIPT


def test_no_template_has_what_the_policy_forbids() -> None:
    forbidden = re.compile(
        r"\sstyle=|<style|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)|\|\s*safe\b"
    )
    found = [
        f"{file.name}: {match[0]}"
        for file in (PAGE / "templates").glob("*.html")
        for match in forbidden.finditer(file.read_text())
    ]
    assert found == []


def test_nothing_is_asked_from_another_host() -> None:
    found = [
        f"{file.name}: {address}"
        for file in (PAGE / "static").iterdir()
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.read_text())
        if not address.endswith("www.w3.org")
    ]
    assert found == []
