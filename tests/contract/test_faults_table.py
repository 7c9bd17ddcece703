"""docs/faults.md has a row for every fault, and no row shows a lost or doubled update."""

from pathlib import Path

import pytest

from app.simulator.faults import KINDS
from tests.acceptance.test_kill import STEPS

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "faults.md").read_text()
ROWS = [line.split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(
    "fault",
    [
        *(f"simulator: {kind} (" for kind in KINDS),
        *(f"kill -9 of a poller {step}" for step in STEPS),
        "kill -9 of the API between COMMIT and its answer",
        "PostgreSQL stopped and started under load",
        "two pollers with clocks",
        "a backup restored, and nothing else done",
        "a backup restored, then waybill recover",
        "2020 updates through a Walmart that fails 30 %",
        "a shipment in doubt is dismissed",
        "a refund in doubt is dismissed",
        "an older stock level lands after the newest",
        "a read shows the order as it was before",
        "Walmart refuses a shipment and takes an equal one",
        "an order of 250 lines, of which one was registered",
        "Walmart cancels one line of a shipment of two",
        "another transaction holds an order's row",
    ],
)
def test_every_fault_has_a_row(fault: str) -> None:
    assert [row for row in ROWS if row[0].removeprefix("| ").startswith(fault)]


def test_no_row_shows_a_broken_promise() -> None:
    assert {tuple(row[2:5]) for row in ROWS} == {("0", "0", "0")}
