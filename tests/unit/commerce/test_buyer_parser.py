"""The private words of a Commerce order, which are redacted where an answer repeats them."""

from app.commerce import buyer_parser


def an_address(name: str) -> dict[str, object]:
    return {"firstname": name, "lastname": "Sample", "street": [f"1 {name} Street"] * 50_000}


def test_the_first_addresses_of_an_order_with_too_many_are_redacted() -> None:
    assignments = [{"shipping": {"address": an_address(f"Person{n}")}} for n in range(1000)]
    order = {
        "billing_address": an_address("Biller"),
        "extension_attributes": {"shipping_assignments": assignments},
    }
    words = buyer_parser.private_words(order)
    assert {"Biller Sample", "1 Biller Street", "1 Person0 Street", "1 Person19 Street"} <= words
    assert "1 Person999 Street" not in words
