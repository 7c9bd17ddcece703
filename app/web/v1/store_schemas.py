"""Stores as JSON, in and out; secrets go in only."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.storage.queries.views import StatusDetail, StoreView
from app.usecases.stores.manage import NewStore, StoreChanges, Verified
from app.web.v1.fields import In, LongText, Out, Plain, Secret, Text, VisibleText

# A field that is left out is not null: nothing is said of it. The document shows no default.
_LEFT_OUT: Any = Field(default_factory=str)


class OtherCarrier(In):
    """A carrier that Walmart does not know: its name, and where the buyer follows a package."""

    other: Text
    tracking_url: LongText | None = None


class WalmartIn(In):
    """The keys of the seller account."""

    client_id: VisibleText
    client_secret: Secret


class WalmartPatch(In):
    """New keys of the seller account; what is left out stays."""

    client_id: VisibleText = _LEFT_OUT
    client_secret: Secret = _LEFT_OUT


class CommerceIn(In):
    """How to reach Commerce, what to tell it, and how to know that it speaks."""

    base_url: LongText | None = Field(
        default=None,
        description="What stands before `/rest`, with its path if it has one. `http://` only on "
        "this machine or in a private network; link-local addresses never.",
    )
    access_token: Secret | None = Field(
        default=None, description="Of an integration; sent as a Bearer token."
    )
    push_orders: bool = Field(
        default=False,
        strict=True,
        description="Create each imported order in Commerce, and write cancellations there.",
    )
    payment_method: Text | None = Field(
        default=None, description="The offline method that such orders bear; `checkmo` by default."
    )
    stock_id: Annotated[int, Field(ge=1, le=2_147_483_647, strict=True)] | None = Field(
        default=None,
        description="The stock whose salable quantity Walmart is told after a cancellation.",
    )
    webhook_public_keys: Annotated[
        list[Annotated[Plain, Field(max_length=4000, strict=True)]], Field(max_length=2)
    ] = Field(
        default=[],
        description="Keys in PEM that verify Commerce's webhooks; two while they change.",
    )
    io_client_ids: Annotated[list[Text], Field(max_length=10)] = Field(
        default=[], description="Client ids of your projects in Adobe Developer Console."
    )


class NotificationsIn(In):
    """Where the store's people are told of new errors, once a minute at most."""

    url: LongText = Field(
        description="Takes a JSON POST: a chat's or an incident tool's webhook. `https://`, or "
        "`http://` in a private network. Only its host is shown again.",
        json_schema_extra={"writeOnly": True},
    )
    secret: Annotated[Secret, Field(min_length=16)] = Field(
        description="Signs each message: `Waybill-Signature: t=<seconds>,v1=<hex>`, HMAC-SHA256 "
        "of the seconds, a point and the body."
    )


_Carriers = Annotated[dict[Text, Text | OtherCarrier], Field(max_length=500)]


class StoreIn(In):
    """A Commerce store view and the Walmart seller account it is connected to."""

    name: Text
    walmart: WalmartIn
    code: Text | None = Field(default=None, description="Made from the name where left out.")
    market: Text = "US"
    commerce: CommerceIn | None = None
    carriers: _Carriers = Field(default={})
    default_cancellation_reason: Text | None = None
    default_tracking_url: LongText | None = None
    notifications: NotificationsIn | None = None

    def to_new(self) -> NewStore:
        """The store in the use case's words."""
        return NewStore(**_flat(self.model_dump(exclude_unset=True)))


class StorePatch(In):
    """Changes of a store; what is left out stays, null takes away what may be missing."""

    name: Text = _LEFT_OUT
    walmart: WalmartPatch = WalmartPatch()
    code: Text = _LEFT_OUT
    commerce: CommerceIn = CommerceIn()
    carriers: _Carriers = Field(default={})
    default_cancellation_reason: Text | None = None
    default_tracking_url: LongText | None = None
    notifications: NotificationsIn | None = Field(
        default=None, description="null: nobody is told any more."
    )

    def to_changes(self) -> StoreChanges:
        """The changes in the use case's words."""
        return StoreChanges(**_flat(self.model_dump(exclude_unset=True)))


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    nested = {"walmart", "commerce", "notifications"}
    flat = {key: value for key, value in given.items() if key not in nested}
    if "notifications" in given:
        told = given["notifications"] or {}
        flat |= {f"notifications_{name}": told.get(name) for name in ("url", "secret")}
    for key, value in (given.get("walmart") or {}).items():
        flat[f"walmart_{key}"] = value
    for key, value in (given.get("commerce") or {}).items():
        flat[f"commerce_{key}"] = value
    return flat


class WalmartOut(Out):
    """The seller account, without its secret."""

    client_id: str
    client_secret_set: bool


class CommerceOut(Out):
    """How Commerce is reached, without the token."""

    base_url: str | None
    access_token_set: bool
    push_orders: bool
    payment_method: str | None
    stock_id: int | None
    webhook_public_keys: list[str]
    io_client_ids: list[str]


class NotificationsOut(Out):
    """Where the store's people are told of errors, as far as that is no secret."""

    host: str
    secret_set: bool


class StoreOut(Out):
    """A store."""

    id: UUID
    name: str
    code: str
    market: str
    walmart: WalmartOut
    commerce: CommerceOut
    carriers: dict[str, str | dict[str, str | None]]
    default_cancellation_reason: str | None
    default_tracking_url: str | None
    notifications: NotificationsOut | None
    created_at: datetime
    updated_at: datetime
    status_details: list[StatusDetail] = Field(
        description="Why the store's updates wait, if they do; `operation` is Walmart's endpoint, "
        "`*` all of them."
    )

    @classmethod
    def of(cls, view: StoreView) -> "StoreOut":
        """Show a store."""
        fields: dict[str, Any] = {
            name: getattr(view, name) for name in StoreView.__slots__ if name in cls.model_fields
        }
        host = view.notify_host
        fields["notifications"] = host and NotificationsOut(host=host, secret_set=True)
        fields["status_details"] = list(view.status_details)
        fields["walmart"] = WalmartOut(client_id=view.walmart_client_id, client_secret_set=True)
        fields["commerce"] = CommerceOut(
            base_url=view.commerce_base_url,
            access_token_set=view.commerce_access_token_set,
            push_orders=view.commerce_push_orders,
            payment_method=view.commerce_payment_method,
            stock_id=view.commerce_stock_id,
            webhook_public_keys=list(view.commerce_webhook_public_keys),
            io_client_ids=list(view.commerce_io_client_ids),
        )
        return cls(**fields)


class StoresOut(Out):
    """A page of stores, in the order they were connected."""

    data: list[StoreOut]
    next_cursor: str | None


class VerifiedOut(Out):
    """Whether Walmart accepts the store's keys, and what they allow."""

    ok: bool
    code: str
    message: str
    scopes: dict[str, str]

    @classmethod
    def of(cls, verified: Verified) -> "VerifiedOut":
        """Show the result."""
        return cls(
            ok=verified.ok,
            code=verified.code,
            message=verified.message,
            scopes=dict(verified.scopes),
        )
