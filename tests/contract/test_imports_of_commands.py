"""What a command imports: a process does not pay for libraries that it never uses."""

import json
import subprocess
import sys

_OF_AN_API = {
    *("alembic", "babel", "fastapi", "jinja2", "prometheus_client", "starlette", "uvicorn"),
    *("app.simulator", "app.web", "rapidfuzz"),
}
# What libraries import beside what is used of them.
_OF_LIBRARIES = {"pygments", "rich", "sqlalchemy.orm"}
# A poller answers no questions, and jobs and events of Commerce are rare.
_NOT_OF_A_POLLER = {*_OF_AN_API, *_OF_LIBRARIES, "app.storage.queries", "app.usecases.job_batches"}
# All commands but serve and demo, which need all of it, and migrate, which needs Alembic.
_COMMANDS = (
    *("api_keys", "doctor", "erase", "import_shipments", "notifications", "reconcile"),
    *("recover", "rotate_secrets", "sign_in", "webhooks"),
)

# As `waybill` runs a command.
_RUNNING = """
import json, sys
from app.cli import lean, main
@main.app.command("report")
def report():
    import app.settings, {names}
    print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
lean.make_lean(main.app)
main.app(["report"])
"""


def _imported(*commands: str) -> set[str]:
    """What a process has imported with these commands and the settings."""
    names = ", ".join(f"app.cli.{each}" for each in commands)
    code = _RUNNING.format(names=names)
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(said.stdout))


def test_a_poller_has_not_imported_what_only_an_api_needs() -> None:
    assert not _NOT_OF_A_POLLER & _imported("poller")


def test_no_other_command_has_imported_what_only_an_api_needs() -> None:
    assert not {*_OF_AN_API, *_OF_LIBRARIES} & _imported(*_COMMANDS)
