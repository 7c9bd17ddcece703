"""The exceptions of the licence policy are needed, and each has its reason."""

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_each_exception_is_of_a_locked_package_and_has_a_reason() -> None:
    exceptions = tomllib.loads(PROJECT)["tool"]["pip-licenses"]["ignore-packages"]
    locked = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    )
    assert set(exceptions) - locked == {"waybill"}
    listed = PROJECT.partition("ignore-packages = [\n")[2].partition("\n]")[0].splitlines()
    for before, line in itertools.pairwise(listed):
        assert "# " in line or before.strip().startswith("#"), line


def test_what_ships_asks_for_no_more_than_a_notice() -> None:
    image = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-image.txt").read_text(), re.MULTILINE)
    )
    exceptions = set(tomllib.loads(PROJECT)["tool"]["pip-licenses"]["ignore-packages"])
    # Mozilla's list of authorities, unchanged.
    assert exceptions & image == {"certifi"}
