// Forms with a dry run: the answer beside the field while a person types, and barcode scanners.

/** @type {ReturnType<typeof setTimeout> | undefined} */
let waits;
/** @type {AbortController | undefined} */
let asked;

/** @param {Element} form @param {string} id */
const byId = (form, id) => form.querySelector(`[id="${CSS.escape(id)}"]`);

/** Ask what would happen, and show it; no value that a person gave is changed. @param {HTMLFormElement} form */
async function check(form) {
  asked?.abort();
  asked = new AbortController();
  const data = new FormData(form);
  data.set("go", "check");
  // @ts-ignore: a form's fields are what a query is made of.
  const body = new URLSearchParams(data);
  const answer = await fetch(form.action, { method: "POST", body, signal: asked.signal }).catch(() => null);
  if (!answer?.ok || !form.isConnected) return;
  const seen = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-ship]");
  if (seen) put(form, seen);
}

/** @param {HTMLFormElement} form @param {Element} seen The same form as the server shows it. */
function put(form, seen) {
  for (const part of form.querySelectorAll("[data-part]")) {
    const other = seen.querySelector(`[data-part="${CSS.escape(part.getAttribute("data-part") ?? "")}"]`);
    if (!other || part.innerHTML === other.innerHTML) continue;
    const open = part.querySelector("details")?.open;
    part.replaceChildren(...other.childNodes);
    const details = part.querySelector("details");
    if (details && open) details.open = true;
  }
  for (const field of form.querySelectorAll("input, select, [data-same]")) {
    const other = byId(seen, field.id);
    if (!other || !field.id) continue;
    field.toggleAttribute("hidden", other.hasAttribute("hidden"));
    if (other.hasAttribute("aria-invalid")) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  // The carrier follows a number that is recognised.
  for (const field of form.querySelectorAll("select[data-follows]")) {
    const other = byId(seen, field.id);
    const known = form.elements.namedItem(field.getAttribute("data-follows") ?? "");
    const chosen = seen.querySelector(`[name="${CSS.escape(field.getAttribute("data-follows") ?? "")}"]`);
    if (!(field instanceof HTMLSelectElement && other instanceof HTMLSelectElement)) continue;
    if (known instanceof HTMLInputElement && chosen instanceof HTMLInputElement) known.value = chosen.value;
    if (document.activeElement !== field) field.value = other.value;
  }
}

/** @param {HTMLInputElement} field Units of a line: what it has more, the first package has less. */
function share(field) {
  const all = [...(field.form?.querySelectorAll(`[data-line="${CSS.escape(field.dataset.line ?? "")}"]`) ?? [])];
  const [first, ...others] = /** @type {HTMLInputElement[]} */ (all);
  const rest = Number(field.dataset.left) - others.reduce((sum, each) => sum + (Number(each.value) || 0), 0);
  if (field !== first && Number(first.value) > rest) first.value = String(Math.max(rest, 0));
}

/** @param {Event} event */
function changed(event) {
  const field = event.target;
  const form = field instanceof Element ? field.closest("form") : null;
  if (!form?.matches("[data-ship]")) return;
  if (field instanceof HTMLInputElement && field.dataset.line) share(field);
  // A carrier that was chosen by hand follows no number.
  const followed = field instanceof HTMLSelectElement && form.elements.namedItem(field.dataset.follows ?? "");
  if (followed instanceof HTMLInputElement) followed.value = "";
  clearTimeout(waits);
  waits = setTimeout(() => check(form), 250);
}

document.addEventListener("input", changed);
document.addEventListener("change", changed);
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || !(field instanceof HTMLInputElement) || !field.form?.matches("[data-ship]")) return;
  // A scanner ends a number by Enter: on to the next field that is empty; only the button sends.
  event.preventDefault();
  const next = [...field.form.querySelectorAll("[data-scan]")].find((each) => each instanceof HTMLInputElement && !each.value);
  if (next instanceof HTMLElement) next.focus();
  changed(event);
});
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button, [data-close]") : null;
  const form = button?.closest("form");
  if (!button || !form?.matches("[data-ship]")) return;
  const by = button.getAttribute("data-by");
  const use = button.getAttribute("data-use");
  const bad = button.matches("[data-act]") ? form.querySelector("[aria-invalid=true]") : null;
  const drawer = button.matches("[data-close]") ? button.closest("dialog") : null;
  if (by || use || bad || drawer) event.preventDefault();
  if (bad instanceof HTMLElement) bad.focus();
  drawer?.close();
  const field = by ? button.parentElement?.querySelector("input") : byId(form, button.getAttribute("data-for") ?? "");
  if (by && field instanceof HTMLInputElement) {
    const most = Number(field.dataset.left);
    field.value = String(Math.min(Math.max((Number(field.value) || 0) + Number(by), 0), most));
  } else if (use && field instanceof HTMLSelectElement) field.value = use;
  else return;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

function ready() {
  for (const button of document.querySelectorAll("[data-step] button")) button.removeAttribute("hidden");
}
document.addEventListener("waybill:shown", ready);
ready();
