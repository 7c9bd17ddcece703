// The selection bar says how many rows are checked; the box in the table's head checks all of a page.
const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("#selection tbody [type=checkbox]")]);

function count() {
  const number = boxes().filter((box) => box.checked).length;
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("[data-selected]"));
  if (!bar) return;
  const [one, many] = JSON.parse(bar.dataset.selected ?? "[]");
  bar.textContent = (number === 1 ? one : many).replace("#", String(number));
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  if (box.matches("[data-check-all]")) for (const each of boxes()) each.checked = box.checked;
  if (box.closest("#selection, .selection")) count();
});
count();
