"""Judges a cluster (Citus) for `waybill distribute` and `waybill doctor`: a check for each concern.

The functions are pure, so that a test needs no cluster that is badly set up.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from app.cli.database_checks import Check
from app.storage.cluster.facts import ClusterFacts, Node

# Seconds between the clocks of two nodes: their times are compared, as those of leases.
LARGEST_SKEW = 1.0
# Connections that a statement of all shards may open to each node, for each session.
LARGEST_POOL = 4


def of_running(facts: ClusterFacts) -> Iterator[Check]:
    """What `waybill doctor` says of a cluster."""
    yield from checks(facts)
    if facts.at_coordinator:
        yield tables(facts)


def checks(facts: ClusterFacts, shards: int | None = None) -> Iterator[Check]:
    """The cluster and its settings. shards: of tables to be distributed now; None if none are."""
    if not facts.at_coordinator:
        yield Check(
            fine=False,
            what="this is a worker of a cluster",
            advice="Let WAYBILL_DATABASE_URL and WAYBILL_MIGRATION_URL lead to the coordinator.",
        )
        return
    yield from nodes(facts)
    up = [node for node in facts.nodes if node.works]
    if up:
        yield settings(up)
        yield connections(facts, up)
        yield clocks(up)
        yield moves(up)
        if shards is not None:
            yield locks(facts, up, shards)
    yield visibility(facts)
    yield pool(facts)


def nodes(facts: ClusterFacts) -> Iterator[Check]:
    """Whether each node answers, there is one for rows, and all have one version."""
    for node in facts.nodes:
        if not node.works:
            yield _away(node)
    if not any(node.coordinator for node in facts.nodes):
        yield Check(
            fine=False,
            what="the coordinator is no node of the cluster, so it asks a worker for each key",
            advice="SELECT citus_set_coordinator_host('<its address as the workers reach it>');",
            serious=False,
        )
    workers = [node for node in facts.nodes if node.holds]
    versions = {node.version for node in facts.nodes if node.works}
    if not workers:
        yield Check(
            fine=False,
            what="no node of the cluster takes rows of stores",
            advice="SELECT citus_add_node('<address of a worker>', <port>);",
        )
    elif len(versions) > 1:
        yield Check(
            fine=False,
            what=f"the nodes have different versions of Citus: {', '.join(sorted(versions))}",
            advice="Install one version on all, then ALTER EXTENSION citus UPDATE on each.",
        )
    else:
        version = "".join(versions)
        what = f"Citus {version}: {len(workers)} nodes take rows of stores"
        yield Check(fine=True, what=what)


def _away(node: Node) -> Check:
    why = node.trouble if node.active else "the cluster has disabled it"
    what = f"node {node.address} with {node.shards} shards is away: {why}"
    advice = "Start it, or fail over to its standby: stores with rows there get 503 until then."
    return Check(fine=False, what=what, advice=advice)


def tables(facts: ClusterFacts) -> Check:
    """Whether each table is distributed, or copied to each node."""
    # mutation: doctor-misses-an-undistributed-table
    if facts.undistributed:
        what = f"tables are not distributed: {', '.join(sorted(facts.undistributed))}"
        return Check(fine=False, what=what, advice="Run `waybill distribute`.")
    return Check(fine=True, what=f"the tables are distributed by store over {facts.shards} shards")


def settings(up: Sequence[Node]) -> Check:
    """Whether each node can prepare the transactions that several nodes commit together."""
    short = [node for node in up if node.prepared < node.connections]
    if not short:
        return Check(fine=True, what="each node can prepare a transaction for each session")
    return Check(
        fine=False,
        what=f"max_prepared_transactions is less than max_connections on {_named(short)}",
        advice="Set max_prepared_transactions to max_connections or more there, and restart.",
        serious=any(node.prepared == 0 for node in short),
    )


def connections(facts: ClusterFacts, up: Sequence[Node]) -> Check:
    """Whether each session of the coordinator can have one on each worker."""
    coordinator = facts.connections
    short = [node for node in up if node.connections < coordinator]
    what = f"each node takes as many connections as the coordinator ({coordinator})"
    if not short:
        return Check(fine=True, what=what)
    return Check(
        fine=False,
        what=f"max_connections is less than the coordinator's {coordinator} on {_named(short)}",
        advice=f"Set max_connections to {coordinator} or more there, and restart.",
        serious=False,
    )


def clocks(up: Sequence[Node]) -> Check:
    """Whether the clocks of the nodes agree."""
    skew = max(node.clock for node in up) - min(node.clock for node in up)
    advice = "Let NTP set the clock of each node: leases are compared with it."
    fine = skew < LARGEST_SKEW
    return Check(fine, f"clocks of the nodes differ by {skew:.1f} s", "" if fine else advice)


def moves(up: Sequence[Node]) -> Check:
    """Whether a shard can be moved to another node while its rows are written."""
    short = [node for node in up if node.log != "logical"]
    if not short:
        return Check(fine=True, what="shards can be moved while Waybill runs")
    return Check(
        fine=False,
        what=f"wal_level is not logical on {_named(short)}: to move a shard blocks its stores",
        advice="Set wal_level to logical on each node, and restart.",
        serious=False,
    )


def locks(facts: ClusterFacts, up: Sequence[Node], shards: int) -> Check:
    """Whether one transaction can lock all shards of a node."""
    workers = [node for node in up if node.holds]
    needed = facts.relations * ceil(shards / max(len(workers), 1))
    short = [n for n in workers if n.locks * (n.connections + n.prepared) < needed]
    if not short:
        return Check(fine=True, what=f"a transaction may lock the tables of {shards} shards")
    least = max(ceil(needed / (node.connections + node.prepared)) for node in short)
    return Check(
        fine=False,
        what=f"a transaction cannot lock the {needed} tables and indexes on {_named(short)}",
        advice=f"Set max_locks_per_transaction to {least} or more there, and restart; or give "
        "fewer --shards.",
    )


def visibility(facts: ClusterFacts) -> Check:
    """Whether a new connection learns its types in a moment."""
    if not facts.hides:
        return Check(fine=True, what="a look at the catalogue asks no node")
    return Check(
        fine=False,
        what="citus.override_table_visibility is on: each new connection takes seconds of "
        "processor time",
        advice="Set citus.override_table_visibility = off on the coordinator.",
        serious=False,
    )


def pool(facts: ClusterFacts) -> Check:
    """Whether a statement of all shards opens few connections."""
    what = f"a statement of all shards opens {facts.pool} connections to each node"
    if facts.pool <= LARGEST_POOL:
        return Check(fine=True, what=what)
    advice = f"Set citus.max_adaptive_executor_pool_size to {LARGEST_POOL} or less (1 was tried)."
    return Check(fine=False, what=what, advice=advice, serious=False)


def _named(found: Sequence[Node]) -> str:
    return ", ".join(node.address for node in found)
