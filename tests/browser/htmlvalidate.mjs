/* html-validate for the built site. Each rule that is off or eased says why; all others hold for every page. */
export default {
  root: true,
  extends: ["html-validate:recommended"],
  rules: {
    // Matters of style, in the theme's templates and in what Beautiful Soup and KaTeX write; no browser minds.
    "attribute-empty-style": "off",
    "void-style": "off",
    "doctype-style": "off",
    "no-trailing-whitespace": "off",
    // KaTeX and Matplotlib place each glyph and line by a style attribute.
    "no-inline-style": "off",
    // The ledger is laid out as blocks on a phone, where a browser forgets that it is a table; its roles say so.
    "no-redundant-role": "off",
    // The theme's ids begin with underscores, and a heading's may begin with a digit. HTML allows both.
    "valid-id": ["error", { relaxed: true }],
    // The theme's own: checkboxes that open the menu and the search have autocomplete="off", so that a reload closes them.
    "valid-autocomplete": "off",
    // The theme's own: the form of the search answers to each key, that of the colours to each choice.
    "wcag/h32": "off",
    // The theme's own: a page's table of contents stands in the menu and beside the page, of which one is shown.
    "unique-landmark": "off",
  },
};
