"""The style sheets are joined to one, so the rules of a page must not change another page."""

import re
from collections.abc import Iterator
from pathlib import Path

import app.web.page

STATIC = Path(app.web.page.__file__).parent / "static"
SHARED = "base.css"


def selectors(file: Path) -> Iterator[str]:
    text = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
    for rule in re.findall(r"([^{}]+)\{", text):
        if not rule.strip().startswith("@") and not re.fullmatch(r"\s*(from|to|\d+%)\s*", rule):
            yield from re.split(r",(?![^(]*\))", rule)


def classes(selector: str) -> set[str]:
    return set(re.findall(r"\.([a-zA-Z][\w-]*)", selector))


def test_each_rule_of_a_page_names_a_class_that_no_other_style_sheet_has() -> None:
    named = {
        file.name: set().union(*(classes(each) for each in selectors(file)))
        for file in STATIC.glob("*.css")
    }
    shared = []
    for file in sorted(STATIC.glob("*.css")):
        others = set().union(*(found for name, found in named.items() if name != file.name))
        shared += [
            f"{file.name}: {each.strip()}"
            for each in selectors(file)
            if file.name != SHARED and not classes(each) - others and "[data-" not in each
        ]
    assert shared == []
