"""Makes docs/faults.md of what the fault tests wrote: `make faults` runs both."""

import json
import sys
from pathlib import Path

from tests.acceptance.judge import ROWS

TABLE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
_HEAD = """# Faults, and what happened

Real processes, a real PostgreSQL, the Walmart simulator; after each fault what Waybill says is held
against what really happened at Walmart, unit by unit. *Lost*: an accepted update that is neither
confirmed nor visibly failed. *Twice*: more units at Walmart than were asked for. *Misreported*:
confirmed but not at Walmart, failed but there, or an order whose JSON claimed at any moment
more than Walmart had. The rows are the tests' own output (`make faults` writes them anew;
`tests/acceptance/test_kill.py`, and `test_faults.py`, `test_people_act.py`, `test_restore.py` beside it).

| fault | updates | lost | twice | misreported | what happened |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Write the table; 1 where there is nothing to write."""
    rows = [json.loads(path.read_text()) for path in sorted(ROWS.glob("*.json"))]
    if not rows:
        sys.stderr.write("No fault test has run.\n")
        return 1
    columns = ("fault", "updates", "lost", "twice", "misreported", "what")
    lines = ["| " + " | ".join(str(row[name]) for name in columns) + " |" for row in rows]
    TABLE.write_text(_HEAD + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
