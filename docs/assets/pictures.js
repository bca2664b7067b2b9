/* Fetches the figures of a page that wait for a reader to come near, once everything else is there: who jumps, prints or
   saves the page has them all. The small ones of the gallery keep waiting. */

(() => {
  "use strict";

  const fetchAll = () => {
    document.querySelectorAll(":is(figure.live, .output) img[loading=lazy]").forEach((picture) => {
      picture.loading = "eager";
    });
  };

  if (document.readyState === "complete") fetchAll();
  else window.addEventListener("load", fetchAll);
})();
