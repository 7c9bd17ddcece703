"""The query parameters of lists of returns and of updates."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query

from app.domain.errors import Invalid, Problem
from app.domain.update import Kind, State
from app.storage.queries import ReturnFilter, UpdateFilter
from app.web.dependencies import RequestContext
from app.web.v1.fields import Plain, Text

ReturnStatus = Literal["received", "refunded", "error", "closed"]


@dataclass(frozen=True, slots=True)
class ReturnQuery:
    """The filters of a list of returns, as a request has them."""

    order_id: UUID | None = None
    store_id: UUID | None = None
    status: Annotated[ReturnStatus | None, Query(description="Only returns with this status.")] = (
        None
    )
    q: Annotated[
        Text | None,
        Query(
            description="Prefix of an RMA, purchase order, customer order or Commerce order "
            "number, with at most 1,000 matches."
        ),
    ] = None
    arrived: Annotated[
        bool,
        Query(
            description="Only returns that arrived and are not refunded, the first that Walmart "
            "refunds by itself first. Not with other filters than `store_id`."
        ),
    ] = False

    @property
    def order(self) -> str:
        """The name of the list's order, for its cursors."""
        return "returns_arrived" if self.arrived else "returns"

    def filter(self, context: RequestContext) -> ReturnFilter:
        """The filter for the stores that the caller may see.

        Raises Unknown store or order, and Invalid for filters that do not go together.
        """
        store = context.one_store(self.store_id, self.order_id)
        if self.arrived and (self.order_id or self.status or self.q is not None):
            message = "arrived goes with store_id only."
            raise Invalid("invalid", message, [Problem("invalid", message, "/arrived")])
        return ReturnFilter(store, self.order_id, self.status, self.q, self.arrived)


@dataclass(frozen=True, slots=True)
class UpdateQuery:
    """The filters of a list of updates, as a request has them."""

    state: State | None = None
    kind: Kind | None = None
    store_id: UUID | None = None
    order_id: UUID | None = None
    code: Annotated[Plain | None, Query(max_length=64, description="Of the last error.")] = None

    def filter(self, context: RequestContext) -> UpdateFilter:
        """The filter for the stores that the caller may see. Raises Unknown store or order."""
        store = context.one_store(self.store_id, self.order_id)
        return UpdateFilter(self.state, self.kind, store, self.order_id, self.code)
