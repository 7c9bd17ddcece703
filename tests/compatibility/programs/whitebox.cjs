// @whitebox-co/walmart-marketplace-api: generated from Walmart's documents, at the simulator in
// place of Walmart's address.
const axios = require("axios");
const { given, operation } = require("./report.cjs");

axios.interceptors.request.use((request) => {
  request.url = request.url.replace("https://marketplace.walmartapis.com", given.walmart);
  return request;
});
const { WalmartApi, OrdersApi, ReturnsRefundsApi, InventoryApi, defaultParams } =
  require("@whitebox-co/walmart-marketplace-api");

const walmart = new WalmartApi({
  clientId: given.seller,
  clientSecret: "right",
  consumerChannelType: "channel",
});

(async () => {
  const { ship, cancel, new: fresh } = given;
  let orders;
  await operation(
    "token",
    async () => (orders = await walmart.getConfiguredApi(OrdersApi)),
    (api) => Boolean(api),
  );
  const of = (order) => ({ ...defaultParams, purchaseOrderId: order.purchase_order });
  await operation(
    "getAnOrder",
    () => orders.getAnOrder(of(ship)),
    ({ data }) => data.order.purchaseOrderId === ship.purchase_order,
  );
  await operation(
    "getAllOrders",
    () => orders.getAllOrders({ ...defaultParams, createdStartDate: "2020-01-01", limit: "5" }),
    ({ data }) => data.list.elements.order.length > 0,
  );
  await operation(
    "getAllReleasedOrders",
    () => orders.getAllReleasedOrders({ ...defaultParams, createdStartDate: "2020-01-01" }),
    ({ data }) => Boolean(data.list),
  );
  await operation(
    "acknowledgeOrders",
    () => orders.acknowledgeOrders(of(fresh)),
    ({ data }) => Boolean(data.order),
  );
  const statusQuantity = { unitOfMeasurement: "EACH", amount: "1" };
  const trackingInfo = {
    shipDateTime: Date.now(),
    carrierName: { carrier: "UPS" },
    methodCode: "Standard",
    trackingNumber: "1ZWHITEBOX",
    trackingURL: "https://www.ups.com/track",
  };
  const lines = (status) => ({
    orderLines: {
      orderLine: [{ lineNumber: "1", orderLineStatuses: { orderLineStatus: [status] } }],
    },
  });
  const shipped = { status: "Shipped", statusQuantity, trackingInfo };
  await operation(
    "shippingUpdates",
    () => orders.shippingUpdates({ ...of(ship), inlineObject: { orderShipment: lines(shipped) } }),
    ({ data }) => Boolean(data.order),
  );
  const canceled = {
    status: "Cancelled",
    cancellationReason: "SELLER_CANCEL_OUT_OF_STOCK",
    statusQuantity,
  };
  await operation(
    "cancelOrderLines",
    () =>
      orders.cancelOrderLines({ ...of(cancel), inlineObject2: { orderCancellation: lines(canceled) } }),
    ({ data }) => Boolean(data.order),
  );
  await operation(
    "getReturns",
    async () => (await walmart.getConfiguredApi(ReturnsRefundsApi)).getReturns({ ...defaultParams }),
    ({ data }) => Boolean(data),
  );
  await operation(
    "updateInventoryForAnItem",
    async () =>
      (await walmart.getConfiguredApi(InventoryApi)).updateInventoryForAnItem({
        ...defaultParams,
        sku: "SKU-1",
        inlineObject: { sku: "SKU-1", quantity: { unit: "EACH", amount: 5 } },
      }),
    ({ data }) => data.sku === "SKU-1",
  );
})();
