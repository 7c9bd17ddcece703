// One order: copy buttons, and the neighbours of the order in the list that a person came from.
const KEPT = "waybill-list";

/** Keep the orders of a list, so that the page of one of them leads to the next. */
function keepList() {
  const rows = [...document.querySelectorAll('form#selection [id^="order-"]')];
  if (!rows.length) return;
  const ids = rows.map((row) => row.id.replace("order-", ""));
  sessionStorage.setItem(KEPT, JSON.stringify({ ids, from: location.pathname + location.search }));
}

/** @param {string} path @param {string} text @param {string} label @param {string} rel */
function step(path, text, label, rel) {
  const link = document.createElement("a");
  Object.assign(link, { href: path, textContent: text, rel });
  link.setAttribute("aria-label", label);
  link.dataset.key = rel === "prev" ? "[" : "]";
  return link;
}

/** Lead to the previous and the next order of the list, and back to the list as it was. */
export function showNeighbours() {
  const place = document.querySelector("[data-neighbours]");
  if (!(place instanceof HTMLElement)) return keepList();
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  const at = kept?.ids.findIndex((/** @type {string} */ id) => location.pathname === `/orders/${id}`) ?? -1;
  if (at < 0 || place.childElementCount) return;
  document.querySelector("[data-list]")?.setAttribute("href", kept.from);
  const { of = "", newer = "", older = "" } = place.dataset;
  const text = of.replace("##", String(kept.ids.length)).replace("#", String(at + 1));
  place.replaceChildren(`/ ${text}`);
  if (at > 0) place.append(step(`/orders/${kept.ids[at - 1]}`, "‹", newer, "prev"));
  if (at + 1 < kept.ids.length) place.append(step(`/orders/${kept.ids[at + 1]}`, "›", older, "next"));
}

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy-text]") : null;
  if (!(button instanceof HTMLElement)) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copyText ?? "");
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 1500);
  } catch {
    // Browsers copy over https only; the text stands beside the button.
  }
});

showNeighbours();
