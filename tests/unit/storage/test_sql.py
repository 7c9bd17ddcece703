"""SQL files: parameters become numbers, and each file has a purpose line and a reader."""

import re
from pathlib import Path

import pytest

from app.storage.postgres import sql
from app.storage.postgres.sql import Statement

FOLDER = Path("app/storage")
FILES = sorted(FOLDER.rglob("*.sql"))
MODULES = "\n".join(each.read_text() for each in sorted(FOLDER.rglob("*.py")))


@pytest.mark.parametrize(
    ("text", "numbered", "names"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ["a", "b"]),
        ("SELECT :a::int[], b::text", "SELECT $1::int[], b::text", ["a"]),
        ("SELECT ':a' || :b", "SELECT ':a' || $1", ["b"]),
        ("make_interval(secs => :secs)", "make_interval(secs => $1)", ["secs"]),
        ("SELECT '0001-01-01 00:00:00+00'", "SELECT '0001-01-01 00:00:00+00'", []),
    ],
)
def test_parameters_are_numbered_by_their_first_occurrence(
    text: str, numbered: str, names: list[str]
) -> None:
    statement = Statement(text)
    assert statement.text == numbered
    assert statement.names == names


def test_a_missing_piece_is_an_error() -> None:
    with pytest.raises(KeyError, match="lane"):
        sql.read("list_lanes.sql")


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_begins_with_its_purpose_and_is_read_by_a_module(file: Path) -> None:
    text = file.read_text()
    purpose = text.splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*[.]", purpose)
    assert max(map(len, text.splitlines())) <= 110
    path = file.relative_to(FOLDER)
    # The names of some families of files are composed: "drift" for attention_drift.sql.
    names = (str(path), path.stem, path.stem.partition("_")[2])
    assert any(f'"{name}"' in MODULES for name in names)
    # No comment remains, and no parameter was inside one.
    read = sql.read(str(path), **dict.fromkeys(re.findall(r"{{(\w+)}}", text), ""))
    assert "--" not in read
