"""A model of several processes on one machine, from measurements of one and two.

One process alone does X(1) a second, which is less than its core could: it waits for PostgreSQL and
for Walmart. So n of them do at most n * X(1), and no more than the machine's cores allow for the
total processor time of one piece of work:

    X(n) = min(n * X(1), cores / c(n)),   c(n) = c(1) * (1 + k * (n - 1))

c(1) and c(2) are measured and give k: how much more a piece of work costs for each additional
process, by smaller batches and by context switches. X(2) and all figures for four are predicted.
Effects outside the model (a core that is idle while one process waits for another) make the
measured figures smaller.
"""

import os
import statistics
from collections.abc import Mapping, Sequence


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


def middle(costs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of several rounds' seconds for a piece of work, in milliseconds."""
    return {name: 1000 * statistics.median(each[name] for each in costs) for name in costs[0]}
