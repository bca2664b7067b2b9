/* Runs before a page's own scripts: keeps what the page does while it loads. */
window.seen = { shifts: [], violations: [] };

document.addEventListener("securitypolicyviolation", (event) => {
  window.seen.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const nodes = entry.sources.map(({ node }) => node?.id || node?.className?.toString() || node?.nodeName || "gone");
    window.seen.shifts.push([entry.value, nodes.join(", ")]);
  }
}).observe({ type: "layout-shift", buffered: true });
