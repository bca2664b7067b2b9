/* Fetches a part that folded.py took out of the page, when a reader unfolds it. */

(() => {
  "use strict";

  const fill = async (details) => {
    const wait = details.querySelector(":scope > p");
    details.ariaBusy = "true";
    try {
      const response = await fetch(details.dataset.from);
      if (!response.ok) throw new Error(response.statusText);
      const { html } = await response.json();
      wait.remove();
      details.insertAdjacentHTML("beforeend", html);
      delete details.dataset.from;
      document.dispatchEvent(new Event("unfolded"));
    } catch (error) {
      wait.textContent = `It could not be fetched (${error.message}). Fold it and unfold it to try again.`;
    }
    details.ariaBusy = null;
  };

  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (target.open && target.matches("details[data-from]:not([aria-busy])")) fill(target);
    },
    true,
  );
})();
