"use strict";
// Long tables can be searched and sorted; without a script they are whole. Nothing is loaded.
const LONG = 20;
const plain = (text) => text.toLowerCase().replace(/\s+/g, " ");
const number = (text) => {
  const found = text.replace(/,/g, "").replace(/\u2212/g, "-").match(/^[^0-9-]*(-?[0-9.]+)/);
  return found ? parseFloat(found[1]) : null;
};

function searchable(table, place) {
  const rows = [...table.tBodies[0].rows];
  const data = rows.filter((row) => !row.classList.contains("type"));
  const words = new Map(data.map((row) => [row, plain(row.textContent)]));
  const bar = document.createElement("div");
  bar.className = "search";
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "search";
  label.append("Find in this table ", input);
  const count = document.createElement("output");
  bar.append(label);
  let misfits = null;
  if (data.some((row) => row.dataset.size)) {
    misfits = document.createElement("input");
    misfits.type = "checkbox";
    const only = document.createElement("label");
    only.append(misfits, " only of another size than wanted");
    bar.append(only);
  }
  bar.append(count);
  place.before(bar);
  const show = () => {
    const asked = plain(input.value).trim().split(" ");
    let shown = 0;
    for (const row of data) {
      const fits = asked.every((word) => words.get(row).includes(word));
      row.hidden = !fits || (misfits !== null && misfits.checked && row.dataset.size === "within");
      shown += row.hidden ? 0 : 1;
    }
    let head = null;
    for (const row of rows) {
      if (row.classList.contains("type")) { head = row; head.hidden = true; }
      else if (head && !row.hidden) head.hidden = false;
    }
    count.textContent = shown === data.length ? `${data.length} rows` : `${shown} of ${data.length} rows`;
  };
  input.addEventListener("input", show);
  if (misfits) misfits.addEventListener("change", show);
  show();
}

function sortable(table) {
  const body = table.tBodies[0];
  if (body.querySelector("tr.type")) return;
  [...table.tHead.rows[0].cells].forEach((cell, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const up = cell.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const text = row.cells[at].textContent.trim();
        return cell.classList.contains("n") ? (number(text) ?? -Infinity) : plain(text);
      };
      const order = [...body.rows].map((row) => [key(row), row]);
      order.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
      body.append(...order.map(([, row]) => row));
    });
  });
}

for (const table of document.querySelectorAll("main table")) {
  if (!table.tHead || table.tBodies[0].rows.length <= LONG) continue;
  searchable(table, table.closest(".scroll") ?? table);
  sortable(table);
}
// What scrolls sideways can be reached and scrolled with the keys.
const reachable = () => {
  for (const box of document.querySelectorAll("main .scroll")) {
    if (box.clientWidth === 0 || box.scrollWidth <= box.clientWidth) continue;
    const name = box.querySelector("caption, title")?.textContent ?? "Wider than the page";
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", name);
  }
};
reachable();
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
// A link into a fold opens it; what is folded on the screen is printed all the same, but figures.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
};
addEventListener("hashchange", reveal);
reveal();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details.part:not([open])")];
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
