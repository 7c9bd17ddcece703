"""A name means one thing in the whole tree."""

import ast
from collections import defaultdict
from pathlib import Path


def test_no_type_name_is_defined_twice() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for path in sorted(Path("app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                defined[node.name].append(str(path))
    assert {name: paths for name, paths in defined.items() if len(paths) > 1} == {}
