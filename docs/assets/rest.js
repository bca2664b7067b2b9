/* Once a page is there, gets the rest of it, so that who scrolls, prints or saves the page has all of it. First the figures
   that wait for a reader to come near, but not the small ones of the gallery. Then what is out of sight, passage after
   passage, so that the page answers in between: each is laid out alone, and its box keeps the height that it found; at
   last all are shown for good, and nothing moves. */

(() => {
  "use strict";

  const frame = () => new Promise(requestAnimationFrame);

  const each = async (after, atOnce) => {
    const passages = [...document.querySelectorAll(".later .passage")];
    while (passages.length) {
      const some = passages.splice(0, atOnce);
      some.forEach((passage) => { passage.style.contentVisibility = "visible"; });
      await frame();
      some.forEach((passage) => { passage.style.contentVisibility = after; });
    }
  };

  const rest = async () => {
    document.querySelectorAll(":is(figure.live, .output) img[loading=lazy]").forEach((picture) => {
      picture.loading = "eager";
    });
    await frame();
    await each("", 1);
    await each("visible", 4);
  };

  /* A jump leads to the right place only where everything before it has its height. Otherwise the class stays: without
     it a browser styles the whole page once more. */
  const jump = ({ target }) => {
    if (target.closest("a[href*='#']")) document.documentElement.classList.remove("later");
  };

  document.addEventListener("click", jump, true);

  if (document.readyState === "complete") rest();
  else addEventListener("load", rest);
})();
