/* Sorting and filtering for tables that are whole without it.
   table.sortable: each column heading becomes a button. A select in the .filters before the table keeps the rows whose
   cell in its data-column has the chosen data-key. A cell sorts by its data-sort, or else by its text: as a number
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

  const filterable = (table) => {
    const bar = table.previousElementSibling;
    if (!bar?.matches(".filters")) return;
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    const choices = [...bar.querySelectorAll("select")].map((select) => ({
      select,
      column: heads.findIndex((head) => head.textContent.trim() === select.dataset.column),
    }));
    const status = bar.querySelector("[role=status]");
    const show = () => {
      rows.forEach((row) => {
        row.hidden = choices.some(({ select, column }) => select.value && row.cells[column].dataset.key !== select.value);
      });
      status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
    };
    bar.addEventListener("change", show);
    show(); /* a browser that goes back to a page keeps what was chosen */
  };

  const enhance = () => {
    document.querySelectorAll("table.sortable:not([data-enhanced])").forEach((table) => {
      table.dataset.enhanced = "";
      filterable(table);
      sortable(table);
    });
  };

  document.addEventListener("unfolded", enhance); /* with a table that came later */

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(enhance);
  else enhance();
})();
