// Reports each operation of a client as a line of JSON.
// Some clients leave a rejected promise behind, beside the one that they return.
process.on("unhandledRejection", () => {});

const given = JSON.parse(process.env.COMPATIBILITY);

async function operation(name, call, expected) {
  let why = "";
  try {
    const found = await call();
    if (!expected(found)) why = `Unexpected: ${JSON.stringify(found)}`;
  } catch (error) {
    const body = error?.response?.data ?? error?.responseBody;
    why = String(body?.message ?? error?.message ?? error);
  }
  console.log(JSON.stringify({ operation: name, why }));
}

function shipment(number) {
  return {
    items: [{ order_item_id: given.ship.item, qty: 1 }],
    tracks: [{ track_number: number, title: "UPS", carrier_code: "ups" }],
  };
}

module.exports = { given, operation, shipment };
