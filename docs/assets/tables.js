/* Sorting and filtering for tables that are whole without it.
   table.sortable: each column heading becomes a button. th[data-filter]: a select above the table that keeps the rows
   whose cell in that column has the chosen data-key. A cell sorts by its data-sort, or else by its text: as a number
   where that is one, such as "1,000" or "64.1 %". "–" is no value. */

(() => {
  "use strict";

  const words = new Intl.Collator("en", { numeric: true });

  const value = (row, column) => {
    const cell = row.cells[column];
    const said = cell.dataset.sort ?? cell.textContent.trim();
    return said === "–" ? "" : said;
  };

  const number = (said) => Number(said.replace(/[,\s%]/g, ""));

  /* What has no value comes last, whichever way the column is sorted. */
  const compare = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const difference = number(a) - number(b);
    return sign * (Number.isNaN(difference) ? words.compare(a, b) : difference);
  };

  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows];
        rows.sort((a, b) => compare(value(a, column), value(b, column), down ? -1 : 1));
        body.append(...rows);
      });
    });
  };

  const choice = (name, rows, column, id) => {
    const counts = new Map();
    rows.forEach((row) => {
      const key = row.cells[column].dataset.key;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    });
    const label = document.createElement("label");
    label.htmlFor = id;
    label.textContent = name;
    const select = document.createElement("select");
    select.id = id;
    select.add(new Option("All", ""));
    counts.forEach((count, key) => select.add(new Option(`${key} (${count})`, key)));
    return { label, select };
  };

  const filterable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const columns = heads.map((_, column) => column).filter((column) => "filter" in heads[column].dataset);
    if (!columns.length) return;
    const rows = [...table.tBodies[0].rows];
    const bar = document.createElement("div");
    bar.className = "filters";
    const status = document.createElement("p");
    status.setAttribute("aria-live", "polite");
    const selects = columns.map((column) => {
      const name = heads[column].textContent.trim();
      const { label, select } = choice(name, rows, column, `${table.id}-${name.toLowerCase()}`);
      bar.append(label, select);
      return select;
    });
    const show = () => {
      rows.forEach((row) => {
        row.hidden = columns.some((column, i) => selects[i].value && row.cells[column].dataset.key !== selects[i].value);
      });
      status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
    };
    selects.forEach((select) => select.addEventListener("change", show));
    bar.append(status);
    table.before(bar);
    show();
  };

  const enhance = () => {
    document.querySelectorAll("table.sortable:not([data-enhanced])").forEach((table) => {
      table.dataset.enhanced = "";
      filterable(table);
      sortable(table);
    });
  };

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(enhance);
  else enhance();
})();
