"""What `waybill distribute` and `waybill doctor` say of a cluster, and what to set."""

from dataclasses import replace
from typing import Any

import pytest

from app.cli import cluster_checks
from app.cli.database_checks import Check
from app.storage.cluster.facts import ClusterFacts, Node

COORDINATOR = Node(
    "a:5432",
    coordinator=True,
    active=True,
    holds=False,
    shards=38,
    version="14.0-1",
    connections=200,
    prepared=400,
    locks=64,
    clock=1000.0,
)
WORKER = replace(COORDINATOR, address="b:5432", coordinator=False, holds=True, clock=1000.4)
FINE = ClusterFacts(
    at_coordinator=True,
    nodes=[COORDINATOR, WORKER],
    shards=32,
    undistributed=[],
    pool=1,
    connections=200,
    hides=False,
    relations=270,
)


def found(facts: ClusterFacts, shards: int | None = 32) -> list[Check]:
    return [*cluster_checks.checks(facts, shards), *cluster_checks.of_running(facts)]


def test_a_cluster_that_is_set_up_is_fine() -> None:
    assert {each.mark for each in found(FINE)} == {"✔"}


@pytest.mark.parametrize(
    ("changes", "mark", "words", "advice"),
    [
        ({"at_coordinator": False}, "✘", "this is a worker", "lead to the coordinator"),
        ({"undistributed": ["x", "a"]}, "✘", "not distributed: a, x", "waybill distribute"),
        ({"hides": True}, "!", "override_table_visibility is on", "= off"),
        ({"pool": 16}, "!", "opens 16 connections", "max_adaptive_executor_pool_size"),
        ({"nodes": [WORKER]}, "!", "coordinator is no node", "citus_set_coordinator_host"),
        ({"nodes": [COORDINATOR]}, "✘", "no node of the cluster takes rows", "citus_add_node"),
    ],
)
def test_a_cluster_gets_its_mark(
    changes: dict[str, Any], mark: str, words: str, advice: str
) -> None:
    (each,) = {each for each in found(replace(FINE, **changes)) if not each.fine}
    assert (each.mark, words in each.what, advice in each.advice) == (mark, True, True), each


@pytest.mark.parametrize(
    ("changes", "mark", "words", "advice"),
    [
        ({"trouble": "connection refused"}, "✘", "with 38 shards is away: connection", "Start it"),
        ({"active": False}, "✘", "has disabled it", "standby"),
        ({"version": "13.2-1"}, "✘", "different versions of Citus: 13.2-1, 14.0-1", "UPDATE"),
        ({"prepared": 0}, "✘", "max_prepared_transactions is less", "Set max_prepared"),
        ({"prepared": 199}, "!", "max_prepared_transactions is less", "Set max_prepared"),
        ({"connections": 100}, "!", "less than the coordinator's 200 on b:5432", "to 200 or more"),
        ({"clock": 1001.0}, "✘", "clocks of the nodes differ by 1.0 s", "NTP"),
        ({"log": "replica"}, "!", "wal_level is not logical on b:5432", "Set wal_level"),
        ({"locks": 10}, "✘", "cannot lock the 8640 tables", "max_locks_per_transaction to 15 or"),
    ],
)
def test_a_node_gets_its_mark(changes: dict[str, Any], mark: str, words: str, advice: str) -> None:
    facts = replace(FINE, nodes=[COORDINATOR, replace(WORKER, **changes)])
    (each,) = {each for each in found(facts) if not each.fine}
    assert (each.mark, words in each.what, advice in each.advice) == (mark, True, True), each
