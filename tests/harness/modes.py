"""Tests of what only one PostgreSQL does: on a cluster they are left out, and counted by reason.

A test of the other mode has the marker `one_postgresql` with its reason: a limit of clusters that
docs/scaling.md names, or SQL of the test's own that Citus does not take. A test that merely fails
on a cluster is a fault.
"""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.harness import citus

_MARKER = "one_postgresql"
_KEY = "of_one_postgresql"
_reasons: Counter[str] = Counter()
"""Of this process; of an xdist worker's tests, that worker's, since all collect the same."""


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take tests of one PostgreSQL out of what runs on a cluster."""
    if not citus.ADDRESS:
        return
    marked = [(item, item.get_closest_marker(_MARKER)) for item in items]
    others = [item for item, marker in marked if marker]
    _reasons.clear()
    _reasons.update(str(marker.args[0]) for _, marker in marked if marker)
    items[:] = [item for item, marker in marked if not marker]
    config.hook.pytest_deselected(items=others)
    if hasattr(config, "workeroutput"):
        config.workeroutput[_KEY] = dict(_reasons)


def learn(output: dict[str, dict[str, int]]) -> None:
    """Take over what a worker left out: each worker collects all tests."""
    _reasons.clear()
    _reasons.update(output.get(_KEY, {}))


def lines() -> Iterable[str]:
    """What was left out, by reason, for the summary of a run."""
    if _reasons:
        yield f"{_reasons.total()} tests are of one PostgreSQL, and were left out on this cluster:"
        for reason, count in _reasons.most_common():
            yield f"{count:6d} {reason}"
