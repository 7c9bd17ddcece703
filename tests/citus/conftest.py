"""Tests of what only a cluster (Citus) does; they are skipped where WAYBILL_CITUS names none."""

import pytest

from tests.harness import citus


@pytest.fixture(autouse=True, scope="session")
def _a_cluster() -> None:
    if not citus.ADDRESS:
        pytest.skip("WAYBILL_CITUS names no cluster")
