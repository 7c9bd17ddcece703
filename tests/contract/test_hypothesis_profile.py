"""No property test fails because the machine is slow."""

import ast
from pathlib import Path

from hypothesis import HealthCheck, settings

_TESTS = Path(__file__).resolve().parent.parent
_TIMED = {"deadline", "suppress_health_check"}


def test_every_property_runs_without_deadline_and_health_checks() -> None:
    assert settings.default is not None
    assert settings.default.deadline is None
    assert set(settings.default.suppress_health_check) == set(HealthCheck)


def test_no_test_sets_a_deadline_or_health_checks_of_its_own() -> None:
    found = [
        f"{path.relative_to(_TESTS)}:{call.lineno}"
        for path in sorted(_TESTS.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "settings"
        and _TIMED & {keyword.arg for keyword in call.keywords}
    ]
    assert found == []
