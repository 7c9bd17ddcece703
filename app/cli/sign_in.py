"""`waybill sign-in`: prints a link that signs a person in to the page."""

from datetime import timedelta

from app.cli import database_command
from app.cli.database_command import CannotDo, new_id
from app.domain.scope import Scope
from app.settings import Settings
from app.storage import audit
from app.storage.postgres.database import Connection
from app.storage.stores import stores
from app.storage.stores.sessions import Access
from app.usecases.access.sign_in import add_link

# A person copies the link by hand.
LIFETIME = timedelta(minutes=10)
LOCAL = "http://127.0.0.1:8080"


def link(
    settings: Settings, *, name: str, scope: Scope, store: str | None, path: str = "/orders"
) -> str:
    """Make a link; returns its address. Raises CannotDo."""

    async def work(connection: Connection) -> str:
        found = None if store is None else await stores.identity(connection, store)
        if store is not None and found is None:
            raise CannotDo(f"There is no store {store}.")
        access = Access(name, found[0] if found else None, scope, None, audit.COMMAND)
        made = await add_link(connection, new_id, access, path, LIFETIME)
        return f"{(settings.public_url or LOCAL).rstrip('/')}/enter/{made.token}"

    return database_command.run(settings, work)
