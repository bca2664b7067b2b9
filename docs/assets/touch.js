/* Fetches what an interactive figure needs when the reader comes near it: the shared parts, its own script, its data.
   An element such as <touch-rates> is drawn by assets/touch/rates.js. */

(() => {
  "use strict";

  const folder = new URL("touch/", document.currentScript.src);
  const asked = new Set();
  const waiting = new Map();

  const load = (name) => {
    if (asked.has(name)) return;
    asked.add(name);
    const script = document.createElement("script");
    script.src = new URL(`${name}.js`, folder);
    script.async = false; // in the order of asking
    document.head.append(script);
  };

  const observer = new IntersectionObserver(
    (entries) => {
      entries
        .filter((entry) => entry.isIntersecting)
        .forEach(({ target }) => {
          observer.unobserve(target);
          waiting.get(target)();
          waiting.delete(target);
        });
    },
    { rootMargin: "300px" },
  );

  const near = (element, then) => {
    waiting.set(element, then);
    observer.observe(element);
  };

  const find = () => {
    document.querySelectorAll(".touch:not(:defined)").forEach((element) => {
      near(element, () => ["parts", element.localName.replace("touch-", "")].forEach(load));
    });
  };

  globalThis.Touch = { near };

  /* A theme that replaces pages without loading them says so through document$. */
  if (window.document$) window.document$.subscribe(find);
  else find();
})();
