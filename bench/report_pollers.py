"""What several pollers do, in the report: measured on this machine, and by the model elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.rows import Row, at_least, costs, ratios, short


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of what pollers deliver on this machine, all out and held to a rate."""
    for number, rates in found["per_second"].items():
        predicted = found["model"][number]
        yield Row(
            f"pollers: {number}; updates a second (the model says {predicted:.0f})",
            rates,
            "a second",
        )
        waits = found["waiting_for_locks"][number]
        yield Row(f"pollers: {number}; of the busy server processes, wait for a lock", waits, "")
        if number != "1":
            shares = found["least_share"][number]
            yield Row(f"pollers: {number}; the least share, of an even one", shares, "")
    yield Row("pollers: deadlocks in all of these", [found["deadlocks"]], "", "0", lambda n: n == 0)
    yield from costs("an update", found["cost_ms"])
    if "held" in found:
        yield from _held(found["held"])


def _held(found: Mapping[str, Any]) -> Iterator[Row]:
    """Pollers at a rate that leaves this machine's cores idle."""
    alone = found["per_second"]["1"]
    yield Row("pollers held to 8 slots at 100 ms: 1; updates a second", alone, "a second")
    for number, rates in found["per_second"].items():
        if number != "1":
            times = [rate / int(number) for rate in ratios(rates, alone)]
            what = f"pollers held so: {number}; to {number} times one"
            yield Row(what, times, "", "0.95", at_least(0.95))
    yield from costs("an update, held so", found["cost_ms"])


def model(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines about what several pollers deliver on other machines, by the model."""
    if "elsewhere" not in found:
        return
    yield "## Several pollers, by the model\n"
    yield "Updates a second where each poller has a core of its own, by the cores of PostgreSQL,"
    yield "from the processor times above (`bench/model.py`). This machine has too few to measure."
    yield "Walmart's limits of each store come first.\n"
    predicted = found["elsewhere"]
    numbers = list(next(iter(predicted.values())))
    yield f"| PostgreSQL's cores | {' | '.join(f'{n} pollers' for n in numbers)} |"
    yield f"|---|{'---|' * len(numbers)}"
    for cores, rates in predicted.items():
        yield f"| {cores} | {' | '.join(short(rate) for rate in rates.values())} |"
    yield ""
