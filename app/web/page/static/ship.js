// Forms with a dry run: the answer beside the field while a person types, and barcode scanners.

/** @type {ReturnType<typeof setTimeout> | undefined} */
let waits;
let round = 0;
/** @param {ParentNode} where @param {string} name @param {string | null} value */
const find = (where, name, value) => where.querySelector(`[${name}="${CSS.escape(value ?? "")}"]`);

/** Ask what would happen, and show it; what a person gave stays as it is. @param {HTMLFormElement} form */
async function check(form) {
  const mine = ++round, data = new FormData(form);
  data.set("go", "check");
  // @ts-ignore: a form's fields are what a query is made of.
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) }).catch(() => null);
  const seen = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-ship]");
  if (!seen || mine !== round || !form.isConnected) return;
  for (const part of form.querySelectorAll("[data-part]")) {
    const other = find(seen, "data-part", part.getAttribute("data-part"));
    if (!other || part.isEqualNode(other)) continue;
    const open = part.querySelector("details[open]");
    part.replaceChildren(...other.childNodes);
    if (open) part.querySelector("details")?.setAttribute("open", "");
  }
  for (const field of form.querySelectorAll("[id]:is(input, select, [data-same])")) {
    const other = find(seen, "id", field.id);
    for (const name of other ? ["hidden", "aria-invalid"] : []) field.toggleAttribute(name, false);
    for (const name of ["hidden", "aria-invalid"]) if (other?.hasAttribute(name)) field.setAttribute(name, "true");
    // The carrier follows a number that is recognised.
    if (!(field instanceof HTMLSelectElement && other instanceof HTMLSelectElement && field.dataset.follows)) continue;
    followed(field, find(seen, "name", field.dataset.follows)?.getAttribute("value") ?? "");
    if (document.activeElement !== field) field.value = other.value;
  }
}

/** @param {HTMLSelectElement} field @param {string} code The carrier that the form chose; none is a choice by hand. */
function followed(field, code) {
  const known = field.form?.elements.namedItem(field.dataset.follows ?? "");
  if (known instanceof HTMLInputElement) known.value = code;
}

/** @param {HTMLInputElement} field Units of a line: what it has more, the first package has less. */
function share(field) {
  const all = field.form?.querySelectorAll(`[data-line="${CSS.escape(field.dataset.line ?? "")}"]`) ?? [];
  const [first, ...others] = /** @type {HTMLInputElement[]} */ ([...all]);
  const rest = Number(field.dataset.left) - others.reduce((sum, each) => sum + (Number(each.value) || 0), 0);
  if (field !== first && Number(first.value) > rest) first.value = String(Math.max(rest, 0));
}

/** @param {Event} event */
function changed(event) {
  const field = event.target, form = field instanceof Element ? field.closest("form") : null;
  if (!form?.matches("[data-ship]")) return;
  if (field instanceof HTMLInputElement && field.dataset.line) share(field);
  if (field instanceof HTMLSelectElement && field.dataset.follows) followed(field, "");
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
  const scanned = /** @type {HTMLInputElement[]} */ ([...field.form.querySelectorAll("[data-scan]")]);
  scanned.find((each) => !each.value)?.focus();
  changed(event);
});
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-by], [data-use], [data-act], dialog [data-close]") : null;
  if (!button) return;
  const form = /** @type {HTMLFormElement} */ (button.closest("form")), by = Number(button.getAttribute("data-by"));
  const use = button.getAttribute("data-use");
  const bad = button.matches("[data-act]") && form.querySelector("[aria-invalid]:is(input, select)");
  if (by || use || bad || button.matches("[data-close]")) event.preventDefault();
  if (bad instanceof HTMLElement) bad.focus();
  if (button.matches("[data-close]")) button.closest("dialog")?.close();
  const field = by ? button.parentElement?.querySelector("input") : find(form, "id", button.getAttribute("data-for"));
  if (field instanceof HTMLInputElement) {
    field.value = String(Math.min(Math.max((Number(field.value) || 0) + by, 0), Number(field.dataset.left)));
  } else if (use && field instanceof HTMLSelectElement) field.value = use;
  else return;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

const ready = () => document.querySelectorAll("[data-step] button").forEach((button) => button.removeAttribute("hidden"));
document.addEventListener("waybill:shown", ready);
ready();
