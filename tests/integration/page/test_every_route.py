"""Each route of the page, taken from the app itself: who may use it, and what its answers carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import sqlalchemy as sa
from fastapi.routing import APIRoute

from app.domain.update import State
from app.storage.queries.views import StoreView
from app.storage.tables import metadata
from app.usecases.orders import ship
from app.web.page import pages
from app.web.page.context import RequirePage
from tests.builders import a_package
from tests.harness.signing_in import COOKIE
from tests.harness.world import World
from tests.integration.page.conftest import SignIn

SCOPES = ["read", "write", "admin"]
# A session and its key record that they are used.
USED = {"sessions", "api_keys"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    scope: str
    """The least that is needed."""
    names: tuple[str, ...]
    """Parameters of the path that are ids."""

    def at(self, ids: dict[str, UUID], other: UUID) -> str:
        """The path with ids; another one for those that are not known."""
        given = {name: ids.get(name, other) for name in self.names}
        return self.path.replace("{act}", "order").format(**given)


def routes() -> Iterator[Route]:
    for router in pages.PAGES:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            scopes = [
                each.call.scope
                for each in route.dependant.dependencies
                if isinstance(each.call, RequirePage)
            ]
            ids = tuple(
                each.name
                for each in route.dependant.path_params
                if each.field_info.annotation is UUID
            )
            for method in sorted(route.methods or ()):
                for scope in scopes:
                    yield Route(method, route.path, scope, ids)


async def content(world: World) -> dict[str, tuple[int, int]]:
    """A digest of each table."""
    found = {}
    async with world.database.begin() as connection:
        for name in metadata.tables.keys() - USED:
            # That somebody was refused is counted in the audit.
            where = " WHERE what <> 'access_refused'" if name == "audit" else ""
            statement = f"SELECT count(*), coalesce(sum(hashtext(t::text)), 0) FROM {name} t{where}"
            found[name] = tuple((await connection.execute(sa.text(statement))).one())
    return found


async def asked(client: httpx.AsyncClient, route: Route, path: str) -> httpx.Response:
    form = {"idempotency_key": "one"} if route.method == "POST" else None
    return await client.request(route.method, path, data=form)


async def of_a_store(world: World, store: StoreView) -> dict[str, UUID]:
    """Ids of what a store has: an order, a shipment that Walmart refused, its update."""
    order = await world.an_order(2, store=store)
    await world.fault("shipping", "refuse", field="methodCode")
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="t")
    await world.deliver_until(shipped.shipment.update.id, states={State.FAILED})
    return {
        "store_id": store.id,
        "order_id": order.id,
        "shipment_id": shipped.shipment.id,
        "update_id": shipped.shipment.update.id,
    }


async def test_a_route_is_closed_to_strangers_and_to_a_lesser_scope(
    world: World, stranger: httpx.AsyncClient, signed_in: SignIn
) -> None:
    store = await world.a_store()
    ids = await of_a_store(world, store)
    clients = {scope: await signed_in(scope) for scope in SCOPES}
    ended = await signed_in("admin", name="Joe")
    await ended.post("/sign-out")
    ended.cookies.set(COOKIE, "0-wrong")
    before, wrong = await content(world), {}
    for route in routes():
        path = route.at(ids, world.context.new_id(store.store_id))
        answers = {"stranger": (await asked(stranger, route, path)).status_code}
        if (await asked(ended, route, path)).status_code != 401:
            answers["ended"] = 0
        lesser = SCOPES[: SCOPES.index(route.scope)]
        for scope in lesser:
            answers[scope] = (await asked(clients[scope], route, path)).status_code
        if answers != {"stranger": 401, **dict.fromkeys(lesser, 403)}:
            wrong[f"{route.method} {route.path}"] = answers
    assert wrong == {}
    assert await content(world) == before


async def test_what_another_store_has_is_not_found(world: World, signed_in: SignIn) -> None:
    mine, other = await world.a_store(), await world.a_store()
    ids = await of_a_store(world, other)
    clients = {scope: await signed_in(scope, mine) for scope in SCOPES}
    before, wrong = await content(world), {}
    for route in routes():
        paths = [f"{route.path.replace('{act}', 'order')}?store={other.id}"]
        if route.names:
            paths = [route.at(ids, world.context.new_id(other.store_id))]
        for path in paths:
            for scope in SCOPES[SCOPES.index(route.scope) :]:
                answer = await asked(clients[scope], route, path)
                if answer.status_code not in {403, 404}:
                    wrong[f"{scope}: {route.method} {route.path}"] = answer.status_code
    assert wrong == {}
    assert await content(world) == before


async def test_every_answer_has_the_policy_and_stays_with_the_person(
    world: World, stranger: httpx.AsyncClient, signed_in: SignIn
) -> None:
    store = await world.a_store()
    ids = await of_a_store(world, store)
    wrong = {}
    for client in (await signed_in("admin"), await signed_in("read"), stranger):
        for route in routes():
            answer = await asked(
                client, Route("GET", route.path, route.scope, route.names),
                route.at(ids, world.context.new_id(store.store_id)),
            )  # fmt: skip
            headers = answer.headers
            if not headers.get("content-type", "").startswith("text/html"):
                continue
            kept = (headers["content-security-policy"], headers["cache-control"])
            if kept != (POLICY, "private, no-store") or answer.status_code >= 500:
                wrong[route.path] = (answer.status_code, *kept)
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
    assert wrong == {}
