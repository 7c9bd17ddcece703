"""Read one order from Walmart for a caller that waits for the answer, outside any transaction."""

from app.domain.errors import Conflict, NotAvailable
from app.domain.orders.snapshot import OrderSnapshot
from app.usecases.context import AppContext
from app.usecases.walmart_reader import UNLIMITED, WalmartReader
from app.walmart import errors


async def read(
    context: AppContext,
    store_id: int,
    purchase_order_id: str,
    reader: WalmartReader = UNLIMITED,
) -> OrderSnapshot | None:
    """Read the order from Walmart. None means that Walmart knows no such order.

    Raises Conflict credentials_rejected, NotAvailable walmart_unavailable, and what reader raises
    while no call may be made.
    """
    account = await context.account(store_id)
    try:
        return (await reader.read_order(context, account, purchase_order_id)).order
    except errors.NotFound:
        return None
    except errors.CredentialsRejected as error:
        raise Conflict(
            "credentials_rejected",
            "Walmart does not accept the store's client id and secret: correct them "
            f"(PATCH /v1/stores), then try again. {error}",
        ) from error
    except errors.Throttled as error:
        wait = int(error.retry_after.total_seconds()) + 1 if error.retry_after else 5
        message = "Walmart accepts no more calls for this store for now."
        raise NotAvailable("walmart_unavailable", message, wait) from error
    except errors.WalmartError as error:
        message = f"Walmart could not be read. {error}"
        raise NotAvailable("walmart_unavailable", message, 10) from error
