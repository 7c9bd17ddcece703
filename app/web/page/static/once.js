// A form is sent once: its button rests until the answer is there. One that answers with a file may be sent again.

/** @param {HTMLFormElement} form Let it be sent again. */
export const free = (form) => [form, ...form.querySelectorAll("[data-rests]")].forEach((each) => ["data-rests", "aria-disabled"].forEach((name) => each.removeAttribute(name)));

document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (!(form instanceof HTMLFormElement) || form.method !== "post" || button?.matches("[data-file]")) return;
  if ("rests" in form.dataset) return event.preventDefault(), event.stopImmediatePropagation();
  [form, button].forEach((each) => each?.setAttribute("data-rests", ""));
  button?.setAttribute("aria-disabled", "true");
  // Without an answer, also one that the person stopped, it can be sent again; the form's key lets nothing happen twice.
  setTimeout(() => free(form), 10000);
}, true);
addEventListener("pageshow", () => document.querySelectorAll("form").forEach(free));
