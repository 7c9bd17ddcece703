"""What several processes do on one machine, foretold from what one and two of them did.

One process alone does X(1) a second, which is less than its core could: it waits for PostgreSQL and
for Walmart. So n of them do at most n * X(1), and no more than the machine's cores allow for the
processor time that one piece of work takes of all who have a part in it:

    X(n) = min(n * X(1), cores / c(n)),   c(n) = c(1) * (1 + k * (n - 1))

c(1) and c(2) are measured and give k: how much more a piece of work costs for each process beside,
by smaller batches and by changes from one process to another on the same cores. X(2) and all
that is said of four is foretold. Shares that nobody foresees (a core that is idle while somebody
waits for the other) make what is seen smaller.
"""

import os
import statistics
from collections.abc import Mapping, Sequence


def foretold(
    per_second: Mapping[str, Sequence[float]], cost_ms: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Pieces of work a second by how many processes there are.

    per_second: what was seen, by processes and round; cost_ms: milliseconds of processor time of
    a piece, by processes and by who spends it.
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
    """Of several rounds' seconds for a piece of work the middle ones, in milliseconds."""
    return {name: 1000 * statistics.median(each[name] for each in costs) for name in costs[0]}
