// The keyboard: moving, selecting, acting. Never inside a field, and only while it is switched on.
import { showHelp } from "./help.js";

const FIELDS = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]";
const PAGES = { o: "/orders", a: "/attention", h: "/health", r: "/returns" };
let going = false;

export const isOn = () => localStorage.getItem("waybill-keys") !== "off";

const rows = () => [...document.querySelectorAll("body > main :is([data-row], tbody tr[id])")];
const present = () => document.activeElement?.closest("[data-row], tbody tr[id]") ?? null;

/** @param {number} step */
function move(step) {
  const all = rows();
  const now = present();
  const next = now ? all[all.indexOf(now) + step] : all[step > 0 ? 0 : all.length - 1];
  const link = next?.querySelector("a");
  link?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** @param {string} key Press what carries the key: in the present row first, then on the page. */
function press(key) {
  const place = document.querySelector("dialog[open]") ?? document;
  const wanted = `[data-key="${CSS.escape(key)}"]:not([aria-disabled=true])`;
  const found = present()?.querySelector(wanted) ?? place.querySelector(wanted);
  if (!(found instanceof HTMLElement)) return false;
  if (found.matches("input")) found.focus();
  else found.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  const target = event.target instanceof Element ? event.target : document.body;
  if (!isOn() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target.closest(FIELDS)) return;
  const { key } = event;
  const page = going ? PAGES[/** @type {keyof PAGES} */ (key)] : undefined;
  going = key === "g" && !going;
  if (going) return;
  if (page) {
    const link = document.querySelector(`.tabs a[href^="${page}"]`);
    if (link instanceof HTMLElement) link.click();
  } else if (key === "?") showHelp();
  else if (document.querySelector("dialog[open]") && !"scr".includes(key)) return;
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "x") {
    const box = present()?.querySelector("input[type=checkbox]");
    if (box instanceof HTMLElement) box.click();
  } else if (!"/scr[]".includes(key) || !press(key)) return;
  event.preventDefault();
});
