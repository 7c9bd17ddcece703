"""Every operation of Adobe's 2.4.8 schema about orders is here, or is refused with a reason."""

import re
from collections import Counter

from app.web.commerce.without_meaning import REFUSED
from tests.contract import write_commerce_paths as page


def _plain(operation: str) -> str:
    """An operation without the names of its parameters and a slash at the end."""
    return re.sub(r"{\w+}", "{}", operation.replace(" /V1/", " /")).rstrip("/")


def test_each_of_adobes_operations_is_served_or_refused_and_no_other_is() -> None:
    known = [name for name, _ in page.served()]
    known += [name for each in REFUSED for name in each.operations]
    assert Counter(map(_plain, known)) == Counter(map(_plain, page.adobe()))


def test_each_other_group_of_adobes_paths_is_named_once() -> None:
    named = [name for names in page.OUT.values() for name in names.split()]
    assert sorted(named) == sorted(page.groups())


def test_the_page_is_made_of_the_table() -> None:
    assert page.PAGE.read_text() == page.rendered()
