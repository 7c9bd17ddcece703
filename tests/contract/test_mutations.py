"""Each promise that `make mutations` breaks still stands where it is broken."""

import re
from pathlib import Path

import pytest

from tests.mutations.run import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: re.sub(r"\W+", "-", each.how))
def test_what_a_mutation_breaks_is_there_once(mutation: Mutation) -> None:
    assert Path(mutation.file).read_text().count(mutation.old) == 1
    assert all(Path(each).exists() for each in mutation.tests)
