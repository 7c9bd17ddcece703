"""A row of the report: a figure of one or several rounds, and its goal."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure (of one or several rounds) with its goal; goal None if there is none."""

    what: str
    figures: Sequence[float]
    unit: str
    goal: str = ""
    met: Callable[[float], bool] | None = None

    def line(self) -> str:
        """A line of the table."""
        low, high = min(self.figures), max(self.figures)
        spread = f"{short(low)} to {short(high)}" if len(self.figures) > 1 else ""
        middle = statistics.median(self.figures)
        verdict = "" if self.met is None else ("met" if self.met(middle) else "**missed**")
        return (
            f"| {self.what} | {short(middle)} {self.unit} | {spread} | {self.goal} | {verdict} |"
        ).replace("  ", " ")


def short(figure: float) -> str:
    """Up to three significant figures."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """One figure to the other, round by round."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def at_least(goal: float) -> Callable[[float], bool]:
    """A goal that is met from this figure up."""
    return lambda found: found >= goal


def at_most(goal: float) -> Callable[[float], bool]:
    """A goal that is met up to this figure."""
    return lambda found: found <= goal


def under(goal: float) -> Callable[[float], bool]:
    """A goal that is met below this figure."""
    return lambda found: found < goal


def costs(what: str, cost_ms: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    """Rows of the processor time of a piece of work, by number of processes and consumer."""
    for number, cost in cost_ms.items():
        parts = ", ".join(f"{name} {spent:.2f}" for name, spent in cost.items())
        whole = sum(cost.values())
        yield Row(f"processor time of {what}, processes: {number} ({parts})", [whole], "ms")
