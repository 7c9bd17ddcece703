"""Drafts a migration: what app/storage/tables/ has that the migrations do not.

    python migrations/draft.py "add the returns"

A PostgreSQL is started for this and thrown away, so no database of yours is asked or touched.
A draft is a start: read it, and see CONTRIBUTING.md for what Alembic cannot know.
"""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config

ROOT = Path(__file__).resolve().parent.parent

# Found only once the root is on the path, as this file is run by its name.
sys.path.insert(0, str(ROOT))
from app.storage.postgres import migrate  # noqa: E402
from app.storage.postgres.embedded import EmbeddedPostgres  # noqa: E402


def draft(sentence: str) -> Path:
    """Write the file, named after the date and the sentence, and give its path."""
    number = datetime.now(UTC).strftime("%Y%m%d%H%M")
    config = Config(str(ROOT / "alembic.ini"))
    with (
        tempfile.TemporaryDirectory(prefix="draft-") as folder,
        EmbeddedPostgres.start(Path(folder), options={"fsync": "off"}) as server,
    ):
        migrate.upgrade(server.url)
        config.attributes["url"] = server.url
        made = command.revision(config, sentence, autogenerate=True, rev_id=number)
    if made is None or isinstance(made, list):
        raise SystemExit("Alembic made no single file.")
    return Path(made.path)


def main() -> int:
    """Draft, format, and say where."""
    sentence = " ".join(sys.argv[1:]).strip()
    if not sentence:
        raise SystemExit('Say what changes: make migration name="add the returns"')
    path = draft(sentence)
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "format", "--quiet", path], check=True)  # noqa: S603 - our own file
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
