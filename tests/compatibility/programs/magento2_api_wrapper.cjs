// magento2-api-wrapper: OAuth 1.0a with HMAC-SHA256.
const Magento2Api = require("magento2-api-wrapper");
const { given, operation, shipment } = require("./report.cjs");

const client = new Magento2Api({ api: { ...given.oauth, url: given.url } });

(async () => {
  const { ship, cancel } = given;
  await operation(
    "get orders/{id}",
    () => client.get(`orders/${ship.id}`),
    (order) => order.entity_id === ship.id,
  );
  const filters = [{ field: "increment_id", value: ship.number, condition_type: "eq" }];
  await operation(
    "get orders with searchCriteria",
    () =>
      client.get("orders", {
        params: { searchCriteria: { pageSize: 5, currentPage: 1, filterGroups: [{ filters }] } },
      }),
    (page) => page.items[0].entity_id === ship.id,
  );
  await operation(
    "post order/{id}/ship with a store code",
    () => client.post(`order/${ship.id}/ship`, shipment("1ZWRAPPER"), { storeCode: given.store }),
    (number) => Number(number) > 0,
  );
  await operation(
    "post orders/{id}/cancel",
    () => client.post(`orders/${cancel.id}/cancel`, {}),
    (done) => done === true,
  );
})();
