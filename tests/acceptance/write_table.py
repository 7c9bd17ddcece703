"""Makes docs/faults.md from the rows that the fault tests wrote: `make faults` runs both."""

import json
import sys
from pathlib import Path

from tests.acceptance.judge import ROWS

TABLE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
_HEAD = """# Faults, and what happened

Real processes, a real PostgreSQL, the Walmart simulator; after each fault Waybill's answers are
compared with the actual effects at Walmart, unit by unit. *Lost*: an accepted update that is neither
confirmed nor visibly failed. *Twice*: more units at Walmart than were requested. *Misreported*:
confirmed but not at Walmart, failed but there, or an order whose JSON claimed at any moment
more than Walmart had. The rows are the output of the tests (`make faults` writes them again;
`tests/acceptance/test_kill.py`, `test_faults.py`, `test_people_act.py`, `test_restore.py`).

| fault | updates | lost | twice | misreported | what happened |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Write the table; return 1 if there are no rows."""
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
