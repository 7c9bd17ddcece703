"""Walmart's events, as in its schema and in its examples."""

from typing import Any

import httpx
import pytest
import respx

from app.domain.seller_credentials import SellerCredentials
from app.walmart import errors
from app.walmart.client import WalmartClient

ACCOUNT = SellerCredentials(1, "seller", "secret")
EVENT = {"eventType": "ORDER_UPDATES", "resourceName": "ORDER", "subscriptionId": "7"}


@pytest.mark.parametrize(
    "body",
    [
        {"events": [EVENT]},
        {"eventTypes": [EVENT]},
        {"event": [EVENT]},
        {"events": [{"event": [EVENT]}]},
    ],
)
async def test_events_are_read_in_every_wrapper(
    client: WalmartClient, walmart: respx.MockRouter, body: dict[str, Any]
) -> None:
    walmart.get("/v3/webhooks/eventTypes").mock(return_value=httpx.Response(200, json=body))
    assert await client.webhooks.event_types(ACCOUNT) == {"ORDER_UPDATES": "ORDER"}


async def test_an_answer_without_events_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get("/v3/webhooks/eventTypes").mock(return_value=httpx.Response(200, json={}))
    with pytest.raises(errors.CallUnclear):
        await client.webhooks.event_types(ACCOUNT)
