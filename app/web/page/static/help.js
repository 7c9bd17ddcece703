// The help dialog of the keyboard with its switch, and the end of a sign-in that comes near.

const { body } = document;
const help = document.querySelector("dialog[data-help-dialog]");
const toggle = document.querySelector("[data-keys]");

export function showHelp() {
  if (help instanceof HTMLDialogElement) help.showModal();
}

const opener = document.querySelector("[data-help]");
if (opener instanceof HTMLElement) {
  opener.hidden = false;
  opener.addEventListener("click", showHelp);
}
if (toggle instanceof HTMLInputElement) {
  toggle.checked = localStorage.getItem("waybill-keys") !== "off";
  toggle.addEventListener("change", () => {
    localStorage.setItem("waybill-keys", toggle.checked ? "on" : "off");
  });
}

/** Say two minutes before a sign-in ends that it does, and let the person stay. */
export function warn() {
  const left = Date.parse(body.dataset.ends ?? "") - Date.now();
  const shown = document.querySelector("[data-ending-toast]");
  if (!(left < 120_000) || left < 0) return shown?.remove();
  if (shown) return;
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.endingToast = "";
  toast.setAttribute("role", "alert");
  const stay = document.createElement("button");
  stay.className = "btn small main";
  stay.textContent = body.dataset.stay ?? "";
  stay.addEventListener("click", async () => {
    const answer = await fetch("/stay", { method: "POST" });
    if (answer.ok) body.dataset.ends = await answer.text();
    warn();
  });
  toast.append(body.dataset.ending ?? "", stay);
  (document.querySelector("dialog[open]") ?? body).append(toast);
}
