"""A promise, the place in the code that keeps it, and how that place is broken.

A comment `# mutation: <name>` marks the statement, so a move or a rename of the code needs no
change here. `mutations.toml` has an entry for each name and explains the keys.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".ci", "app", "migrations", "deploy")
"""Where markers may stand."""
_MARKER = re.compile(r"^ *(?:#|--) mutation: ([a-z0-9-]+)$", re.MULTILINE)
_STEP = re.compile(r"(\w+)(?:\[(\w+)\])?")


@dataclass(frozen=True)
class Marker:
    """Where a mutation's name stands in the code."""

    name: str
    path: Path
    line: int
    """Number of the line, from 1."""


@dataclass(frozen=True)
class Mutation:
    """One entry of `mutations.toml`; the file's first lines explain the fields."""

    name: str
    promise: str
    broken_by: str
    tests: tuple[str, ...]
    new: str = ""
    before: str = ""
    after: str = ""
    part: str = ""
    statements: int = 1
    lines: int = 1
    old: str = ""

    def text(self, marker: Marker) -> str:
        """The text of the marked file after the mutation.

        Raises LookupError where the marked statement does not have what the entry names.
        """
        source = marker.path.read_text(encoding="utf-8")
        if marker.path.suffix == ".py":
            return self._python(source, marker.line)
        rows = source.splitlines()
        first = marker.line
        while _MARKER.match(rows[first]):
            first += 1
        rows[first : first + self.lines] = self.new.splitlines()
        return "\n".join(rows) + "\n"

    def _python(self, source: str, line: int) -> str:
        tree = ast.parse(source)
        block, index = _statement_below(tree, line)
        if not self.part and not self.old:
            marked = block[index : index + self.statements]
            block[index : index + self.statements] = [
                *ast.parse(self.before).body,
                *(ast.parse(self.new).body if self.new else marked),
                *ast.parse(self.after).body,
            ]
        else:
            _replace(block[index], self.part, self._changed)
        return ast.unparse(tree)

    def _changed(self, node: Any) -> Any:
        """What takes the place of a node within the statement."""
        if self.old:
            if not isinstance(node, ast.Constant) or str(node.value).count(self.old) != 1:
                raise LookupError(f"{self.name}: {self.old!r} does not stand there once")
            return ast.Constant(str(node.value).replace(self.old, self.new))
        if isinstance(node, (ast.cmpop, ast.operator)):
            return _operator(self.new, type(node))
        if isinstance(node, ast.boolop):
            return {"and": ast.And, "or": ast.Or}[self.new]()
        return ast.parse(f"({self.new})", mode="eval").body


def load() -> tuple[Mutation, ...]:
    """All mutations, in the order of their file."""
    entries = tomllib.loads((Path(__file__).parent / "mutations.toml").read_text(encoding="utf-8"))
    return tuple(
        Mutation(name, **{**entry, "tests": tuple(entry["tests"])})
        for name, entry in entries.items()
    )


def markers(root: Path = ROOT) -> Iterator[Marker]:
    """All markers in the code."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and (path.suffix in {".py", ".sql"} or folder == ".ci"):
                text = path.read_text(encoding="utf-8")
                for found in _MARKER.finditer(text):
                    yield Marker(found[1], path, text.count("\n", 0, found.start()) + 1)


def _statement_below(tree: ast.Module, line: int) -> tuple[list[ast.stmt], int]:
    """The list of statements that has the first one below a line, and its index there."""
    found = [
        (_first_line(statement), -(statement.end_lineno or 0), block, index)
        for block in _blocks(tree)
        for index, statement in enumerate(block)
        if _first_line(statement) > line
    ]
    if not found:
        raise LookupError(f"no statement stands below line {line}")
    _, _, block, index = min(found, key=lambda each: each[:2])
    return block, index


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _first_line(statement: ast.stmt) -> int:
    nodes: list[ast.stmt | ast.expr] = [statement, *getattr(statement, "decorator_list", [])]
    return min(node.lineno for node in nodes)


def _replace(statement: ast.stmt, part: str, changed: Any) -> None:
    """Replace the node at a path. Raises LookupError where the path leads nowhere."""
    node: Any = statement
    steps = [found.groups() for found in _STEP.finditer(part or "value")]
    try:
        for name, key in steps[:-1]:
            node = _at(node, name, key)
        name, key = steps[-1]
        value = changed(_at(node, name, key))
    except (AttributeError, IndexError, StopIteration) as error:
        raise LookupError(f"the statement has no {part}") from error
    if key is None:
        setattr(node, name, value)
    else:
        getattr(node, name)[int(key)] = value


def _at(node: Any, name: str, key: str | None) -> Any:
    """A child of a node; of a list, the one of that index or, of keywords, of that name."""
    child = getattr(node, name)
    if key is None:
        return child
    if key.isdigit():
        return child[int(key)]
    return next(each for each in child if each.arg == key)


def _operator(text: str, kind: type[ast.AST]) -> ast.AST:
    expression = ast.parse(f"a {text} b", mode="eval").body
    if isinstance(expression, ast.Compare):
        return expression.ops[0]
    if isinstance(expression, ast.BinOp):
        return expression.op
    raise LookupError(f"{text!r} is no {kind.__name__}")
