// The drawer: a link with `data-drawer` opens its page beside the present one, its forms post there.
import { free } from "./once.js";

/** @type {HTMLDialogElement | undefined} */
let drawer;
/** @type {Element | undefined} The form that waits while its person signs in again. */
let waiting;

/** @param {string} address @param {RequestInit} [how] */
async function ask(address, how) {
  const line = document.createElement("div");
  line.className = "loading";
  const slow = setTimeout(() => document.body.append(line), 300);
  try {
    return await fetch(address, { ...how, credentials: "same-origin" });
  } finally {
    clearTimeout(slow);
    line.remove();
  }
}

/** @param {Response} answer The page in it, parsed; scripts do not run. */
async function parsed(answer) {
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function opened() {
  if (drawer) return drawer;
  drawer = document.createElement("dialog");
  drawer.className = "drawer";
  drawer.addEventListener("close", () => {
    drawer?.remove();
    drawer = waiting = undefined;
  });
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer) drawer?.close();
  });
  document.body.append(drawer);
  drawer.showModal();
  return drawer;
}

/** @param {Element} main */
function show(main) {
  const within = opened();
  const close = document.createElement("button");
  close.className = "btn line small close";
  close.textContent = "×";
  close.ariaLabel = document.body.dataset.close ?? "Close";
  close.addEventListener("click", () => within.close());
  main.removeAttribute("id");
  within.replaceChildren(close, main);
  const title = main.querySelector("h1");
  if (title) within.ariaLabel = title.textContent;
  const first = main.querySelector("[aria-invalid=true], [autofocus]") ?? title;
  if (first instanceof HTMLElement) {
    if (first === title) first.tabIndex = -1;
    first.focus();
  }
  within.dispatchEvent(new CustomEvent("waybill:shown", { bubbles: true }));
}

/**
 * Put the present page in place anew; what is open or typed in the drawer stays.
 * @param {Element | null} [notice] What a form left for the page; it is shown once.
 */
export async function refresh(notice) {
  const answer = await ask(location.href);
  const page = await parsed(answer);
  const main = page.querySelector("body > main");
  if (!answer.ok || !main) return location.reload();
  if (notice) main.prepend(notice);
  for (const part of [".tabs", "body > main"]) document.querySelector(part)?.replaceWith(page.querySelector(part) ?? "");
  document.title = page.title;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} by The button that was pressed. */
async function send(form, by) {
  const data = new FormData(form, by);
  const signsIn = form.closest("[data-sign-in]") !== null;
  // @ts-ignore: a form's fields are what a query is made of.
  const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  const address = by?.getAttribute("formaction") ?? form.getAttribute("action") ?? form.dataset.from;
  const answer = await ask(address || location.href, { method: "POST", body });
  if (answer.redirected) {
    if (signsIn && waiting) return show(waiting);
    const seen = new URL(answer.url);
    if (seen.pathname !== location.pathname) return location.assign(answer.url);
    if (seen.searchParams.has("sent")) history.replaceState(history.state, "", seen);
    const next = (await parsed(answer)).querySelector("main");
    if (signsIn && next) return showFrom(next, answer.url);
    drawer?.close();
    return refresh(next?.querySelector(":scope > .notice"));
  }
  const main = (await parsed(answer)).querySelector("main");
  if (!main) return location.reload();
  if (main.querySelector("[data-sign-in]") && !signsIn) waiting = drawer?.querySelector("main") ?? undefined;
  return showFrom(main, address);
}

/** @param {Element} main @param {string | undefined} address Where its forms without one post to. */
function showFrom(main, address) {
  for (const form of main.querySelectorAll("form:not([action])")) {
    if (form instanceof HTMLElement) form.dataset.from = address;
  }
  show(main);
}

function failed() {
  drawer?.querySelector("[data-unanswered]")?.remove();
  const text = document.createElement("p");
  text.className = "problem";
  text.dataset.unanswered = "";
  text.setAttribute("role", "alert");
  text.textContent = document.body.dataset.failed ?? "";
  drawer?.querySelector(".actions, form")?.before(text);
}

document.addEventListener("click", async (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const leaves = drawer?.contains(link) && link.matches("[data-close]");
  if (!leaves && !link.matches("[data-drawer]")) return;
  event.preventDefault();
  if (leaves) return drawer?.close();
  try {
    const main = (await parsed(await ask(link.href))).querySelector("main");
    if (main) showFrom(main, link.href);
  } catch {
    location.assign(link.href);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !drawer?.contains(form) || form.method !== "post") return;
  event.preventDefault();
  send(form, event.submitter).catch(failed).finally(() => free(form));
});
