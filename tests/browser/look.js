/* What a loaded page shows, for tests/inspection.py. Everything that folds is unfolded, after the width was measured. */
async () => {
  const settled = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const root = document.documentElement;
  const tooWide = () => root.scrollWidth - root.clientWidth;
  const outline = (element) => element.outerHTML.slice(0, 120);

  await document.fonts.ready;
  while (document.querySelector(".later .passage:not([style*=visible])")) await settled(); /* rest.js */
  for (const part of [0.25, 0.5, 0.75, 1, 0]) {
    window.scrollTo({ top: part * root.scrollHeight, behavior: "instant" });
    await settled();
  }
  const { shifts, violations } = window.seen;
  const shown = { shifts: [...shifts], overflow: tooWide(), dark: document.body.dataset.mdColorScheme === "slate" };

  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  do await settled(); while (document.querySelector("details[data-from]")); /* until what folds was fetched */
  const article = document.querySelector("article");
  const named = (svg) => svg.getAttribute("role") === "img" && svg.querySelector("title, desc")?.textContent.trim();
  const pictures = [...document.querySelectorAll("img")].filter((img) => !img.hasAttribute("alt"));
  pictures.push(...[...article.querySelectorAll("img")].filter((img) => !img.alt.trim()));
  pictures.push(...[...article.querySelectorAll("svg")].filter((svg) => !named(svg) && !svg.closest("[aria-hidden=true], a, button, label")));
  const figures = [...document.querySelectorAll("figure")].filter((figure) => !figure.querySelector("figcaption"));
  return {
    ...shown,
    overflow: Math.max(shown.overflow, tooWide()),
    violations: [...violations],
    headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => [Number(h.tagName[1]), h.textContent.trim()]),
    unnamed: [...pictures, ...figures].map(outline),
    elements: [...new Set([...article.querySelectorAll("*")].map((e) => e.localName).filter((name) => name.includes("-") && customElements.get(name)))],
    leftover: [...document.querySelectorAll('[src^="fig:"]')].map(outline),
    title: article.querySelector("h1")?.innerText ?? "",
    start: article.innerText.trim().slice(0, 200),
  };
}
