"""Each decision record has the same headings, and the index lists each record once."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
RECORDS = sorted(each for each in FOLDER.glob("*.md") if each.name != "README.md")
HEADINGS = ["Status", "Context", "Decision", "Consequences", "Alternatives"]
_TITLE = re.compile(r"# (?P<number>\d{4})\. (?P<title>\S.*)\n\nDate: \d{4}-\d{2}-\d{2}\n\n")
_ROW = re.compile(r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| .+ \|$", re.MULTILINE)


def _title(record: Path) -> tuple[str, str]:
    found = _TITLE.match(record.read_text())
    assert found is not None, "it begins with '# NNNN. title' and 'Date: YYYY-MM-DD'"
    return found["number"], found["title"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: each.stem)
def test_a_record_has_its_headings_in_order(record: Path) -> None:
    assert re.findall(r"^## (.+)$", record.read_text(), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: each.stem)
def test_a_record_has_the_number_of_its_file(record: Path) -> None:
    number, _ = _title(record)
    assert record.name.startswith(f"{number}-")


def test_the_index_lists_each_record_once_with_its_title() -> None:
    titles = [(number, each.name, title) for each in RECORDS for number, title in [_title(each)]]
    assert _ROW.findall((FOLDER / "README.md").read_text()) == titles
