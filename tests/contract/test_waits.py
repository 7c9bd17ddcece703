"""Every wait of a test has the one limit that grows with the machine's slowness."""

import re
from pathlib import Path

_TESTS = Path(__file__).resolve().parent.parent
_OWN_LIMIT = re.compile(
    r"asyncio\.timeout\([1-9]|asyncio\.wait_for\(.*, [1-9][\d.]*\)|monotonic\(\) \+ [\d.]+$"
)


def test_no_wait_has_a_limit_of_its_own() -> None:
    found = [
        f"{path.relative_to(_TESTS)}:{number}"
        for path in sorted(_TESTS.rglob("*.py"))
        if path.parent.name != "mutations"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if _OWN_LIMIT.search(line)
    ]
    assert found == []
