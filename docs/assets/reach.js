/* What is too wide scrolls in a box of its own; the keyboard must get there too. A box is looked at whenever it gets
   another size, so first when it is laid out or unfolded: to ask earlier would have the page laid out for the answer. */

(() => {
  "use strict";

  const sizes = new ResizeObserver((entries) => {
    entries.forEach(({ target }) => {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    });
  });

  const find = () => document.querySelectorAll(".wide, pre > code").forEach((box) => sizes.observe(box));

  document.addEventListener("unfolded", find);

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(find);
  else find();
})();
