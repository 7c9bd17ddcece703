"""The pages of docs/ match the code: settings, commands, codes, faults, files and paths."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from starlette.routing import Match
from typer.main import get_command

from app import logs, settings, tracing
from app.cli.main import app
from app.domain.notification_kind import NotificationKind
from app.domain.orders import blocked_messages, refund_targets
from app.domain.outbox import rate_limits, retry_policy
from app.domain.outbox.outcome import Failure
from app.simulator import faults
from app.simulator.app import create_app
from app.storage.postgres import errors
from app.storage.queries import commerce_event_views, lane_views
from app.storage.recording import delivery_results
from app.usecases.bulk import rows
from app.usecases.imports import import_orders_page, import_returns_page
from app.web import export, pagination, path_rules
from app.worker.delivery import (
    commerce_order,
    deliver,
    error_messages,
    failures,
    inventory,
    refund,
)
from app.worker.maintenance import notification_bodies

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SETTINGS = (DOCS / "settings.md").read_text()
COMMANDS = (DOCS / "commands.md").read_text()
ERRORS = (DOCS / "errors.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
LIMITS = (DOCS / "limits.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PATHS = export.document()["paths"]
# Pages with `METHOD /path` and curl commands that are checked against the API and the simulator.
WITH_REQUESTS = [
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("tour", "errors", "limits", "notifications", "simulator")),
    *(DOCS / f"{name}.md" for name in ("commands", "commerce", "operations", "runbook")),
]


def _named(text: str, under: str, column: int = 0) -> list[str]:
    """The names in backticks in a column of the tables of a section."""
    section = text.split(f"\n## {under}\n")[1].split("\n## ", maxsplit=1)[0]
    rows_of = [
        line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")
    ]
    return [name for row in rows_of for name in row[column].split("`")[1::2]]


# ---- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", settings.variables())
def test_every_setting_has_a_row_with_its_default(name: str) -> None:
    field = settings.Settings.model_fields[name.removeprefix(settings.PREFIX).lower()]
    row = next(line for line in SETTINGS.splitlines() if line.startswith(f"| `{name}` |"))
    default = row.split("|")[2].strip()
    empty = field.default in (None, [])
    assert default == ("none" if empty else f"`{field.default}`")


def test_every_row_is_of_an_existing_setting() -> None:
    named = re.findall(r"^\| `(WAYBILL_\w+)`", SETTINGS, re.MULTILINE)
    assert sorted(named) == sorted(settings.variables())


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_every_setting_on_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"\bWAYBILL_[A-Z_]+\b", page.read_text()))
    # Not of the service, but of `make fuzz`.
    assert named - {"WAYBILL_FUZZ_RUNS"} <= set(settings.variables())


def test_the_endpoints_of_own_caps_match_the_code() -> None:
    section = SETTINGS.split("## Caps of your own")[1]
    known = {rate_limits.Endpoint.ALL, rate_limits.Endpoint.READ, *rate_limits.WRITTEN_TO.values()}
    named = set(section.split("`")[1::2]) - {"WAYBILL_WALMART_RATES"}
    assert named == {str(each) for each in known}


# ---- commands ---------------------------------------------------------------------------------


def test_the_fields_of_a_log_line_the_causes_of_a_503_and_the_spans_are_explained() -> None:
    named = _named(OPERATIONS, "Follow one request to Walmart")
    causes = {*errors.CAUSES.values(), *(word for _, word in errors.OF_DRIVER)}
    assert {*logs.CONTEXT, *causes} <= set(named)
    assert {str(work) for work in tracing.Work} <= {name.split()[0] for name in named}


def test_every_command_has_a_row() -> None:
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for part in getattr(command, "commands", None) or [""]:
            assert f"`waybill {name} {part}".strip() in COMMANDS, (name, part)


def test_every_option_of_a_command_exists() -> None:
    group = get_command(app)
    for usage in re.findall(r"`waybill ([^`]+)`", COMMANDS):
        words = usage.split()
        command = group.commands[words[0]]  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        known = {option for each in command.params for option in each.opts + each.secondary_opts}
        for option in re.findall(r"--[a-z-]+", usage):
            assert option in known, usage


def test_the_columns_of_a_shipments_file_match_the_code() -> None:
    named = _named(COMMANDS, "Columns of a file of shipments")
    assert sorted(named) == sorted(rows.SHIPMENT_COLUMNS)


# ---- errors -----------------------------------------------------------------------------------


def test_every_code_of_a_status_detail_has_exactly_one_row() -> None:
    known = error_messages.FIELD_CODES | error_messages.CLASS_CODES | set(lane_views.REASONS)
    with_failures = (
        blocked_messages,
        deliver,
        delivery_results,
        failures,
        inventory,
        refund,
        retry_policy,
    )
    for module in (*with_failures, commerce_order):
        known |= {each.code for each in vars(module).values() if isinstance(each, Failure)}
    known |= {"gave_up", "cancel_requested", "ship_by_near", "ship_by_passed"}
    known |= {str(each.UNREADABLE["code"]) for each in (import_orders_page, import_returns_page)}
    known |= {refund_targets.CHANGED} | set(commerce_event_views.SUGGESTIONS)
    assert set(_named(ERRORS, "Codes")) == known


# ---- limits, notifications --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("body", path_rules.USUAL.sentence),
        ("body of `POST /v1/orders` and `PUT …/inventory`", path_rules.MANY.sentence),
        ("body of a webhook or event of Commerce, Adobe or Walmart", path_rules.HOOK.sentence),
        ("file of `…/bulk`", f"{rows.MOST_ROWS:,} rows and 16 MiB"),
        ("page of a list", f"{pagination.MAX_LIMIT} rows"),
    ],
)
def test_a_limit_matches_the_code(row: str, limit: str) -> None:
    written = next(line for line in LIMITS.splitlines() if line.startswith(f"| {row} |"))
    said = re.findall(r"[\d,]+ [KM]iB(?: and [\d,]+ named values)?|[\d,]+ rows", limit)
    assert said
    assert all(each in written for each in said)


def test_every_kind_of_notification_has_a_row() -> None:
    page = (DOCS / "notifications.md").read_text()
    assert _named(page, "Kinds") == [*NotificationKind]
    assert sorted(_named(page, "Errors")) == sorted(["what", *notification_bodies._WORDS])


# ---- simulator --------------------------------------------------------------------------------


def test_every_fault_of_the_simulator_has_exactly_one_row() -> None:
    page = (DOCS / "simulator.md").read_text()
    tables = page.split("## Faults")[1].split("| kind |")
    known = [line.split("`")[1] for line in tables[1].splitlines() if line.startswith("| `")]
    assert known == list(faults.KINDS)
    operations = next(line for line in tables[0].splitlines() if line.startswith("| `operation`"))
    assert set(operations.split("`")[3::2]) == set(faults.OPERATIONS)
    given = {
        name
        for line in tables[0].splitlines()
        if line.startswith("| `")
        for name in line.split(" | ")[0].split("`")[1::2]
    }
    assert given == {each.name for each in fields(faults.InjectedFault)} - {"id"}


# ---- requests ---------------------------------------------------------------------------------

SIMULATED = create_app()


def _requests(text: str) -> Iterator[tuple[str, str]]:
    """Each curl command, and each `METHOD /path` in backticks, as a method and a path."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for command in re.findall(r"^.*curl (?:.*\\\n)*.*$", block, re.MULTILINE):
            address = re.search(r"\$(?:WAYBILL|SIMULATOR)(/[^\s\"'?|)]*)", command)
            assert address, command
            given = re.search(r"-X ([A-Z]+)", command)
            method = given[1] if given else "POST" if " -d " in command else "GET"
            yield method, re.sub(r"\$[A-Z]+", "{}", address[1])
    for code in re.findall(r"`([^`]+)`", text):
        found = re.match(r"(GET|POST|PUT|PATCH|DELETE) (/(?:v1|simulator)/[^\s?]+)", code)
        if found:
            yield found[1], found[2]


