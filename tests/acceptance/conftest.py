"""Real processes for the tests of a module: started once, emptied after each test.

A module declares with `PROCESSES = Processes(...)` which pollers and settings its tests need. A
test that stops shared processes, or needs other settings, calls `deployed` itself.
"""

from collections.abc import Iterator

import pytest

from tests.forked import deployed
from tests.harness.databases import Server
from tests.processes import Deployment, Processes


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    wanted: Processes = request.module.PROCESSES
    folder = tmp_path_factory.mktemp("deployment")
    with (
        server.fresh() as url,
        deployed(url, folder, pollers=wanted.pollers, **wanted.settings) as started,
    ):
        yield started


@pytest.fixture
def deployment(running: Deployment) -> Iterator[Deployment]:
    """The processes shared by the module's tests, without stores, orders, faults or calls."""
    shared = set(running.processes)
    yield running
    for name in set(running.processes) - shared:
        running.kill(name)
    assert set(running.processes) == shared, "a test that stops shared processes must start its own"
    running.empty()
