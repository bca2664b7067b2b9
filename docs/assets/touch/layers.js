/* The signal and the gradient of each layer before training, by activation, depth and initialization. */

(() => {
  "use strict";

  const { decode, define, list, median, Panel, say, svg } = globalThis.Touch;

  const SIDES = [
    ["signal", "signal: mean square of the outputs", "hidden layer"],
    ["gradient", "gradient: norm for each matrix", "weight matrix, the last is the output"],
  ];

  /* Powers of ten that hold all lines of an activation at a depth, on or off, so that the axis stays. */
  const limits = (all) => {
    const powers = all.flat(2).filter(Number.isFinite);
    const [low, high] = [Math.floor(Math.min(...powers)), Math.ceil(Math.max(...powers))];
    return { min: 10 ** low, max: 10 ** (high > low ? high : low + 1) };
  };

  /* The value of most networks at a place: zero where it is lost for half of them. */
  const typical = (runs, at) => {
    const powers = runs.map((run) => run.at(at));
    return 10 ** median(powers.map((power) => (Number.isNaN(power) ? -Infinity : power)));
  };

  /* How much of the last gradient is left in the first matrix. */
  const kept = (runs) => typical(runs, 0) / typical(runs, -1);

  define("layers", {
    name: "Choose an activation, a depth and initializations",
    height: (width) => (width < 500 ? 540 : 320),

    setup(element, data) {
      SIDES.forEach(([side]) => (data[side] = data[side].map(decode)));
      const options = data.activations.map((name) => [
        name,
        name.replace(/^(Sigmoid|Tanh)$/, (word) => word.toLowerCase()),
      ]);
      element.choice("activation", { label: "Activation", options, value: "ReLU" });
      element.range("depth", { label: "Hidden layers", values: data.depths, value: data.depths.at(-1) });
      element.seeds();
      const value = data.series.map((one) => one.name);
      element.checks("on", { label: "Initializations", series: data.series, value });
    },

    show(element, data, root, width, height) {
      const [depth, activation] = [element.get("depth"), element.get("activation")];
      const [row, column] = [data.depths.indexOf(depth), data.activations.indexOf(activation)];
      const on = data.series
        .map((series, at) => ({ series, at }))
        .filter(({ series }) => element.get("on").includes(series.name));
      const narrow = width < 500;
      const [left, right, half] = [44, 80, width / 2];
      SIDES.forEach(([side, label, layers], place) => {
        const all = data[side][row][column];
        const box = narrow
          ? { left, top: 28 + (place * height) / 2, width: width - left - right, height: height / 2 - 28 - 46 }
          : { left: left + place * half, top: 28, width: half - left - right, height: height - 28 - 46 };
        const last = depth + place;
        const ticks = [1, ...[0.25, 0.5, 0.75].map((share) => Math.round(share * depth)), last].filter(
          (tick, i, kept) => kept.indexOf(tick) === i && (depth > 9 || i % 2 === 0),
        );
        const offset = narrow ? 0 : place * half;
        const group = svg("g");
        root.append(group);
        const panel = new Panel(
          group,
          box,
          { min: 1, max: last, ticks, label: layers },
          { ...limits(all), log: true, label, room: 5 },
        );
        group.querySelector(".name").setAttribute("x", offset);
        const names = on.map(({ series, at }) => {
          const runs = all[at].map((run) => run.map((power) => 10 ** power));
          const middle = panel.runs(
            runs[0].map((_, i) => i + 1),
            runs,
            series,
            element.get("seeds") === "lines",
          );
          const end = middle.findLast(Number.isFinite) ?? NaN;
          return { series, value: end, text: series.label };
        });
        panel.labels(names, 14);
      });
      const each = (say) => list(on.map(({ series, at }) => `${series.label} ${say(at)}`)) || "none to show";
      const runs = (side, at) => data[side][row][column][at];
      const word = element.querySelector(`input[value="${activation}"]`).parentElement.textContent;
      return (
        `${word}, ${depth} hidden layers of ${data.width} units, medians of ${data.seeds} networks. ` +
        `Mean square in the last hidden layer: ${each((at) => say(typical(runs("signal", at), -1), 2))}. ` +
        `Gradient of the first matrix over that of the last: ${each((at) => say(kept(runs("gradient", at)), 2))}.`
      );
    },
  });
})();
