"""Commands that import only what they use.

Each command's module is imported in its function. Libraries import more where they find it:
structlog and httpx take rich and pygments, 50 ms and 5 MiB, for colors that Waybill never prints.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

# Typer itself shows help and wrong usage with them, outside of a command's function.
_FOR_COLORS = ("pygments", "rich")


def make_lean(app: typer.Typer) -> None:
    """Let libraries for colors count as not installed while a command of the app runs."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _lean(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            make_lean(group.typer_instance)


def _lean(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the function's own
        with _without(_FOR_COLORS):
            return function(*args, **options)

    return run


@contextmanager
def _without(packages: tuple[str, ...]) -> Iterator[None]:
    """Let imports of packages that are not imported yet fail, as if they were not installed."""
    absent: dict[str, Any] = {each: None for each in packages if each not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for each in absent:
            sys.modules.pop(each, None)
