"""Break each promise in turn, and report which test notices: `make mutations`.

    python -m tests.mutations.run [--write] [word …]

A mutation is made in a copy of the tree, never in the tree itself. The tests named in its entry
must fail there, and pass without it. `--write` writes the table to docs/mutations.md. With words,
only mutations run that have one of them in their promise or name; the others keep their rows.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutations.mutation import ROOT, Marker, Mutation, load, markers

TABLE = ROOT / "docs" / "mutations.md"
TIME_LIMIT = 600
"""Seconds after which tests that wait for what was broken are stopped; those that failed count."""
ONE_TEST = 150
"""Seconds for a test that hangs by the mutation, longer than any wait of a test."""
_FAILED = re.compile(r"^\S+\.py::(\w+).* (?:FAILED|ERROR)(?: +\[ *\d+%\])?$", re.MULTILINE)
_HEAD = """# Broken on purpose

Each promise broken in turn, and the tests that notice. Made by `make mutations`, which does it
again: every line is a change in a copy of the code, after which these tests fail.

| promise | broken by | tests that fail |
|---|---|---|
"""


def main(arguments: list[str]) -> int:
    """Run the mutations; 1 where no test noticed one of them."""
    words = [word for word in arguments if not word.startswith("--")]
    places = {marker.name: marker for marker in markers()}
    rows, survived = _rows(), 0
    mutations = list(load())
    for mutation in mutations:
        if words and not any(word in f"{mutation.promise} {mutation.name}" for word in words):
            continue
        failed = _failing_tests(mutation, places[mutation.name])
        survived += not failed
        names = ", ".join(f"`{name}`" for name in failed) or "**none**"
        rows[_start(mutation)] = f"{_start(mutation)}{names} |"
        sys.stdout.write(f"{'noticed' if failed else 'SURVIVED'}: {mutation.name}: {names}\n")
    if "--write" in arguments:
        known = [rows[start] for start in map(_start, mutations) if start in rows]
        TABLE.write_text(_HEAD + "\n".join(known) + "\n")
    return 1 if survived else 0


def _start(mutation: Mutation) -> str:
    """The row of a mutation, without its last column."""
    return f"| {mutation.promise} | {mutation.broken_by} | "


def _rows() -> dict[str, str]:
    """The rows of the table by their start. No name of a test has a bar in it."""
    rows = TABLE.read_text(encoding="utf-8").splitlines()
    return {row[: row.rindex(" | ") + 3]: row for row in rows if row.startswith("| ")}


def _failing_tests(mutation: Mutation, marker: Marker) -> list[str]:
    """The names of the tests that fail; pytest stops after three."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder)
        # Without .venv and build output: PostgreSQL's own account must be able to read the copy.
        # With bytecode, which Python takes for unchanged modules only: it compares their times.
        for name in (".ci", "app", "deploy", "tests", "migrations", "openapi", "docs"):
            shutil.copytree(ROOT / name, copy / name, ignore=_ignored)
        for name in ("pyproject.toml", "alembic.ini", "README.md", "Makefile"):
            shutil.copy(ROOT / name, copy / name)
        changed = copy / marker.path.relative_to(ROOT)
        changed.write_text(mutation.text(marker), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-v", "--maxfail=3", "-p", "no:cacheprovider"]
        try:
            run = subprocess.run(
                [*command, f"--timeout={ONE_TEST}", *mutation.tests],
                cwd=copy,
                capture_output=True,
                check=False,
                timeout=TIME_LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            # What waits for ever in one test may do so in the end of that test too.
            return _names(error.stdout or b"") or ["the tests do not end"]
    return _names(run.stdout)


def _names(output: bytes) -> list[str]:
    """The tests that failed, by the lines of `pytest -v`."""
    return list(dict.fromkeys(_FAILED.findall(output.decode(errors="replace"))))


def _ignored(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "node_modules"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
