// On a narrow screen a row is a block (site.css), and each cell needs the name of its column.
for (const table of document.querySelectorAll("article table")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, at) => cell.setAttribute("data-name", names[at] ?? ""));
  }
}
