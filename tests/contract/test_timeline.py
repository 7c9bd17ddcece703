"""The words of a timeline are a closed list: docs/timeline.md has each, and no other is written."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app.domain.orders.order_event import DETAIL_KEYS, WORDS

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "timeline.md").read_text().split("\n## Events\n")[1].split("\n## ")[0]
ROWS = [line.strip("|").split(" | ") for line in TABLE.splitlines() if line.startswith("| `")]


def test_the_page_describes_each_word_once_in_the_order_of_the_code() -> None:
    assert [row[0].split("`")[1] for row in ROWS] == list(WORDS)
    assert len(set(WORDS)) == len(WORDS)


def test_the_page_names_the_keys_of_each_detail() -> None:
    named = {row[0].split("`")[1]: tuple(row[2].split("`")[1::2]) for row in ROWS}
    assert named == {word: DETAIL_KEYS.get(word, ()) for word in WORDS}


def literals() -> Iterator[tuple[Path, str]]:
    """Words that a writer of events has as a text, where mypy does not compare them."""
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "func", None)
            called = getattr(name, "attr", getattr(name, "id", None))
            if isinstance(node, ast.Call) and called == "TimelineEvent" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield path, str(first.value)
    for path in (ROOT / "app").rglob("*.sql"):
        for written in re.findall(r"INTO events \([^)]*\)\s+SELECT ([^;]*?)FROM", path.read_text()):
            yield from ((path, word) for word in re.findall(r"'([a-z_]+)'", written))


def test_no_writer_writes_another_word() -> None:
    found = list(literals())
    assert [word for _, word in found] == ["order_imported"]
    assert {word for _, word in found} <= set(WORDS)
