"""`waybill erase`: erases the text of one order."""

from collections import Counter
from uuid import UUID

from app.cli import database_command
from app.cli.database_command import CannotDo, new_id
from app.settings import Settings
from app.storage import audit
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.storage.stores import stores
from app.usecases.orders import erase as use_case


def run(settings: Settings, *, number: str, store: str | None) -> str:
    """Erase; returns a line that says what. Raises CannotDo."""

    async def work(connection: Connection) -> str:
        order_id = await _find(connection, number, store)
        try:
            erased = await use_case.erase(connection, new_id, order_id, actor=audit.COMMAND)
        except use_case.NotAtRest as error:
            raise CannotDo(f"{error} Nothing was erased.") from error
        return f"order {number}: {_counts(erased)}"

    return database_command.run(settings, work)


async def _find(connection: Connection, number: str, store: str | None) -> UUID:
    """The order with a purchase order number. Without a store, it must be the only one."""
    codes = {number: code for code, number in (await stores.codes(connection, None)).items()}
    wanted = list(codes)
    if store is not None:
        named = await stores.identity(connection, store)
        if named is None:
            raise CannotDo(f"There is no store {store}; stores are {', '.join(codes.values())}.")
        wanted = [named[0]]
    found = {
        each: order
        for each in wanted
        if (order := await repository.find(connection, each, number)) is not None
    }
    if not found:
        raise CannotDo(f"There is no order {number}.")
    if len(found) > 1:
        where = ", ".join(codes[each] for each in found)
        raise CannotDo(f"Several stores have an order {number}: {where}. Name one with --store.")
    return next(iter(found.values()))


def _counts(erased: Counter[str]) -> str:
    parts = [f"{count} {noun}" for noun, count in sorted(erased.items())]
    return f"erased text of {', '.join(parts)}" if parts else "it had no text to erase"
