"""JSON of stores: request bodies, and a page of a list. No response has a secret."""

from typing import Annotated, Any

from pydantic import Field, StrictInt

from app.domain import notification_kind
from app.domain.errors import Invalid
from app.domain.notification_kind import NotificationKind
from app.domain.orders.cancellation import Reason
from app.domain.orders.charges import ChargeAmountIs
from app.storage.queries.views import StoreView
from app.usecases.stores.manage import NewStore, StoreChanges
from app.usecases.stores.try_access import AccessToTry
from app.usecases.stores.validation import MARKETS, STORE_CODE
from app.web.v1.fields import (
    WHOLE,
    In,
    LongText,
    Out,
    Plain,
    Secret,
    Text,
    Time,
    VisibleText,
)

# A field that is left out is unchanged, which null is not. The document shows no default.
_LEFT_OUT: Any = Field(default_factory=str)

_ZONE = (
    "IANA name of the zone of dates, and times without a zone, in files. null: that of the market, "
    "which is America/New_York (US), America/Toronto (CA) or America/Mexico_City (MX)."
)


class OtherCarrier(In):
    """A carrier that is not on Walmart's list: its name, and the tracking URL for buyers."""

    other: Text
    tracking_url: LongText | None = None


class WalmartIn(In):
    """The credentials of the seller account."""

    client_id: VisibleText
    client_secret: Secret


class WalmartPatch(In):
    """New credentials of the seller account. A field that is left out keeps its value."""

    client_id: VisibleText = _LEFT_OUT
    client_secret: Secret = _LEFT_OUT


class CommerceIn(In):
    """The Commerce connection: its address, what Waybill writes there, and keys of webhooks."""

    base_url: LongText | None = Field(
        default=None,
        description="The URL before `/rest`. `http://` is allowed only for this machine and "
        "private networks; link-local addresses are refused.",
    )
    access_token: Secret | None = Field(
        default=None, description="The access token of an integration, sent as a bearer token."
    )
    push_orders: bool = Field(
        default=False,
        strict=True,
        description="Create each imported order in Commerce, and write cancellations there.",
    )
    payment_method: Text | None = Field(
        default=None,
        description="The offline payment method of new orders; the default is `checkmo`.",
    )
    stock_id: Annotated[StrictInt, Field(ge=1, le=2_147_483_647), WHOLE] | None = Field(
        default=None,
        description="The Commerce stock to read for the quantity sent after a cancellation.",
    )
    webhook_public_keys: Annotated[
        list[Annotated[Plain, Field(max_length=4000, strict=True)]], Field(max_length=2)
    ] = Field(
        default=[],
        description="Public keys in PEM that verify Commerce's webhooks; two during a rotation.",
    )
    io_client_ids: Annotated[list[Text], Field(max_length=10)] = Field(
        default=[], description="Client ids of your projects in Adobe Developer Console."
    )


_URL = Field(
    description="A webhook of a chat or incident tool that takes a JSON POST. `https://`, or "
    "`http://` in a private network. Responses show only its host.",
    json_schema_extra={"writeOnly": True},
)
_SIGNING_SECRET = Field(
    description="Signs each message: `webhook-signature` of Standard Webhooks, and "
    "`Waybill-Signature: t=<seconds>,v1=<hex>`, the HMAC-SHA256 of the seconds, a dot and the body."
)
_KINDS = "What the store is notified of. Each kind is a message of its own, at most one a minute."
_LongSecret = Annotated[Secret, Field(min_length=16)]
_Kinds = Annotated[list[NotificationKind], Field(min_length=1, max_length=len(NotificationKind))]


class NotificationsIn(In):
    """Where notifications are sent, and which ones."""

    url: Annotated[LongText, _URL]
    secret: Annotated[_LongSecret, _SIGNING_SECRET]
    kinds: _Kinds = Field(default=list(notification_kind.DEFAULT), description=_KINDS)


class NotificationsPatch(In):
    """Changes of notifications. A field that is left out keeps its value.

    To turn notifications on, `url` and `secret` are needed.
    """

    url: Annotated[LongText, _URL] = _LEFT_OUT
    secret: Annotated[_LongSecret, _SIGNING_SECRET] = _LEFT_OUT
    kinds: _Kinds = Field(default_factory=list, description=_KINDS)
    old_secret_until: Time | None = Field(
        default=None,
        description="With a new secret: until when the old one signs each message as well, at most "
        "30 days from now; left out, it ends at once. null ends it.",
    )


