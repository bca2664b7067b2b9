/* Once a page is there, gets the rest of it, passage after passage, so that the page answers in between. First each is
   laid out alone, and its box keeps the height that it found; then all are shown for good, and nothing moves. Then come
   the figures that wait for a reader to come near. So who scrolls, prints or saves the page has all of it. The small
   figures of the gallery keep waiting. */

(() => {
  "use strict";

  const root = document.documentElement;
  const idle = globalThis.requestIdleCallback ?? setTimeout;
  const pause = () => new Promise((done) => { requestAnimationFrame(() => idle(done, { timeout: 100 })); });
  const whole = () => root.classList.remove("later");

  const each = async (after) => {
    for (const passage of document.querySelectorAll(".later .passage")) {
      passage.style.contentVisibility = "visible";
      await pause();
      passage.style.contentVisibility = after;
    }
  };

  const rest = async () => {
    await each("");
    await each("visible");
    whole();
    document.querySelectorAll(":is(figure.live, .output) img[loading=lazy]").forEach((picture) => {
      picture.loading = "eager";
    });
  };

  /* A jump leads to the right place only where everything before it has its height. */
  document.addEventListener("click", ({ target }) => { if (target.closest("a[href*='#']")) whole(); }, true);

  if (document.readyState === "complete") rest();
  else addEventListener("load", rest);
})();
