"""Would a migration block or break a running Waybill? Asked of squawk, one revision at a time.

    python migrations/lint.py

Each revision is turned into the SQL that `waybill migrate` would send, and squawk reads that.
Where a revision knows better, it says so in a comment, with the reason:

    # squawk: prefer-text-field: Alembic's own table

Exits 1 where squawk complains of anything else, a waiver lacks its reason, or waives nothing.
"""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.script import Script, ScriptDirectory

ROOT = Path(__file__).resolve().parent.parent
SQUAWK = Path(sys.executable).with_name("squawk")
WAIVER = re.compile(r"^# squawk: (?P<rule>[a-z-]+)(?:: *(?P<reason>\S.*))?$", re.MULTILINE)

# Found only once the root is on the path, as this file is run by its name.
sys.path.insert(0, str(ROOT))
from app.storage.postgres import migrate  # noqa: E402


def statements(revision: Script) -> str:
    """The SQL of one revision, from the state that the one before it left."""
    config = migrate.configuration()
    config.output_buffer = io.StringIO()
    start = revision.down_revision or "base"
    command.upgrade(config, f"{start}:{revision.revision}", sql=True)
    return config.output_buffer.getvalue()


def complaints(sql: str) -> list[dict[str, Any]]:
    """What squawk says of it; raises CalledProcessError where squawk itself fails."""
    words = [str(SQUAWK), "--config", str(ROOT / ".squawk.toml"), "--reporter", "json"]
    answer = subprocess.run(  # noqa: S603 - our own linter on our own SQL
        words, input=sql, text=True, capture_output=True, check=False
    )
    try:
        found: list[dict[str, Any]] = json.loads(answer.stdout)
    except json.JSONDecodeError as error:
        raise subprocess.CalledProcessError(
            answer.returncode, words, answer.stdout, answer.stderr
        ) from error
    return found


def problems(revision: Script) -> Iterator[str]:
    """One sentence for each thing that is wrong with a revision."""
    waivers = {
        found["rule"]: found["reason"]
        for found in WAIVER.finditer(Path(revision.path).read_text(encoding="utf-8"))
    }
    sql = statements(revision)
    lines = sql.splitlines()
    seen = set()
    for complaint in complaints(sql):
        seen.add(complaint["rule_name"])
        if complaint["rule_name"] not in waivers:
            statement = lines[complaint["line"]].strip()
            yield f"{complaint['rule_name']}: {complaint['message']} In: {statement}"
    for rule, reason in waivers.items():
        if rule not in seen:
            yield f"the waiver of {rule} waives nothing; remove it"
        elif not reason:
            yield f"the waiver of {rule} gives no reason"


def main() -> int:
    """Lint every revision, oldest first; the number of bad ones decides the exit code."""
    revisions = list(ScriptDirectory.from_config(migrate.configuration()).walk_revisions())
    bad = 0
    for revision in reversed(revisions):
        found = list(problems(revision))
        bad += bool(found)
        sys.stdout.writelines(f"{Path(revision.path).name}: {problem}\n" for problem in found)
    sys.stdout.write(f"{len(revisions)} migration(s) looked at, {bad} with problems.\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
