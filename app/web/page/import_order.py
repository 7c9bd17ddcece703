"""Import an order by its number."""

from typing import Final

from fastapi import Response

from app.domain.errors import Conflict, Invalid, NotAvailable, OrderError, Unknown
from app.storage.idempotency import StoredResponse
from app.usecases.imports.import_order import import_order as import_from_walmart
from app.usecases.imports.register import Registered
from app.web.page import acts
from app.web.page.context import PageContext, PageWriting
from app.web.page.i18n import deferred
from app.web.page.picked_store import picked_store
from app.web.page.route import PageRouter
from app.web.v1.order_schemas import ImportIn

router: Final = PageRouter()
_NUMBER: Final = deferred("Enter the Walmart order number: digits only.")
_STORE: Final = deferred("Choose the store of the order.")
_MISSING: Final = deferred("Walmart has no order with this number in this store.")
_REFUSED: Final = deferred(
    "Walmart does not accept the sign-in of this store. Replace it in the store's settings."
)
_AWAY: Final = deferred("Walmart cannot be reached just now. Try again in a minute.")


@router.get("/orders/import")
async def ask(context: PageWriting) -> Response:
    """The form."""
    return _form(context)


@router.post("/orders/import")
async def import_order(context: PageWriting) -> Response:
    """Read the order from Walmart, and open it."""
    number = "".join(str(context.form.get("number", "")).split()).replace("-", "")
    store = picked_store(context)
    if store is None:
        return _form(context, 422, store_problem=_STORE)
    if not number.isascii() or not number.isdecimal() or len(number) > 50:  # noqa: PLR2004 - as the API
        return _form(context, 422, problem=_NUMBER)
    body = ImportIn(store_id=store.id, purchase_order_id=number)

    def opened(result: Registered) -> StoredResponse:
        notice = deferred("The order is imported.") if result.created else _KNOWN
        return context.redirected(
            context.link(f"/orders/{result.order.id}"), notice=context.viewer.gettext(notice)
        )

    try:
        return await acts.act(
            context,
            body,
            store.store_id,
            opened,
            lambda once: import_from_walmart(
                context.app, store.id, number, actor=context.actor, once=once
            ),
        )
    except OrderError as error:
        return _form(context, _status(error), problem=_problem(error))


_KNOWN: Final = deferred("The order was here already; it was read from Walmart again.")


def _status(error: OrderError) -> int:
    return 422 if isinstance(error, Unknown | Invalid) else 409


def _problem(error: OrderError) -> str:
    if isinstance(error, Unknown):
        return _MISSING
    if isinstance(error, Conflict) and error.code == "credentials_rejected":
        return _REFUSED
    return _AWAY if isinstance(error, NotAvailable | Conflict) else _NUMBER


def _form(
    context: PageContext, status: int = 200, *, problem: str = "", store_problem: str = ""
) -> Response:
    return context.render(
        "import_order.html",
        status=status,
        number=context.form.get("number", ""),
        chosen=context.form.get("store_id", ""),
        problem=problem,
        store_problem=store_problem,
    )
