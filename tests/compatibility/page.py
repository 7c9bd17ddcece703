"""The page docs/compatibility.md."""

from collections.abc import Iterable, Sequence

from tests.compatibility.environment import Client, Result

_HEAD = """# Compatibility

Software that others wrote, run against Waybill. Made by `make compatibility`, which installs each
version in an environment of its own and runs it against processes of Waybill and the simulator.
The programs are in `tests/compatibility/programs`.
"""
_DOORS = {
    "commerce": (
        "Clients of Magento and Adobe Commerce",
        "At `/rest`. Their base URL and credentials are all that was changed.",
    ),
    "walmart": (
        "Clients of Walmart Marketplace",
        "At the simulator, in place of Walmart's address.",
    ),
    "document": (
        "Generators and linters",
        "With `openapi/openapi.json`. The programs in `openapi/clients` use two of the clients.",
    ),
}


def page(found: Iterable[tuple[Client, Sequence[Result]]], others: Iterable[dict[str, str]]) -> str:
    """The text of the page."""
    parts, results = [_HEAD], list(found)
    for door, (title, text) in _DOORS.items():
        rows = [_row(c, each) for c, several in results if c.door == door for each in several]
        head = "| client | operation | works | why not |\n|---|---|---|---|"
        parts.append("\n".join([f"## {title}\n\n{text}\n\n{head}", *rows]) + "\n")
    rest = [f"- **{each['name']}.** {each['why']}" for each in others]
    parts.append("\n".join(["## Not run\n", *rest]) + "\n")
    return "\n".join(parts)


def _row(client: Client, result: Result) -> str:
    name = f"{client.name} {client.version} ({client.registry})"
    return f"| {name} | {result.operation} | {'no' if result.why else 'yes'} | {result.why} |"
