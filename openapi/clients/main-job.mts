// The main job through a TypeScript client whose types are generated from openapi.json: ship and
// cancel. A program as a user of the client writes it. `make check` compiles it with --strict,
// and tests/integration/web/typescript_client.py runs it:
//
//     node main-job.mjs URL KEY STORE_ID ORDER_TO_SHIP ORDER_TO_CANCEL
//
// Prints the two orders and a problem as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./waybill.mjs";

type Order = components["schemas"]["OrderOut"];
type Problem = components["schemas"]["ProblemOut"];
type Shipment = components["schemas"]["ShipmentIn"];

const [baseUrl = "", key = "", storeId = "", toShip = "", toCancel = ""] = process.argv.slice(2);
const waybill = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

async function imported(purchaseOrderId: string): Promise<Order> {
  const body = { store_id: storeId, purchase_order_id: purchaseOrderId };
  const { data, error } = await waybill.POST("/v1/orders/import", { body });
  if (error) throw new Error(error.detail);
  return data;
}

async function ship(order: Order, body: Shipment, idempotencyKey: string): Promise<Problem | null> {
  const { error } = await waybill.POST("/v1/orders/{order_id}/shipments", {
    params: { path: { order_id: order.id }, header: { "Idempotency-Key": idempotencyKey } },
    body,
  });
  return error ?? null;
}

async function settled(order: Order): Promise<Order> {
  for (;;) {
    const params = { path: { order_id: order.id } };
    const { data, error } = await waybill.GET("/v1/orders/{order_id}", { params });
    if (error) throw new Error(error.detail);
    if (data.sync.state === "synced" || data.sync.state === "error") return data;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function shipped(): Promise<Order> {
  const order = await imported(toShip);
  const items = [{ line_number: "1", quantity: 1 }];
  const first: Shipment = { carrier_code: "ups", tracking_number: "1Z999AA10123456784", items };
  const preview = await waybill.POST("/v1/orders/{order_id}/shipments/preview", {
    params: { path: { order_id: order.id } },
    body: first,
  });
  if (preview.error) throw new Error(preview.error.detail);
  if (!preview.data.would_be_accepted) throw new Error(preview.data.problems[0]?.message);
  const second: Shipment = { carrier_code: "usps", tracking_number: "9400111899223197428490" };
  for (const body of [first, second]) {
    const problem = await ship(order, body, `${toShip}-${body.tracking_number}`);
    if (problem) throw new Error(problem.detail);
  }
  return settled(order);
}

async function canceled(): Promise<Order> {
  const order = await imported(toCancel);
  const { error } = await waybill.POST("/v1/orders/{order_id}/cancellation", {
    params: { path: { order_id: order.id } },
    body: { reason: "out_of_stock", comment: "The last one broke." },
  });
  if (error) throw new Error(error.detail);
  return settled(order);
}

const order = await shipped();
const tooMany: Shipment = {
  carrier_code: "ups",
  tracking_number: "1ZB",
  items: [{ line_number: "1", quantity: 1_000_000 }],
};
const problem = await ship(order, tooMany, "too many");
console.log(JSON.stringify({ shipped: order, canceled: await canceled(), problem }));
