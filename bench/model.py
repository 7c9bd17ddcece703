"""A model of several processes on one machine, from measurements of one and two.

One process alone does X(1) a second, which is less than its core could: it waits for PostgreSQL and
for Walmart. So n of them do at most n * X(1), and no more than the machine's cores allow for the
total processor time of one piece of work:

    X(n) = min(n * X(1), cores / c(n)),   c(n) = c(1) * (1 + k * (n - 1))

c(1) and c(2) are measured and give k: how much more a piece of work costs for each additional
process, by smaller batches and by context switches. X(2) and all figures for four are predicted.
Effects outside the model (a core that is idle while one process waits for another) make the
measured figures smaller.

On other machines each of n pollers has a core of its own, and PostgreSQL has d. Then

    X(n) = min(n / p(n), d / q(n)),   p(n) = p * (1 + i * (n - 1)),   q(n) = q * (1 + j * (n - 1))

p and q are the processor time of an update in a poller and in PostgreSQL, of one poller that works
all out. i and j are how much more an update costs for each additional poller, measured with one
and four pollers that are held to a rate at which this machine has cores left. A core is this
machine's; a network between poller and database takes no processor time of either.
"""

import os
import statistics
from collections.abc import Mapping, Sequence

# Pollers and PostgreSQL's cores for which `elsewhere` predicts.
MODELED = (1, 2, 4, 8, 16)
DATABASE_CORES = (2, 4, 8)


def predicted(
    per_second: Mapping[str, Sequence[float]], cost_ms: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Pieces of work a second by number of processes.

    per_second: measured, by processes and round; cost_ms: milliseconds of processor time
    of a piece, by processes and by consumer.
    """
    alone = statistics.median(per_second["1"])
    one, two = sum(cost_ms["1"].values()), sum(cost_ms["2"].values())
    dearer = two / one - 1
    cores = os.cpu_count() or 1
    return {
        number: min(int(number) * alone, cores * 1000 / (one * (1 + dearer * (int(number) - 1))))
        for number in per_second
    }


def elsewhere(
    alone: Mapping[str, float], held: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Pieces of work a second, by the cores of PostgreSQL and the number of pollers.

    alone: milliseconds of processor time of a piece, of one poller all out, by consumer; held: the
    same by number of pollers that are held to a rate.
    """
    most = max(held, key=int)
    dearer = {
        name: max(held[most][name] / held["1"][name] - 1, 0.0) / (int(most) - 1)
        for name in ("poller", "database")
    }

    def cost(name: str, pollers: int) -> float:
        return alone[name] * (1 + dearer[name] * (pollers - 1)) / 1000

    return {
        str(cores): {
            str(n): min(n / cost("poller", n), cores / cost("database", n)) for n in MODELED
        }
        for cores in DATABASE_CORES
    }


def middle(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of several rounds' seconds for a piece of work, in milliseconds."""
    return {name: 1000 * statistics.median(each[name] for each in costs) for name in costs[0]}
