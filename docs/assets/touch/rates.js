/* Optimizers at every learning rate: the loss on the way, or the test accuracy at the end. */

(() => {
  "use strict";

  const { decode, define, list, median, Panel, say } = globalThis.Touch;

  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
  const ranked = (rows, sign) => [...rows].sort((a, b) => sign * ((b.value || 0) - (a.value || 0)));

  const plane = (width, height, right) => ({
    left: 40,
    top: 28,
    width: width - 40 - right,
    height: height - 28 - 44,
  });

  /* The loss of a run that is over: median over the seeds, and how many runs have learned nothing. */
  const ends = (figure, data, rate) =>
    figure.shownSeries.map(({ series, at }) => {
      const last = data.losses[at][rate].map((run) => run.at(-1));
      const failed = last.filter((loss) => !(loss < data.guessing)).length;
      return { series, failed, value: last.every(Number.isFinite) ? median(last) : NaN };
    });

  const during = (figure, data, root, width, height, rate) => {
    const steps = data.edges.at(-1);
    const xs = data.edges.slice(1).map((edge, i) => (data.edges[i] + 1 + edge) / 2);
    const ticks = [1, 10, 100, 1000].filter((tick) => tick < steps / 2).concat(steps);
    const panel = new Panel(
      root,
      plane(width, height, 96),
      { min: 1, max: steps, log: true, ticks, label: "updates" },
      { min: 0, max: 4, label: "mini-batch loss (nats)" },
    );
    const lines = figure.get("seeds") === "lines";
    const names = figure.shownSeries.map(({ series, at }) => {
      const middle = panel.runs(xs, data.losses[at][rate], series, lines);
      return { series, value: middle.at(-1), text: series.label };
    });
    panel.labels(names.map((name) => (name.value <= 4 ? name : { ...name, value: NaN, text: `${name.text} ↑` })));
    const rows = ends(figure, data, rate);
    const said = ranked(
      rows.filter(({ failed }) => failed < data.seeds),
      -1,
    ).map(
      ({ series, value }) => `${series.label} ${Number.isFinite(value) ? value.toFixed(2) : "with runs that diverged"}`,
    );
    const failed = rows.filter((row) => row.failed).map((row) => `${row.series.label} ${row.failed}`);
    return (
      `Learning rate ${say(data.rates[rate])}: mean loss over the last ${steps - data.edges.at(-2)} of ${steps} updates, ` +
      `median of ${data.seeds} seeds: ${list(said) || "none to show"}. ` +
      (failed.length ? `Runs no better than guessing, of ${data.seeds}: ${list(failed)}.` : "No run failed.")
    );
  };

  const atTheEnd = (figure, data, root, width, height, rate) => {
    const { rates } = data;
    const panel = new Panel(
      root,
      plane(width, height, 96),
      {
        min: rates[0] / 1.3,
        max: rates.at(-1) * 1.3,
        log: true,
        label: "learning rate",
        ticks: [0.001, 0.01, 0.1, 1, 10],
      },
      {
        min: 0,
        max: 0.8,
        label: "test accuracy after the last update",
        format: (share) => `${Math.round(100 * share)} %`,
      },
    );
    const here = rates[rate];
    panel.line(
      [
        [here, 0],
        [here, 1],
      ],
      { color: "muted", dash: [2, 2] },
      "mark",
    );
    const lines = figure.get("seeds") === "lines";
    const rows = figure.shownSeries.map(({ series, at }) => {
      const runs = rates.map((_, i) => data.accuracies[at][i].map((share) => share || 0));
      const middle = panel.runs(
        rates,
        runs[0].map((_, seed) => runs.map((column) => column[seed])),
        series,
        lines,
      );
      panel.dot(here, middle[rate], series);
      return { series, value: middle[rate], best: rates[middle.indexOf(Math.max(...middle))], end: middle.at(-1) };
    });
    panel.labels(rows.map(({ series, end }) => ({ series, value: end, text: series.label })));
    const said = ranked(rows, 1).map(({ series, value, best }) => {
      return `${series.label} ${percent(value)} (best at ${say(best)})`;
    });
    return (
      `Learning rate ${say(here)}: test accuracy after the last update, median of ${data.seeds} seeds, where a run that ` +
      `diverged counts as 0: ${list(said) || "none to show"}.`
    );
  };

  define("rates", {
    name: "Choose a learning rate",
    height: (width) => (width < 500 ? 300 : 340),

    setup(element, data) {
      Object.assign(data, { losses: decode(data.loss), accuracies: decode(data.accuracy) });
      element.range("rate", { label: "Learning rate", values: data.rates, value: 0.01 });
      const options = [
        ["loss", "loss on the way"],
        ["accuracy", "accuracy at the end"],
      ];
      element.choice("show", { label: "Show", options, value: "loss" });
      element.seeds();
      const value = ["SGD", "Momentum", "Adam", "Muon"];
      element.checks("on", { label: "Optimizers", series: data.series, value });
    },

    show(element, data, root, width, height) {
      const on = element.get("on");
      element.shownSeries = data.series
        .map((series, at) => ({ series, at }))
        .filter(({ series }) => on.includes(series.name));
      const draw = element.get("show") === "loss" ? during : atTheEnd;
      return draw(element, data, root, width, height, data.rates.indexOf(element.get("rate")));
    },
  });
})();
