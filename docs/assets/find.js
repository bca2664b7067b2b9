/* A field that finds entries of the list after it by their words; its entries are the li that no other li of it holds.
   A section without an entry to show is hidden with them. */

(() => {
  "use strict";

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const words = (entry) =>
    plain([entry.textContent, ...[...entry.querySelectorAll("img")].map((image) => image.alt)].join(" "));

  const findable = (bar) => {
    const list = bar.nextElementSibling;
    const field = bar.querySelector("input");
    const status = bar.querySelector("[role=status]");
    const entries = [...list.querySelectorAll("li")].filter((entry) => {
      const outer = entry.parentElement.closest("li");
      return !outer || !list.contains(outer);
    });
    const texts = entries.map(words);
    const show = () => {
      const wanted = plain(field.value).split(/\s+/);
      entries.forEach((entry, i) => {
        entry.hidden = !wanted.every((word) => texts[i].includes(word));
      });
      list.querySelectorAll("section").forEach((section) => {
        section.hidden = !section.querySelector("li:not([hidden])");
      });
      status.textContent = `${entries.filter((entry) => !entry.hidden).length} of ${entries.length} shown`;
    };
    field.addEventListener("input", show);
    show(); /* a browser that goes back to a page keeps what was typed */
  };

  const enhance = () => {
    document.querySelectorAll(".filters:has(input):not([data-enhanced])").forEach((bar) => {
      bar.dataset.enhanced = "";
      findable(bar);
    });
  };

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(enhance);
  else enhance();
})();
