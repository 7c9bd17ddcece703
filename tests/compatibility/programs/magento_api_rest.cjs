// magento-api-rest: OAuth 1.0a, searches by its own operators.
const Magento = require("magento-api-rest").default;
const { given, operation, shipment } = require("./report.cjs");

const signed = { ...given.oauth, url: given.url, timeout: 20000 };
const client = new Magento({ ...signed, sha: 256 });
const stored = new Magento({ ...signed, sha: 256, type: `${given.store}/V1` });

(async () => {
  const { ship, cancel } = given;
  await operation(
    "get orders/{id}, signed with HMAC-SHA256",
    () => client.get(`orders/${ship.id}`),
    (answer) => answer.data.entity_id === ship.id,
  );
  await operation(
    "get orders with $from, $to, $sort, $perPage",
    () =>
      client.get("orders", {
        $from: "2020-01-01",
        $to: "2099-01-01",
        $sort: { created_at: "DESC" },
        $perPage: 5,
        $page: 1,
      }),
    (answer) => answer.data.total_count >= 2,
  );
  await operation(
    "get orders with a filter",
    () => client.get("orders", { increment_id: ship.number }),
    (answer) => answer.data.items[0].entity_id === ship.id,
  );
  await operation(
    "post order/{id}/ship",
    () => stored.post(`order/${ship.id}/ship`, shipment("1ZMAGENTOAPIREST")),
    (answer) => Number(answer.data) > 0,
  );
  await operation(
    "post orders/{id}/cancel",
    () => stored.post(`orders/${cancel.id}/cancel`),
    (answer) => answer.data === true,
  );
  await operation(
    "get orders/{id}, signed with HMAC-SHA1 (its default)",
    () => new Magento(signed).get(`orders/${ship.id}`),
    (answer) => answer.data.entity_id === ship.id,
  );
})();
