"""Stock levels: reading and setting them by account, SKU and ship node."""

from tests.unit.simulator.seller import Seller, error

PATH = "/v3/inventory"


async def test_a_stock_level_is_read_as_set_and_only_for_its_ship_node(
    seller: Seller,
) -> None:
    assert (await seller.stock("A/1", 7)).status_code == 200
    await seller.stock("A/1", 3, shipNode="N1")
    assert (await seller.get(PATH, sku="A/1")).json() == {
        "sku": "A/1",
        "quantity": {"unit": "EACH", "amount": 7},
    }
    shown = (await seller.get(PATH, sku="A/1", shipNode="N1")).json()
    assert shown["quantity"]["amount"] == 3
    assert (await seller.get(PATH, sku="B")).json()["quantity"]["amount"] == 0
    other = Seller(seller.http, seller.now, "seller-2")
    await other.sign_in()
    assert (await other.get(PATH, sku="A/1")).json()["quantity"]["amount"] == 0


async def test_an_unknown_sku_is_neither_read_nor_set(seller: Seller) -> None:
    for answer in (await seller.get(PATH, sku="UNKNOWN-1"), await seller.stock("UNKNOWN-1", 1)):
        assert answer.status_code == 404
        assert error(answer)["code"] == "CONTENT_NOT_FOUND.GMP_ORDER_API"


async def test_a_fault_on_reading_stock_does_not_affect_the_write(seller: Seller) -> None:
    await seller.fault("inventory_read", "error")
    assert (await seller.stock("A", 1)).status_code == 200
    assert (await seller.get(PATH, sku="A")).status_code == 500
    calls = [call["operation"] for call in await seller.calls()]
    assert calls == ["token", "inventory", "inventory_read"]
