"""The README matches the repository: it stays short, its commands exist, each promise has a proof."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from app.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PROMISES = [
    line.strip("|").split("|")
    for line in README.split("## What it promises")[1].split("\n## ")[0].splitlines()
    if line.startswith("| **")
]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 160
    assert len(README.encode()) <= 10_000


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE))
    for target in {first or second for first, second in named}:
        assert re.search(rf"^{target}: .*## ", makefile, re.MULTILINE), target


@pytest.mark.parametrize("promise", PROMISES, ids=lambda each: each[0].strip(" *.")[:40])
def test_each_promise_links_to_a_test_or_to_a_record_of_one(promise: list[str]) -> None:
    said, proof = promise
    assert said.strip()
    linked = re.findall(r"\]\(([^)#]+)\)", proof)
    assert linked
    for each in linked:
        assert (ROOT / each).is_file(), each
        assert each.startswith(("tests/", "docs/")), each


def test_all_promises_are_in_the_table() -> None:
    said = " ".join(promise for promise, _ in PROMISES)
    for word in ("durable", "lost", "twice", "order", "isolated", "honest"):
        assert word in said


def test_the_image_listens_on_the_port_of_its_health_check() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    port = next(option.default for option in serve.params if option.name == "port")
    assert f"EXPOSE {port}" in dockerfile
    assert f"127.0.0.1:{port}/livez" in dockerfile
