// @adobe/aio-commerce-lib-api: Adobe's own client, OAuth 1.0a.
const { AdobeCommerceHttpClient } = require("@adobe/aio-commerce-lib-api");
const { given, operation, shipment } = require("./report.cjs");

const { accessToken, consumerKey, consumerSecret, tokenSecret } = given.oauth;
const client = new AdobeCommerceHttpClient({
  config: { baseUrl: given.url, flavor: "paas", storeViewCode: given.store, version: "V1" },
  auth: { accessToken, accessTokenSecret: tokenSecret, consumerKey, consumerSecret },
});

(async () => {
  const { ship, cancel } = given;
  await operation(
    "get orders/{id}",
    () => client.get(`orders/${ship.id}`).json(),
    (order) => order.entity_id === ship.id,
  );
  await operation(
    "get orders with searchCriteria",
    () => client.get("orders", { searchParams: { "searchCriteria[pageSize]": 5 } }).json(),
    (page) => page.total_count >= 2,
  );
  await operation(
    "post order/{id}/ship",
    () => client.post(`order/${ship.id}/ship`, { json: shipment("1ZADOBE") }).json(),
    (number) => Number(number) > 0,
  );
  await operation(
    "post orders/{id}/cancel",
    () => client.post(`orders/${cancel.id}/cancel`).json(),
    (done) => done === true,
  );
})();
