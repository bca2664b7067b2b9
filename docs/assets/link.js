/* A button that copies the address of the page, where the browser lets a page write to the clipboard. */

(() => {
  "use strict";

  const WAIT = 2000;

  const enhance = () => {
    if (!navigator.clipboard) return;
    document.querySelectorAll("p.download:not([data-enhanced])").forEach((ways) => {
      ways.dataset.enhanced = "";
      const button = document.createElement("button");
      const status = document.createElement("span");
      button.type = "button";
      button.textContent = "Copy link";
      status.setAttribute("role", "status");
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(location.href.split("#")[0]);
          status.textContent = " Copied";
        } catch {
          status.textContent = " The browser did not allow it";
        }
        setTimeout(() => (status.textContent = ""), WAIT);
      });
      ways.append(" · ", button, status);
    });
  };

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(enhance);
  else enhance();
})();
