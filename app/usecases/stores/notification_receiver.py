"""Where a store's notifications go, decrypted."""

from app.http_client.webhook_sender import Receiver
from app.storage.postgres.database import Connection
from app.storage.stores import error_notifications
from app.usecases.context import AppContext


async def receiver_of(
    context: AppContext, connection: Connection, store_number: int
) -> Receiver | None:
    """The receiver of a store. None means that it has no address. Raises CannotDecrypt."""
    sealed = await error_notifications.receiver(connection, store_number)
    if sealed is None:
        return None
    secrets = tuple(context.cipher.open(each) for each in sealed.secrets)
    return Receiver(context.cipher.open(sealed.url), secrets)
