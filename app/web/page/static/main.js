// What every page does in the browser: the time zone, ticking clocks, menus, and the drawer.
import "./once.js";
import "./drawer.js";
import "./keys.js";
import "./live.js";
import "./select.js";
import { warn } from "./help.js";
import "./ship.js";
import "./order.js";

const { body } = document;

/** Let the server write times in the person's own zone from the next page on. */
function keepZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === body.dataset.zone) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `waybill-zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
  // Once: a browser that keeps no cookie must not load the page for ever.
  if (document.cookie.includes(`waybill-zone=${zone}`) && !sessionStorage.getItem("zone")) {
    sessionStorage.setItem("zone", zone);
    if (body.dataset.ends) location.reload();
  }
}

/**
 * The words of an age or of the time that is left; "" where the server's words stay.
 * @param {string} kind @param {number} seconds
 */
function words(kind, seconds) {
  const { secondsAgo, minutesAgo, seconds: one, minutes, hours } = body.dataset;
  const [few, some] = kind === "ago" ? [secondsAgo, minutesAgo] : [one, minutes];
  const whole = Math.floor(seconds / 60);
  if (seconds < 0 || seconds >= (kind === "ago" ? 3600 : 86400)) return "";
  if (seconds < 60) return (kind === "ago" ? few : some)?.replace("#", String(kind === "ago" ? Math.floor(seconds) : 1)) ?? "";
  if (seconds < 3600) return some?.replace("#", String(whole)) ?? "";
  return hours?.replace("##", String(whole % 60)).replace("#", String(Math.floor(whole / 60))) ?? "";
}

/** Keep "8 s ago" and "3 h 12 min" true. */
export function tick() {
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const { clock } = /** @type {HTMLElement} */ (time).dataset;
    const away = (Date.now() - Date.parse(time.getAttribute("datetime") ?? "")) / 1000;
    const text = words(clock ?? "", clock === "ago" ? Math.max(0, away) : -away);
    if (text && time.textContent !== text) time.textContent = text;
  }
}

/** Close menus by a click elsewhere or by Escape. */
function closeMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details[data-menu][open]");
    if (event.key !== "Escape" || !menu) return;
    menu.removeAttribute("open");
    menu.querySelector("summary")?.focus();
  });
}

keepZone();
closeMenus();
setInterval(() => {
  tick();
  warn();
}, 1000);
