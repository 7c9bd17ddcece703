// Stores and keys: the live preview of a tracking address, and a button that copies a key.

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || !field.matches("[data-template]")) return;
  const shown = field.parentElement?.querySelector("output");
  const sample = field.closest("form")?.dataset.sample ?? "";
  const filled = field.value.includes("{tracking_number}") ? field.value.replaceAll("{tracking_number}", sample) : "";
  if (shown) shown.textContent = filled;
  shown?.parentElement?.toggleAttribute("hidden", !filled);
});

for (const button of document.querySelectorAll("[data-copy-from]")) {
  if (!(button instanceof HTMLButtonElement) || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copyFrom ?? "");
    if (!(from instanceof HTMLInputElement)) return;
    from.select();
    await navigator.clipboard.writeText(from.value);
    const words = button.querySelector("span");
    if (words) words.textContent = button.dataset.copied ?? "";
  });
}
