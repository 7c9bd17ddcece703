// A page stays true by itself: hints come by /live, then the page asks for its own address again.
// Rows change in place. Rows that are new or would move wait until the person wants to see them.
import { refresh } from "./drawer.js";

let heard = 0, seen = Date.now(), asked = Date.now();
let changed = false, lost = false, held = 0;
/** @type {EventSource | undefined} */
let source;

/** @returns {HTMLElement | null} Where the page says how fresh it is. */
const place = () => document.querySelector("[data-live]");
/** @param {ParentNode} page @returns {HTMLElement[]} */
const rowsOf = (page) => [...page.querySelectorAll("tr[data-row][id]")].map((row) => /** @type {HTMLElement} */ (row));

/** @param {Element} old @param {Element} fresh Put it in place; a link that has the focus keeps it. */
function put(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const link = old.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
  old.replaceWith(fresh);
  if (link) /** @type {HTMLElement | null} */ (fresh.querySelector(`a[href="${link}"]`))?.focus();
}

/** @param {Document} page Put what changed in place; the number of rows that wait. */
function morph(page) {
  const fresh = rowsOf(page), here = rowsOf(document).map((row) => row.id);
  for (const row of fresh) {
    const old = document.getElementById(row.id);
    if (!old) continue;
    // What a person checked is not part of a cell's source, so an equal cell stays as it is.
    const cells = [...row.children];
    if (cells.length === old.children.length) [...old.children].forEach((cell, place) => put(cell, cells[place]));
  }
  for (const part of page.querySelectorAll("[data-part]")) {
    const old = document.querySelector(`[data-part="${part.getAttribute("data-part")}"]`);
    const rows = old && rowsOf(old).length;
    if (old && !rows && !old.contains(document.activeElement) && !old.querySelector("details[open]")) put(old, part);
  }
  document.title = page.title;
  const both = fresh.map((row) => row.id).filter((id) => here.includes(id));
  const before = here.filter((id) => both.includes(id));
  const moved = both.filter((id, index) => before[index] !== id).length;
  return here.length ? fresh.length - both.length + moved : 0;
}

async function ask() {
  asked = Date.now();
  changed = false;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error();
    held = morph(new DOMParser().parseFromString(await answer.text(), "text/html"));
    seen = Date.now();
    lost = false;
  } catch {
    lost = true;
  }
}

function open() {
  const store = new URLSearchParams(location.search).get("store");
  source = new EventSource(store ? `/live?store=${store}` : "/live");
  source.addEventListener("alive", () => {
    // Between two streams hints were missed.
    if (Date.now() - heard > 12000 && heard) changed = true;
    heard = Date.now();
  });
  source.addEventListener("changes", () => {
    heard = Date.now();
    changed = true;
  });
}

/** @param {HTMLElement} span @param {boolean} live */
function say(span, live) {
  const { words } = span.dataset, [fresh, polled, old, one, many] = JSON.parse(words ?? "[]");
  const at = new Date(seen).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const ago = String(Math.floor((Date.now() - (live ? Math.max(seen, heard) : seen)) / 1000));
  const [text, again, wait] = /** @type {HTMLElement[]} */ ([...span.querySelectorAll("[data-say], [data-again], [data-held]")]);
  text.textContent = lost ? old.replace("#", at) : (live ? fresh : polled).replace("#", ago);
  again.hidden = !lost;
  wait.hidden = !held;
  wait.textContent = (held === 1 ? one : many).replace("#", String(held));
  document.querySelector("main")?.classList.toggle("stale", lost);
}

setInterval(() => {
  const span = place(), now = Date.now();
  if (document.hidden) return;
  if (document.querySelector("[data-progress]") && now - asked >= 2000) ask();
  if (!span) return;
  if (!source || (source.readyState === EventSource.CLOSED && now - asked >= 10000)) open();
  const live = now - heard < 12000;
  if (now - asked >= (changed ? 2000 : live && !lost ? 1e9 : 10000)) ask();
  say(span, live);
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) source?.close();
  else changed = true;
  source = undefined;
});

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-again], [data-held]") : null;
  if (button?.matches("[data-again]")) ask();
  if (!button?.matches("[data-held]")) return;
  const checked = [...document.querySelectorAll("tr[data-row] :checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
  await refresh();
  held = 0;
  for (const value of checked) document.querySelector(`tr[data-row] [value="${value}"]`)?.setAttribute("checked", "");
});
