"""The source text of each mutation still exists where `make mutations` breaks it."""

import re
from pathlib import Path

import pytest

from tests.mutations.run import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: re.sub(r"\W+", "-", each.how))
def test_the_text_of_a_mutation_occurs_once(mutation: Mutation) -> None:
    assert Path(mutation.file).read_text().count(mutation.old) == 1
    assert all(Path(each).exists() for each in mutation.tests)
