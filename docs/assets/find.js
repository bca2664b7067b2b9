/* A field that finds entries of a list by their words. The list is whole without it.
   [data-filter]: the list, with the field's name; its entries are the li that no other li of it holds. A section without
   an entry to show is hidden with them. */

(() => {
  "use strict";

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const words = (entry) =>
    plain([entry.textContent, ...[...entry.querySelectorAll("img")].map((image) => image.alt)].join(" "));

  const findable = (list, number) => {
    const entries = [...list.querySelectorAll("li")].filter((entry) => !entry.parentElement.closest("[data-filter] li"));
    const texts = entries.map(words);
    const bar = document.createElement("div");
    bar.className = "filters";
    const label = document.createElement("label");
    const field = document.createElement("input");
    const status = document.createElement("p");
    field.type = "search";
    field.id = `find-${number}`;
    label.htmlFor = field.id;
    label.textContent = list.dataset.filter;
    status.setAttribute("role", "status");
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
    bar.append(label, field, status);
    list.before(bar);
    show();
  };

  const enhance = () => {
    document.querySelectorAll("[data-filter]:not(th, [data-enhanced])").forEach((list, number) => {
      list.dataset.enhanced = "";
      findable(list, number);
    });
  };

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(enhance);
  else enhance();
})();
