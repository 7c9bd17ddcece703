"""A store chooses its kinds of notifications, and rotates the secret that signs them."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.harness.server import serving
from tests.harness.world import World
from tests.integration.test_error_notifier import Inbox

OLD, NEW = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def settings(client: httpx.AsyncClient, path: str, **changes: Any) -> Any:
    answer = await client.patch(path, json={"notifications": changes})
    assert answer.status_code == 200, answer.text
    return answer.json()["notifications"]


async def test_both_secrets_sign_while_one_is_rotated_and_then_only_the_new_one(
    world: World, client: httpx.AsyncClient
) -> None:
    path = f"/v1/stores/{(await world.a_store()).id}"
    inbox = Inbox()

    async def accepted() -> list[bool]:
        """Which of the secrets a test message is accepted with."""
        assert (await client.post(f"{path}/notifications/test")).json()["ok"]
        found = []
        for secret in (OLD, NEW):
            try:
                Webhook(secret).verify(inbox.got[-1][1], inbox.headers[-1])
            except WebhookVerificationError:
                found.append(False)
            else:
                found.append(True)
        return found

    async with serving(inbox) as url:
        first = await settings(client, path, url=f"{url}/hook", secret=OLD)
        assert (first["kinds"], first["old_secret_until"]) == (["errors"], None)
        assert await accepted() == [True, False]
        until = (await settings(client, path, secret=NEW, old_secret_until=in_days(1)))[
            "old_secret_until"
        ]
        assert datetime.fromisoformat(until) > datetime.now(UTC)
        assert await accepted() == [True, True]
        assert inbox.headers[-1]["waybill-signature"].count("v1=") == 2
        kept = await settings(client, path, kinds=["drift", "errors", "drift"])
        assert (kept["kinds"], kept["old_secret_until"]) == (["errors", "drift"], until)
        async with world.database.begin() as connection:
            await connection.execute(
                sa.text("UPDATE stores SET notify_old_secret_until = now() - interval '1 s'")
            )
        assert (await client.get(path)).json()["notifications"]["old_secret_until"] is None
        assert await accepted() == [False, True]
        await settings(client, path, secret=OLD, old_secret_until=in_days(1))
        await settings(client, path, old_secret_until=None)
        assert await accepted() == [True, False]
        # Without a time the old secret ends at once.
        await settings(client, path, secret=NEW)
        assert await accepted() == [False, True]
    async with world.database.begin() as connection:
        assert (
            await connection.execute(sa.text("SELECT notify_old_secret FROM stores"))
        ).one() == (None,)
    acts = (await client.get("/v1/audit", params={"what": "store_notifications_changed"})).text
    assert OLD not in acts
    assert NEW not in acts


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kinds": []}, "/notifications/kinds"),
        ({"kinds": ["orders"]}, "/notifications/kinds/0"),
        ({"kinds": None}, "/notifications/kinds"),
        ({"secret": None}, "/notifications/secret"),
        ({"secret": "too-short"}, "/notifications/secret"),
        ({"secret": "whsec_not-in-base64-at-all"}, "/notifications/secret"),
        ({"old_secret_until": in_days(1)}, "/notifications/old_secret_until"),
        ({"secret": NEW, "old_secret_until": in_days(-1)}, "/notifications/old_secret_until"),
        ({"secret": NEW, "old_secret_until": in_days(31)}, "/notifications/old_secret_until"),
        ({"secret": NEW, "old_secret": OLD}, "/notifications/old_secret"),
    ],
)
async def test_wrong_settings_are_refused_and_change_nothing(
    world: World, client: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    store = await world.a_store(
        notifications_url="https://192.0.2.1/hook", notifications_secret=OLD
    )
    row = sa.text("SELECT notify_secret, notify_old_secret, notify_kinds FROM stores")
    async with world.database.begin() as connection:
        before = (await connection.execute(row)).one()
    answer = await client.patch(f"/v1/stores/{store.id}", json={"notifications": changes})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    async with world.database.begin() as connection:
        assert (await connection.execute(row)).one() == before


async def test_turning_notifications_on_needs_an_address_and_a_secret(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    answer = await client.patch(
        f"/v1/stores/{store.id}", json={"notifications": {"kinds": ["drift"]}}
    )
    assert (answer.status_code, {each["pointer"] for each in answer.json()["errors"]}) == (
        422,
        {"/notifications/url", "/notifications/secret"},
    )
