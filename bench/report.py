"""The report of a benchmark run: docs/performance.md, and the same on the screen.

`python -m bench.report` writes it again from bench/results.json.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import growth, pages, report_pollers
from bench.peer_records import RECORDS
from bench.rows import Row, at_least, at_most, costs, ratios, under

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
RESULTS = Path(__file__).with_name("results.json")
LARGE = Path(__file__).with_name("large.json")
# Written by hand; the page ends with it.
_NOTES = Path(__file__).with_name("notes.md")
_PAGES_MAY_GROW = 1.3
_CLAIMS_MAY_GROW = 1.5
# MiB.
_LARGEST_API, _LARGEST_POLLER = 150, 95


def write(results: Mapping[str, Any]) -> str:
    """Write the page; return the table."""
    rows = [row.line() for row in _rows(results)]
    head = "| what | median | lowest to highest | goal | |\n|---|---|---|---|---|"
    table = "\n".join([head, *rows])
    page = [
        "# Performance\n",
        "Written by `make bench`. The dates of the measurements are below the tables.",
        f"Waybill {results['waybill']} on {results['machine']}.\n",
        table,
        "\n## Charts\n",
        *_charts(results),
        "## As the tables grow\n",
        "Milliseconds by orders in the database, all of them done; `pinned` is the claim with a",
        "transaction left open elsewhere while 3,600 updates were finished.\n",
        "```",
        growth.table(results["growth"]).strip("\n"),
        "```\n",
        *report_pollers.model(results["replicas"]),
        *_pages(results),
        *_dates(results),
        *_large(),
        _NOTES.read_text(),
    ]
    PAGE.write_text("\n".join(page).rstrip() + "\n")
    shown = pages.table(results["pages"]) if "pages" in results else ""
    return f"{table}\n{growth.table(results['growth'])}{shown}"


def _pages(results: Mapping[str, Any]) -> Iterator[str]:
    if "pages" in results:
        yield "```"
        yield pages.table(results["pages"]).strip("\n")
        yield "```\n"


def _dates(results: Mapping[str, Any]) -> Iterator[str]:
    """Of which version and day each part of the run is."""
    for name, (version, seconds) in results.get("parts", {}).items():
        yield f"- {name}: {version}, {seconds} s"
    yield ""


def _large() -> Iterator[str]:
    """The figures of `make bench-large`, which is run occasionally."""
    if LARGE.exists():
        yield "The same of `make bench-large`, a run of its own of 2026-11-26 (10a682b).\n"
        yield "```"
        yield growth.table(json.loads(LARGE.read_text())).strip("\n")
        yield "```\n"


def _rows(results: Mapping[str, Any]) -> Iterator[Row]:
    yield from _accepting(results["accept"])
    processes = results["api_replicas"]
    for number, rates in processes["per_second"].items():
        predicted = processes["model"][number]
        yield Row(
            f"accept, 64 connections, API processes: {number} (the model says {predicted:.0f})",
            rates,
            "a second",
        )
    yield from costs("a request", processes["cost_ms"])
    yield from _streaming(results.get("streams", {}))
    yield from _paging(results.get("pages", {}))
    yield from _draining(results["drain"])
    yield from _waking(results)
    yield from _growing(results["growth"])
    yield from _footprint(results["footprint"])
    yield from report_pollers.rows(results["replicas"])
    for in_flight, rates in results["transport"].items():
        ratio = ratios(rates["ours"], rates["httpx"])
        yield Row(f"calls through our transport to httpx's own pool, {in_flight}", ratio, "times")
    bucket, beside = results["bucket"], results["beside_trouble"]
    yield Row(
        "60 updates through Walmart's bucket, to its own time",
        [bucket["ratio"]],
        "times",
        "under 2",
        lambda found: found < 2,
    )
    yield Row(
        "a healthy store beside a hanging and a rejected one, worst",
        [beside["worst_seconds"]],
        "s",
        "under 2",
        lambda found: found < 2,
    )


def _accepting(found: Mapping[str, Mapping[str, list[dict[str, float]]]]) -> Iterator[Row]:
    for connections, figures in found.items():
        rates = {name: [each["per_second"] for each in rounds] for name, rounds in figures.items()}
        where = f"accept, {connections} connections"
        for name, each in rates.items():
            yield Row(f"{where}: {name}", each, "a second")
        of_pgbench = ratios(rates["api"], rates["pgbench"])
        goal = "0.35 (stretch 0.45, moonshot 0.65)"
        yield Row(f"{where}: API to pgbench", of_pgbench, "", goal, at_least(0.35))
        of_bare = ratios(rates["api"], rates["bare"])
        yield Row(f"{where}: API to the bare handler", of_bare, "", "0.9", at_least(0.9))


def _streaming(found: Mapping[str, list[float]]) -> Iterator[Row]:
    if found:
        yield Row("accept, 16 connections, no page is open", found["without"], "a second")
        yield Row("accept, 16 connections, 200 pages are open", found["with"], "a second")
        share = ratios(found["with"], found["without"])
        yield Row("accept with 200 open pages, to without", share, "", "0.95", at_least(0.95))


def _paging(found: pages.Times) -> Iterator[Row]:
    if found:
        growths = [pages.ratio(each) for each in found.values()]
        times = [growth.figures(each)[-1] for each in found.values()]
        what = f"pages and lists ({len(found)}) with the most orders"
        goal, most = pages.MOST_GROWTH, pages.MOST_MS
        yield Row(f"{what} to the fewest, worst", [max(growths)], "times", f"{goal}", at_most(goal))
        yield Row(f"{what}, slowest", [max(times)], "ms", f"under {most:.0f}", under(most))


def _draining(found: Mapping[str, Mapping[str, list[float]]]) -> Iterator[Row]:
    for case, rates in found.items():
        for name, each in rates.items():
            contestant = name.replace(RECORDS, ", with a poller's records")
            yield Row(f"drain, {case}: {contestant}", each, "a second")
        # A library is compared with the same work; without it, its figure stands beside ours.
        peers = [each for name, each in rates.items() if name.endswith(RECORDS)]
        if peers:
            of_peer = ratios(rates["waybill"], list(map(max, zip(*peers, strict=True))))
            what = f"drain, {case}: to the better library with these records"
            yield Row(what, of_peer, "times", "1.5", at_least(1.5))
        of_bare = ratios(rates["waybill"], rates["bare"])
        yield Row(f"drain, {case}: to the bare loop", of_bare, "", "0.5", at_least(0.5))


def _waking(results: Mapping[str, Any]) -> Iterator[Row]:
    found = results["latency"]
    for name, case, goal in (
        ("idle", "idle", 10),
        ("half", "at 200 requests a second", 15),
        ("busy", "at 400 requests a second", 40),
    ):
        if name not in found:
            continue
        what, p99 = f"COMMIT to Walmart's receipt, {case}", found[name]["p99_ms"]
        yield Row(f"{what}, p50", found[name]["p50_ms"], "ms")
        yield Row(f"{what}, p99", p99, "ms", f"under {goal}", under(goal))
    worst = max(found["busy"]["p99_ms"])
    yield Row("the same at 400, p99 of the worst round", [worst], "ms", "under 80", under(80))
    accepted = found["burst"]["accepted_per_second"]
    yield Row("as many at once as are accepted", accepted, "a second")
    yield Row("COMMIT to Walmart's receipt then, p50", found["burst"]["p50_ms"], "ms")


def _deep(found: Mapping[str, Mapping[str, float]], largest: str) -> list[float]:
    """The cost of pages far down relative to the first of the same list."""
    # The name of a short list says how many rows it has, which is another number further down.
    lists = {name.split("; of ")[0]: took[largest] for name, took in found.items()}
    return [
        took / lists[name.removesuffix("; deep")]
        for name, took in lists.items()
        if name.endswith("; deep")
    ]


def _growing(found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    largest = max(filter(str.isdecimal, found["claim"]), key=int)
    for name in ("claim", "claim of ten stores"):
        took = found[name]
        yield Row(
            f"{name} at {int(largest):,} orders to an empty table",
            [took[largest] / took["0"]],
            "times",
            "1.5",
            lambda each: each <= _CLAIMS_MAY_GROW,
        )
        yield Row(
            f"{name} beside a transaction left open, to an empty table",
            [took["pinned"] / took["0"]],
            "times",
            "1.5",
            lambda each: each <= _CLAIMS_MAY_GROW,
        )
    grown = {
        name: took[largest] / min(growth.figures(took))
        for name, took in found.items()
        if not name.startswith(("claim", "record"))
    }
    deep = _deep(found, largest)
    yield Row(
        f"a deep page at {int(largest):,} orders to the first one, worst of {len(deep)} lists",
        [max(deep)],
        "times",
        "1.3",
        lambda each: each <= _PAGES_MAY_GROW,
    )
    worst = max(grown, key=lambda name: grown[name])
    yield Row(
        f"pages, searches, summaries at {int(largest):,} orders to their best ({len(grown)})",
        list(grown.values()),
        "times",
    )
    yield from _beside(found, largest)
    yield Row(
        f"the worst of them: {worst}",
        [grown[worst]],
        "times",
        "1.3",
        lambda each: each <= _PAGES_MAY_GROW,
    )


def _beside(found: Mapping[str, Mapping[str, float]], largest: str) -> Iterator[Row]:
    beside = [
        took["pinned"] / took[largest]
        for name, took in found.items()
        if not name.startswith(("claim", "record")) and "pinned" in took
    ]
    if beside:
        yield Row("the same beside a transaction left open, to without", beside, "times")


def _footprint(found: Mapping[str, list[float]]) -> Iterator[Row]:
    for name, figures in found.items():
        what = name.replace("_", " ").removesuffix(" mib").removesuffix(" seconds")
        if name.endswith("_mib"):
            goal = _LARGEST_POLLER if name.startswith("poller") else _LARGEST_API
            yield Row(f"memory: {what}", figures, "MiB", f"under {goal}", under(goal))
        else:
            yield Row(f"start: {what}", figures, "s", "under 2", under(2))


def _charts(results: Mapping[str, Any]) -> Iterator[str]:
    accepted = {
        f"{name} {connections}": statistics.median(each["per_second"] for each in rounds)
        for connections, figures in results["accept"].items()
        for name, rounds in figures.items()
    }
    yield _chart("Accepting, requests a second by connections", accepted)
    processes = results["api_replicas"]
    shared = {n: statistics.median(rates) for n, rates in processes["per_second"].items()}
    yield _chart(
        "Accepting by processes of the API, requests a second (line: the model)",
        shared,
        processes["model"],
    )
    for case, rates in results["drain"].items():
        medians = {name: statistics.median(each) for name, each in rates.items()}
        yield _chart(f"Draining, updates a second, {case}", medians)
    replicas = results["replicas"]
    seen = {n: statistics.median(rates) for n, rates in replicas["per_second"].items()}
    yield _chart(
        "Pollers on this machine, updates a second (line: the model)", seen, replicas["model"]
    )
    for name in ("claim", "orders, store; deep", "updates, failed", "summary, store"):
        took = results["growth"][name]
        yield _chart(f"Growth, ms: {name}", {k: v for k, v in took.items() if k.isdecimal()})


def _chart(title: str, bars: Mapping[str, float], line: Mapping[str, float] | None = None) -> str:
    labels = ", ".join(f'"{name}"' for name in bars)
    rows = [
        "```mermaid",
        "xychart-beta",
        f'  title "{title}"',
        f"  x-axis [{labels}]",
        f"  bar [{', '.join(f'{each:.4g}' for each in bars.values())}]",
    ]
    if line:
        rows.append(f"  line [{', '.join(f'{line[name]:.4g}' for name in bars)}]")
    return "\n".join([*rows, "```\n"])


if __name__ == "__main__":
    sys.stdout.write(write(json.loads(RESULTS.read_text())))
