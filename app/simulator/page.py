"""The simulator's page: orders, active faults and the last calls."""

import heapq
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from html import escape
from itertools import islice

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.simulator.ledger import ReceivedCall
from app.simulator.misbehaviour import Misbehaviour
from app.simulator.orders import Parcel, SimulatedLine, SimulatedOrder
from app.simulator.world import World

_MOST_ORDERS, _MOST_CALLS = 100, 30
# No content from other hosts, and no scripts.
_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif;
  --faint: light-dark(#5b6470, #9aa4b0); --line: light-dark(#e3e6ea, #31363d) }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
p { color: var(--faint); margin: .2rem 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; min-width: 44rem }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
th { font-weight: 600; font-size: .8rem; color: var(--faint); white-space: nowrap }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
.line { display: flex; flex-wrap: wrap; gap: .1rem .5rem; align-items: baseline }
.line + .line { margin-top: .25rem }
.chip { padding: 0 .55rem; border-radius: 1rem; background: #8882; font-size: .9em }
.Shipped, .Delivered, .fine { background: #1a7f3730 }
.Cancelled, .bad { background: #b4232330 }
.Created, .odd { background: #bf870030 } .Acknowledged { background: #0969da2b }
"""


def handler(world: World, misbehaviour: Misbehaviour) -> Callable[[Request], Awaitable[Response]]:
    """Create the endpoint of the page."""

    async def endpoint(_: Request) -> Response:
        return HTMLResponse(_render(world, misbehaviour), headers=_POLICY)

    return endpoint


def _render(world: World, misbehaviour: Misbehaviour) -> str:
    ledger = world.ledger
    orders = [(who, order) for who, some in world.orders.items() for order in some.values()]
    newest = heapq.nlargest(_MOST_ORDERS, orders, key=lambda pair: pair[1].changed_at)
    shown = "" if len(newest) == len(orders) else f" The {_MOST_ORDERS} changed last are shown."
    tables = (
        _table(
            "Orders",
            ("Purchase order", "Seller", "Changed (UTC)", "Lines"),
            (_order(who, order) for who, order in newest),
            "No buyer has ordered yet: POST /simulator/orders.",
        ),
        _table(
            "Faults that wait",
            ("Id", "Operation", "Kind", "For", "Times left"),
            (_fault(fault) for fault in world.faults.listed()),
            "None: this Walmart behaves.",
        ),
        _table(
            "Effects held back",
            ("Received (UTC)", "Operation", "Seller", "Purchase order", "Answered"),
            (_call(call) for call, _ in islice(misbehaviour.held, _MOST_CALLS)),
            "None: POST /simulator/held lets such effects land.",
        ),
        _table(
            "Last calls",
            ("Received (UTC)", "Operation", "Seller", "Purchase order", "Answered"),
            (_call(call) for call in islice(reversed(ledger.calls), _MOST_CALLS)),
            "No calls yet.",
        ),
    )
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Walmart simulator</title><style>{_STYLE}</style></head><body>
<h1>What “Walmart” believes</h1>
<p>A simulator, not Walmart. {len(orders)} orders, {len(ledger.entries)} effects,
{len(ledger.calls)} calls.{shown} Everything is forgotten when it stops.</p>
{"".join(tables)}</body></html>"""


def _table(title: str, heads: tuple[str, ...], rows: Iterable[str], empty: str) -> str:
    body = "".join(rows)
    if not body:
        return f"<h2>{title}</h2><p>{empty}</p>"
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f'<h2>{title}</h2><div class="wide"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(*cells: str) -> str:
    """Return a table row of cells in HTML."""
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _code(value: object) -> str:
    return f"<code>{escape(str(value))}</code>"


def _chip(kind: str, text: str) -> str:
    return f'<span class="chip {kind}">{escape(text)}</span>'


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def _order(client_id: str, order: SimulatedOrder) -> str:
    lines = "".join(_line(line) for line in order.lines.values())
    changed = _time(order.changed_at / 1000)
    return _row(_code(order.purchase_order_id), escape(client_id), changed, lines)


def _line(line: SimulatedLine) -> str:
    wish = _chip("odd", "buyer asks to cancel") if line.intent_to_cancel else ""
    units = "".join(_units(parcel) for parcel in line.parcels)
    name = f"{_code(line.number)} {escape(line.sku)} &times; {line.quantity}"
    return f'<div class="line"><span>{name}</span>{units}{wish}</div>'


def _units(parcel: Parcel) -> str:
    detail = parcel.tracking_number or parcel.reason or ""
    return _chip(parcel.status, f"{parcel.quantity} {parcel.status} {detail}".strip())


def _fault(fault: dict[str, object]) -> str:
    about = [fault[name] for name in ("client_id", "purchase_order_id") if fault[name]]
    return _row(
        _code(fault["id"]),
        escape(str(fault["operation"])),
        _chip("bad", str(fault["kind"])),
        _code(", ".join(map(str, about))) if about else "everybody",
        "for ever" if fault["times"] is None else str(fault["times"]),
    )


def _call(call: ReceivedCall) -> str:
    status = "no answer" if call.status is None else str(call.status)
    answered = _chip("fine" if call.status == 200 else "bad", status)  # noqa: PLR2004 - of HTTP
    fault = f" {_chip('odd', call.fault)}" if call.fault else ""
    return _row(
        _time(call.received_at / 1e9),
        escape(call.operation),
        escape(call.client_id) or "unknown",
        _code(call.purchase_order_id) if call.purchase_order_id else "",
        answered + fault,
    )
