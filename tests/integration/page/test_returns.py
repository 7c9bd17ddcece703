"""Returns as a page: who refunds what and when, and refunds in whole or in part."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from tests.harness.world import World
from tests.integration.page.conftest import SignIn
from tests.integration.page.test_attention import words_of
from tests.integration.test_returns import arrived, returned, returns
from tests.integration.web.conftest import client_of


def hidden(form: httpx.Response) -> dict[str, str]:
    """The fields of a form as it is shown."""
    return dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form.text))


async def test_the_list_says_when_walmart_refunds_by_itself_and_who_refunded(
    world: World, signed_in: SignIn
) -> None:
    await returned(world, 2)
    person = await signed_in("write")
    waits = words_of(await person.get("/returns"))
    assert "not arrived yet" in waits
    assert "Requested" in waits
    assert "Received" not in waits
    await arrived(world)
    page = await person.get("/returns")
    assert "20 h 59 min" in words_of(page)
    assert 'data-clock="left"' in page.text
    due = words_of(await person.get("/returns?status=arrived"))
    assert "20 h 59 min" in due
    await arrived(world, timedelta(hours=50))
    assert "due since" in words_of(await person.get("/returns"))
    (found,) = await returns(world)
    form = await person.get(f"/returns/{found.id}/refund")
    await person.post(f"/returns/{found.id}/refund", data=hidden(form))
    going = words_of(await person.get("/returns"))
    assert "A refund is on its way to Walmart." in going
    (found,) = await returns(world)
    await world.deliver_until(found.refunds[0].update.id)
    assert "By Jane (operators)." in words_of(await person.get("/returns?status=refunded"))


async def test_a_part_is_refunded_and_the_rest_is_left(world: World, signed_in: SignIn) -> None:
    await returned(world, 3)
    (found,) = await returns(world)
    person = await signed_in("write")
    address = f"/returns/{found.id}/refund"
    form = await person.get(address)
    assert "3 of 3 left" in words_of(form)
    answer = await person.post(address, data={**hidden(form), "units_1": "1"})
    assert answer.status_code == 303
    assert "2 of 3 left · 1 on its way" in words_of(await person.get(address))
    (after,) = await returns(world)
    assert [item.quantity for item in after.refunds[0].items] == [1]


async def test_a_refund_that_is_clicked_again_and_again_is_one(
    world: World, signed_in: SignIn
) -> None:
    await returned(world, 3)
    (found,) = await returns(world)
    person = await signed_in("write")
    address = f"/returns/{found.id}/refund"
    form = {**hidden(await person.get(address)), "units_1": "1", "comment": "a\0b"}
    answers = await asyncio.gather(*(person.post(address, data=form) for _ in range(4)))
    assert [each.status_code for each in answers] == [303] * 4
    (after,) = await returns(world)
    assert [item.quantity for refund in after.refunds for item in refund.items] == [1]


@pytest.mark.parametrize(
    ("units", "problem"),
    [
        ("0", "Choose how many units to refund."),
        ("9", "Fewer units are left to refund"),
        ("-1", "cannot be refunded like that"),
        ("one", "cannot be refunded like that"),
    ],
)
async def test_a_refused_refund_keeps_what_was_typed_and_writes_nothing(
    world: World, signed_in: SignIn, units: str, problem: str
) -> None:
    await returned(world, 2)
    (found,) = await returns(world)
    person = await signed_in("write")
    address = f"/returns/{found.id}/refund"
    form = await person.get(address)
    answer = await person.post(
        address, data={**hidden(form), "units_1": units, "comment": "Broken <b>"}
    )
    assert answer.status_code == 422
    assert problem in words_of(answer)
    assert f'value="{units}"' in answer.text
    assert "Broken &lt;b&gt;" in answer.text
    (after,) = await returns(world)
    assert after.refunds == ()


async def test_a_return_that_cannot_be_refunded_says_why_before(
    world: World, signed_in: SignIn
) -> None:
    await returned(world, 1)
    (found,) = await returns(world)
    person = await signed_in("write")
    address = f"/returns/{found.id}/refund"
    await person.post(address, data=hidden(await person.get(address)))
    form = await person.get(address)
    assert "All of it is refunded already, or on its way." in words_of(form)
    assert 'aria-disabled="true"' in form.text


async def test_a_reader_sees_returns_and_refunds_none(world: World, signed_in: SignIn) -> None:
    await returned(world, 1)
    (found,) = await returns(world)
    reader = await signed_in("read")
    page = await reader.get("/returns")
    assert found.rma_number in page.text
    assert "/refund" not in page.text
    assert (await reader.post(f"/returns/{found.id}/refund")).status_code == 403
    other = await world.a_store()
    stranger = await signed_in("write", other)
    assert found.rma_number not in (await stranger.get("/returns")).text
    assert (await stranger.post(f"/returns/{found.id}/refund")).status_code == 404
    assert (await returns(world))[0].refunds == ()


@pytest.mark.one_postgresql("its own SQL")
async def test_cards_and_the_list_of_arrived_returns_over_http(world: World, app: FastAPI) -> None:
    for _ in range(3):
        await returned(world, 1)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text(
                "UPDATE returns SET arrived_at = now() - n * interval '1 h' FROM (SELECT id AS i,"
                " row_number() OVER (ORDER BY id) AS n FROM returns) o WHERE id = i AND n > 1"
            )
        )
    async with client_of(app) as client:
        cards = (await client.get("/v1/returns/summary")).json()["cards"]
        assert [cards[name]["count"] for name in ("received", "arrived", "refunded")] == [3, 2, 0]
        first = (await client.get("/v1/returns?arrived=true&limit=1")).json()
        second = await client.get(f"/v1/returns?arrived=true&cursor={first['next_cursor']}")
        listed = [*first["data"], *second.json()["data"]]
        deadlines = [each["refund_by"] for each in listed]
        assert deadlines == sorted(deadlines)
        assert len(deadlines) == 2
        assert cards["arrived"]["time"] == deadlines[0]
        refused = await client.get("/v1/returns?arrived=true&status=error")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/arrived")
