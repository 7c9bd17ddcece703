"""docs/compatibility.md has the results of the clients, versions and operations that are run."""

from pathlib import Path

from tests.compatibility.environment import clients

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"


def test_the_page_has_rows_of_every_client_and_of_no_other() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    named = {row.split(" | ")[0].removeprefix("| ") for row in rows} - {"client"}
    listed, others = clients()
    assert named == {f"{each.name} {each.version} ({each.registry})" for each in listed}
    assert all(each["name"] in PAGE.read_text() for each in others)


def test_a_client_that_fails_has_its_reason_beside_it() -> None:
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| client"):
            _, _, works, why = line.strip("|").split(" | ")
            assert (works, bool(why.strip())) in {("yes", False), ("no", True)}, line


def test_every_reason_is_of_an_operation_that_is_run() -> None:
    programs = Path(__file__).resolve().parents[1] / "compatibility" / "programs"
    for client in clients()[0]:
        for operation in client.reasons:
            assert f'"{operation}"' in (programs / client.program).read_text(), operation
