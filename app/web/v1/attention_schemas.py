"""JSON of what needs action: groups, a page of one, and the body of a fix."""

from datetime import datetime

from pydantic import Field

from app.domain.attention import AttentionKind
from app.storage.queries.views import AttentionGroupView, AttentionMemberView
from app.usecases.attention.requests import FixRequest
from app.web.v1.examples import AT, ORDER_ID, STORE_ID, UPDATE
from app.web.v1.fields import In, LongText, Out, Text, Time

_MEMBER = {
    "id": UPDATE["id"],
    "order_id": ORDER_ID,
    "number": "1796330119987",
    "since": AT,
    "deadline": AT,
    "message": "Walmart does not know the carrier 'Acme Freight'.",
}
GROUP = {
    "id": "0064a040-793c-7a0d-baa3-ddeb00000003",
    "kind": AttentionKind.NOT_DELIVERED,
    "source": "commerce_event",
    "store_id": STORE_ID,
    "store_name": "Main store",
    "operation": "shipment",
    "code": "tracking_url_required",
    "value": "Acme Freight",
    "expected": None,
    "count": 2,
    "at_least": False,
    "oldest_at": AT,
    "next_deadline": AT,
    "message": _MEMBER["message"],
    "sample": [_MEMBER],
    "fix": {
        "action": "set_tracking_url",
        "needs": ["tracking_url"],
        "url": "/v1/attention/0064a040-793c-7a0d-baa3-ddeb00000003/fix",
    },
}
FIXED = {
    "data": [
        {
            "id": _MEMBER["id"],
            "order_id": ORDER_ID,
            "number": _MEMBER["number"],
            "will": "queued",
            "until": None,
            "explanation": "Commerce's message is carried out.",
        }
    ],
    "totals": {"queued": 1},
    "more": False,
    "job_url": None,
}
MEMBERS = {"group": GROUP, "data": [_MEMBER], "next_cursor": None}


class AttentionOut(Out):
    """Everything that needs action, the most urgent first."""

    as_of: datetime = Field(description="Give it with a fix: what changed since stays as it is.")
    data: list[AttentionGroupView]


class AttentionMembersOut(Out):
    """A page of the cases of a cause, the most urgent or oldest first."""

    group: AttentionGroupView
    data: list[AttentionMemberView]
    next_cursor: str | None


class AttentionFixIn(In):
    """What the fix needs, as `fix.needs` of the group says."""

    tracking_url: LongText | None = Field(
        default=None,
        description="An address with `{tracking_number}`. It is kept with the store's carriers.",
    )
    reason: Text | None = Field(
        default=None, description="It becomes the store's `default_cancellation_reason`."
    )
    method_code: Text | None = Field(
        default=None, description="A shipping method of Walmart's, for all shipments of the cause."
    )
    note: LongText | None = Field(default=None, description="Why the cases are dismissed.")
    as_of: Time | None = Field(
        default=None, description="`as_of` of the list. Cases that changed since stay as they are."
    )

    def to_request(self) -> FixRequest:
        """Convert to the request that the use case takes."""
        return FixRequest(**self.model_dump())