@pytest.mark.parametrize("page", WITH_REQUESTS, ids=lambda each: each.name)
def test_every_request_of_a_page_exists_in_the_api_or_the_simulator(page: Path) -> None:
    for method, path in _requests(page.read_text()):
        if path.startswith("/simulator/"):
            scope = {"type": "http", "path": path, "method": method}
            assert any(each.matches(scope)[0] == Match.FULL for each in SIMULATED.routes), path
        else:
            assert _documented(method, path), (method, path)


def _documented(method: str, path: str) -> bool:
    wanted = path.split("/")
    for known, operations in PATHS.items():
        parts = known.split("/")
        fits = len(parts) == len(wanted) and all(
            theirs == ours or theirs.startswith("{")
            for theirs, ours in zip(parts, wanted, strict=True)
        )
        if fits and method.lower() in operations:
            return True
    return False


def test_the_tour_makes_requests_of_both() -> None:
    made = list(_requests((DOCS / "tour.md").read_text()))
    assert ("POST", "/v1/orders/{}/cancellation") in made
    assert ("PATCH", "/v1/stores/{}") in made
    assert ("POST", "/simulator/faults") in made


def test_an_unknown_request_is_detected() -> None:
    assert not _documented("DELETE", "/v1/orders/{}")
    assert not _documented("GET", "/v1/ordres")


