"""What "Walmart" believes, as a page: orders, the last calls, the faults that are set."""

from collections.abc import Awaitable, Callable
from html import escape
from itertools import islice

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.simulator.orders import Line, Order
from app.simulator.world import World

_MOST = 100
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.05rem; margin-top: 2rem }
p { color: GrayText; margin: .2rem 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884;
  vertical-align: top }
th { font-weight: 600; font-size: .85rem; color: GrayText }
code { font: .9em ui-monospace, monospace }
.units { display: inline-block; margin: 0 .3rem .2rem 0; padding: 0 .5rem;
  border-radius: 1rem; background: #8882; white-space: nowrap }
.Shipped, .Delivered { background: #1a7f3733 } .Cancelled { background: #b4232333 }
.Created { background: #9a670033 } .Acknowledged { background: #0969da33 }
"""


def handler(world: World) -> Callable[[Request], Awaitable[Response]]:
    """Make the page's endpoint."""

    async def endpoint(_: Request) -> Response:
        return HTMLResponse(_render(world))

    return endpoint


def _render(world: World) -> str:
    orders = [
        (client_id, order) for client_id, some in world.orders.items() for order in some.values()
    ]
    newest = sorted(orders, key=lambda pair: pair[1].changed_at, reverse=True)[:_MOST]
    rows = "".join(_order(client_id, order) for client_id, order in newest)
    calls = "".join(
        _row(c["operation"], c["client_id"], c["purchase_order_id"] or "", c["correlation_id"])
        for c in islice(reversed(world.calls), 20)
    )
    faults = "".join(
        _row(f["operation"], f["kind"], "for ever" if f["times"] is None else f["times"])
        for f in world.faults.listed()
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Walmart simulator</title>
<style>{_STYLE}</style><h1>What “Walmart” believes</h1>
<p>A simulator, not Walmart: {len(orders)} orders, {len(world.ledger)} effects,
{len(world.calls)} calls. It forgets everything when it stops.</p>
{_table("Orders", ("Purchase order", "Seller", "Lines"), rows, "No buyer has ordered yet.")}
{_table("Faults", ("Operation", "Kind", "Times left"), faults, "None: it behaves.")}
{_table("Last calls", ("Operation", "Seller", "Purchase order", "Correlation id"), calls, "None.")}
</html>"""


def _table(title: str, heads: tuple[str, ...], rows: str, empty: str) -> str:
    if not rows:
        return f"<h2>{title}</h2><p>{empty}</p>"
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"<h2>{title}</h2><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def _row(*cells: object) -> str:
    return f"<tr>{''.join(f'<td><code>{escape(str(cell))}</code></td>' for cell in cells)}</tr>"


def _order(client_id: str, order: Order) -> str:
    lines = "<br>".join(_line(line) for line in order.lines.values())
    number, seller = escape(order.purchase_order_id), escape(client_id)
    return f"<tr><td><code>{number}</code></td><td>{seller}</td><td>{lines}</td></tr>"


def _line(line: Line) -> str:
    units = []
    for parcel in line.parcels:
        number = (parcel.tracking or {}).get("trackingNumber") or parcel.reason or ""
        text = escape(f"{parcel.quantity} {parcel.status} {number}".strip())
        units.append(f'<span class="units {escape(parcel.status)}">{text}</span>')
    wish = " · buyer asks to cancel" if line.intent_to_cancel else ""
    return f"{escape(line.number)} · {escape(line.sku)}{wish} {''.join(units)}"