_CHARGE_AMOUNT_IS = (
    "Whether `chargeAmount` of Walmart's order lines is for one unit or for the whole line, which "
    "Walmart's documents do not say. Orders read from then on follow it."
)
_ADMIN_ORDER_URL = (
    "The address of an order in Commerce's Admin, with `{entity_id}` for its id, such as "
    "`https://shop.example/admin/sales/order/view/order_id/{entity_id}/`. Orders link to it."
)
# usecases/stores/validation.py checks both, with error codes of their own.
_Code = Annotated[Text, Field(json_schema_extra={"pattern": f"^{STORE_CODE}$"})]
_Market = Annotated[Text, Field(json_schema_extra={"enum": [*MARKETS]})]
_Carriers = Annotated[dict[Text, Text | OtherCarrier], Field(max_length=500)]


class StoreIn(In):
    """A Commerce store view and the Walmart seller account it is connected to."""

    name: Text
    walmart: WalmartIn
    code: _Code | None = Field(default=None, description="The default is made from the name.")
    market: _Market = "US"
    commerce: CommerceIn | None = None
    carriers: _Carriers = Field(default={})
    default_cancellation_reason: Reason | None = None
    default_tracking_url: LongText | None = None
    admin_order_url: LongText | None = Field(default=None, description=_ADMIN_ORDER_URL)
    time_zone: Text | None = Field(default=None, description=_ZONE)
    charge_amount_is: ChargeAmountIs = Field(
        default=ChargeAmountIs.UNIT, description=_CHARGE_AMOUNT_IS
    )
    notifications: NotificationsIn | None = None

    def to_new(self) -> NewStore:
        """Convert to the store that the use case takes."""
        return NewStore(**_flat(self.model_dump(exclude_unset=True)))


class StorePatch(In):
    """Changes of a store. A field that is left out keeps its value; null removes a value."""

    name: Text = _LEFT_OUT
    walmart: WalmartPatch = WalmartPatch()
    code: _Code = _LEFT_OUT
    commerce: CommerceIn = CommerceIn()
    carriers: _Carriers = Field(default={})
    default_cancellation_reason: Reason | None = None
    default_tracking_url: LongText | None = None
    admin_order_url: LongText | None = Field(default=None, description=_ADMIN_ORDER_URL)
    time_zone: Text | None = Field(default=None, description=_ZONE)
    charge_amount_is: ChargeAmountIs = Field(
        default=ChargeAmountIs.UNIT, description=_CHARGE_AMOUNT_IS
    )
    notifications: NotificationsPatch | None = Field(
        default=None, description="null ends notifications."
    )

    def to_changes(self) -> StoreChanges:
        """Convert to the changes that the use case takes."""
        return StoreChanges(**_flat(self.model_dump(exclude_unset=True)))


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    nested = {"walmart", "commerce", "notifications"}
    flat = {key: value for key, value in given.items() if key not in nested}
    if "notifications" in given:
        # null turns them off.
        off = {"url": None, "secret": None}
        target = off if given["notifications"] is None else given["notifications"]
        flat |= {f"notifications_{name}": value for name, value in target.items()}
    for key, value in (given.get("walmart") or {}).items():
        flat[f"walmart_{key}"] = value
    for key, value in (given.get("commerce") or {}).items():
        flat[f"commerce_{key}"] = value
    return flat


class CommerceTryIn(In):
    """A connection to Commerce to try."""

    code: _Code = Field(description="The code of the store view, which must exist there.")
    base_url: LongText
    access_token: Secret


class TryIn(In):
    """Credentials to try. Give those of Walmart, of Commerce, or both."""

    market: _Market = "US"
    walmart: WalmartIn | None = None
    commerce: CommerceTryIn | None = None

    def to_access(self) -> AccessToTry:
        """Convert to what the use case takes. Raises Invalid nothing_to_try."""
        if self.walmart is None and self.commerce is None:
            raise Invalid("nothing_to_try", "Give credentials of Walmart, of Commerce, or both.")
        walmart, commerce = self.walmart, self.commerce
        return AccessToTry(
            market=self.market,
            walmart=None if walmart is None else (walmart.client_id, walmart.client_secret),
            commerce=None
            if commerce is None
            else (commerce.code, commerce.base_url, commerce.access_token),
        )


class SubscribeIn(In):
    """Where Walmart announces the orders of a store."""

    url: LongText = Field(
        description="The public https address of this API, without a path. Walmart calls it."
    )


class StoresOut(Out):
    """A page of stores, in the order in which they were connected."""

    data: list[StoreView]
    next_cursor: str | None
