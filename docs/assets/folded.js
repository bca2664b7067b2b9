/* Fetches a part that folded.py took out of the page, when a reader unfolds it. */

(() => {
  "use strict";

  const fill = async (details) => {
    const address = details.dataset.from;
    delete details.dataset.from; /* once */
    const wait = details.querySelector(":scope > p");
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(response.statusText);
      const { html } = await response.json();
      wait.remove();
      details.insertAdjacentHTML("beforeend", html);
      document.dispatchEvent(new Event("unfolded"));
    } catch (error) {
      details.dataset.from = address;
      wait.textContent = `It could not be fetched (${error.message}); fold and unfold this to try again.`;
    }
  };

  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (target.open && target.matches("details[data-from]")) fill(target);
    },
    true,
  );
})();
