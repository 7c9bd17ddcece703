"""Each mutation has its place in the code, and breaks what it names instead of a name."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.mutations.mutation import load, markers

MUTATIONS = load()
MARKERS = list(markers())


def test_each_mutation_has_one_marker_in_the_code() -> None:
    assert Counter(each.name for each in MARKERS) == Counter(each.name for each in MUTATIONS)


def test_each_mutation_names_tests_that_exist() -> None:
    assert not [each.name for each in MUTATIONS if not each.tests]
    assert not {path for each in MUTATIONS for path in each.tests if not Path(path).exists()}


def test_each_mutation_changes_its_file_without_an_undefined_name(tmp_path: Path) -> None:
    places = {each.name: each for each in MARKERS}
    for mutation in MUTATIONS:
        place = places[mutation.name]
        text = mutation.text(place)
        assert text != place.path.read_text(encoding="utf-8")
        (tmp_path / f"{mutation.name}{place.path.suffix}").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F823"]
    found = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
