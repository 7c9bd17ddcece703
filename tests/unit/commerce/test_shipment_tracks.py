"""How a shipment of Commerce with several tracking numbers becomes packages."""

from app.commerce.shipment_tracks import Track, split
from app.domain.orders.requests import RequestedItem
from tests.builders import a_line, an_order

CHILD, PART = 71, 72


def a_track(number: str, **quantities: int) -> Track:
    """A track that names its items, as in `a_track("1ZA", i71=2)`."""
    items = tuple(RequestedItem(n, commerce_item_id=int(i[1:])) for i, n in quantities.items())
    return Track("ups", None, number, items)


def test_a_box_with_only_the_rest_of_a_unit_is_not_sent_and_its_parts_go_with_the_next() -> None:
    order = an_order(a_line("1", 3, commerce_items={CHILD: 1, PART: 1}))
    begins, completes = a_track("1ZA", i71=1), a_track("1ZB", i72=1)
    whole = a_track("1ZC", i71=2, i72=2)
    shipment = split([begins, completes, whole], None, order)
    assert shipment.unsent == [completes]
    assert [each.track for each in shipment.packages] == [begins, whole]
    last = {each.commerce_item_id: each.quantity for each in shipment.packages[1].items or ()}
    assert last == {CHILD: 2, PART: 3}
