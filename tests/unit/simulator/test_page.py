"""The page that shows the simulator's orders, faults and calls."""

import re

from tests.unit.simulator.seller import PO, Seller, canceled, line

EVIL = '<script>alert("x")</script>'


async def page(seller: Seller) -> str:
    answer = await seller.http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return answer.text


async def test_an_empty_walmart_shows_how_to_begin(seller: Seller) -> None:
    assert "POST /simulator/orders" in await page(seller)


async def test_orders_faults_and_calls_are_shown(seller: Seller) -> None:
    await seller.ready(3)
    await seller.ship(line("1", seller.package("1ZSEEN")))
    await seller.cancel(line("1", canceled(1)))
    await seller.admin("POST", f"/orders/{PO}/intent-to-cancel")
    await seller.fault("cancel", "timeout_after", times=None, purchase_order_id=PO)
    shown = await page(seller)
    for text in (PO, "SKU-1", "1 Shipped 1ZSEEN", "1 Cancelled SELLER_CANCEL_OUT_OF_STOCK",
                 "1 Acknowledged", "buyer asks to cancel", "timeout_after", "for ever",
                 "shipping", "2 effects"):  # fmt: skip
        assert text in shown


async def test_submitted_text_does_not_become_markup(seller: Seller) -> None:
    order = {"client_id": EVIL, "purchase_order_id": EVIL, "lines": [{"sku": EVIL}]}
    await seller.admin("POST", "/orders", **order)
    by_hand = [{"line_number": "1", "tracking_number": EVIL}]
    await seller.http.post(f"/simulator/orders/{PO}/ship", json={"lines": by_hand})
    await seller.fault("read", "error", client_id=EVIL)
    await seller.get(f"/v3/orders/{EVIL.replace('/', '')}")
    shown = await page(seller)
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown


async def test_the_page_loads_nothing_from_other_hosts(seller: Seller) -> None:
    await seller.ready(1)
    assert not re.search(r"(src|href)=|https?://|@import|url\(", await page(seller))


async def test_the_page_shows_the_orders_that_changed_last(seller: Seller) -> None:
    order = {"client_id": "seller-1", "lines": [{"sku": "A"}]}
    await seller.admin("POST", "/orders", orders=[order] * 101)
    shown = await page(seller)
    assert "101 orders" in shown
    assert "The 100 changed last are shown" in shown