# ---- files ------------------------------------------------------------------------------------


def test_every_file_that_a_question_leads_to_exists() -> None:
    named = re.findall(r"`((?:app|docs|deploy)/[^`]*)`", (DOCS / "changing.md").read_text())
    assert named
    for each in named:
        assert (ROOT / each).exists(), each


def test_every_directory_of_app_has_exactly_one_line() -> None:
    listed = [
        name
        for name in _named(ARCHITECTURE, "Directories")
        if re.fullmatch(r"app/(?:[a-z0-9_]+/)*", name)
    ]
    packages = {
        str(each.parent.relative_to(ROOT)) + "/" for each in ROOT.glob("app/**/__init__.py")
    }
    assert sorted(listed) == sorted(packages)


def test_every_other_directory_of_the_architecture_exists() -> None:
    section = ARCHITECTURE.split("Beside `app/`:")[1].split("\n## ")[0]
    named = re.findall(r"^\| `([a-z]+/)`", section, re.MULTILINE)
    assert named
    for each in named:
        assert (ROOT / each).is_dir(), each


def test_every_test_that_the_comparison_names_exists() -> None:
    tests = "\n".join(each.read_text() for each in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+)`", (DOCS / "parity.md").read_text()):
        assert f"def {name}(" in tests, name
    for name in re.findall(r"`(test_\w+\.py)`", (DOCS / "parity.md").read_text()):
        assert list((ROOT / "tests").rglob(name)), name


# ---- the site ---------------------------------------------------------------------------------


def test_the_index_lists_every_page() -> None:
    index = (DOCS / "index.md").read_text()
    listed = set(re.findall(r"\]\(([a-z0-9-]+\.md)\)", index))
    assert listed == {each.name for each in DOCS.glob("*.md")} - {"index.md"}


def _built(links: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Build a site of two pages with the options of `make docs`."""
    shutil.copytree(DOCS / "site", at / "docs" / "site")
    shutil.copy(DOCS / "conf.py", at / "docs")
    (at / "Makefile").write_text("all:\n")
    (at / "docs" / "page.md").write_text("# Page\n\n## Here\n\nText.\n")
    index = f"# Index\n\n{links}\n\n```{{toctree}}\npage\n```\n"
    (at / "docs" / "index.md").write_text(index)
    options = re.search(r"^SPHINX := .* -m sphinx (.*)$", MAKEFILE, re.MULTILINE)
    assert options
    command = [sys.executable, "-m", "sphinx", *options[1].split(), "-b", "dummy", ".", "out"]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)


def test_the_site_accepts_links_to_pages_headings_and_files(tmp_path: Path) -> None:
    run = _built("[a](page.md) [b](page.md#here) [c](../Makefile)", tmp_path)
    assert run.returncode == 0, run.stderr


def test_each_broken_link_is_named_and_fails_the_site(tmp_path: Path) -> None:
    broken = ("none.md", "page.md#nowhere", "#nowhere", "../tests/none.py")
    run = _built("\n\n".join(f"[a]({each})" for each in broken), tmp_path)
    assert run.returncode != 0
    assert run.stderr.count("[myst.xref_missing]") == len(broken)
