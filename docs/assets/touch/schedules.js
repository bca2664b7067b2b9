/* A schedule with constants of the reader's choice, and the stored run whose rate is nearest to it. */

(() => {
  "use strict";

  const Touch = globalThis.Touch;

  const halfCosine = (start, end, share) => end + ((start - end) * (1 + Math.cos(Math.PI * share))) / 2;

  /* The multiplier of the peak at a step, as trainlab.schedules has it; a test compares them. */
  const rules = {
    constant: () => 1,
    step: (step, steps, drops, factor) => factor ** Math.floor(step / Math.floor(steps / drops)),
    exponential: (step, steps, last) => last ** (step / steps),
    "inverse root": (step, steps, share) => {
      const timescale = Math.max(1, Math.round(share * steps));
      return Math.sqrt(timescale / (timescale + step));
    },
    polynomial: (step, steps, power) => (1 - step / steps) ** power,
    cosine: (step, steps, final) => halfCosine(1, final, step / steps),
    "warm restarts": (step, steps, share, factor) => {
      let period = Math.max(1, Math.round(share * steps));
      while (step >= period) {
        step -= period;
        period *= factor;
      }
      return halfCosine(1, 0, step / period);
    },
    "1cycle": (step, steps, rise) => {
      const [start, peak] = [1 / 25, rise * steps - 1];
      if (step < peak) return halfCosine(start, 1, step / peak);
      return halfCosine(1, start / 1e4, (step - peak) / (steps - 1 - peak));
    },
    "warm-up, linear": (step, steps, share) => {
      const updates = Math.max(1, Math.round(share * steps));
      return step < updates ? step / updates : 1 - (step - updates) / Math.max(steps - updates, 1);
    },
    WSD: (step, steps, decay) => {
      const warmup = Math.floor(steps / 20);
      const left = Math.min(1, (steps - step) / (decay * steps));
      return Math.min(step < warmup ? step / warmup : 1, 1 - Math.sqrt(1 - left));
    },
  };

  const shape = (family, constants, steps) =>
    Array.from({ length: steps }, (_, step) => rules[family](step, steps, ...constants));

  Touch.schedules = { shape };
  if (!Touch.Panel) return; // the tests of the rules have no page

  const { decode, define, mean, median, Panel, say } = Touch;

  const share = (value) => `${say(100 * value, 2)}\u00a0%`; // of the peak, or of the run
  const constants = {
    constant: [],
    step: [
      { label: "Pieces", min: 2, max: 8, step: 1, value: 4 },
      { label: "Factor", min: 0.05, max: 0.95, step: 0.05, value: 0.3 },
    ],
    exponential: [
      { label: "Ends at", min: -3, max: -0.1, step: 0.1, value: -2, power: true, format: (p) => share(10 ** p) },
    ],
    "inverse root": [{ label: "Timescale", min: 0.01, max: 0.5, step: 0.005, value: 0.05, format: share }],
    polynomial: [{ label: "Power", min: 0.25, max: 6, step: 0.25, value: 2 }],
    cosine: [{ label: "Ends at", min: 0, max: 0.9, step: 0.05, value: 0, format: share }],
    "warm restarts": [
      { label: "First period", min: 0.05, max: 1, step: 0.01, value: 0.14, format: share },
      { label: "Then longer by", min: 1, max: 3, step: 1, value: 2, format: (factor) => `${factor} times` },
    ],
    "1cycle": [{ label: "Rise", min: 0.05, max: 0.95, step: 0.05, value: 0.3, format: share }],
    "warm-up, linear": [{ label: "Rise", min: 0.01, max: 0.9, step: 0.01, value: 0.1, format: share }],
    WSD: [{ label: "Fall", min: 0.05, max: 1, step: 0.05, value: 0.2, format: share }],
  };
  const slot = (family, place) => `${family.replace(/[^a-zA-Z0-9]+/g, "-")}-${place + 1}`;

  /* What a stored run is called. */
  const called = ({ family, constants: values }) => {
    const words = constants[family].map(({ label, power, format = say }, place) => {
      return `${label.toLowerCase()} ${format(power ? Math.log10(values[place]) : values[place])}`;
    });
    return words.length ? `${family} (${words.join("; ")})` : family;
  };

  const distance = (one, other) => mean(one.map((value, at) => Math.abs(value - other[at])));

  const chosen = (element) => {
    const family = element.get("schedule");
    return {
      family,
      constants: constants[family].map(({ power }, place) => {
        const value = element.get(slot(family, place));
        return power ? 10 ** value : value;
      }),
    };
  };

  const drawShapes = (panel, data, mine, nearest) => {
    const points = (values) => values.map((value, step) => [step, value]);
    panel.line(points(data.shapes[nearest.at]), { color: "muted", dash: [2.2, 1.6] }, "mark");
    panel.line(points(mine.shape), mine.series);
  };

  const drawLosses = (panel, data, element, nearest) => {
    const middle = data.losses[0][0].map((_, at) => median(data.losses[0].map((run) => run[at])));
    const constant = { color: "muted" };
    panel.line(
      data.marks.map((mark, at) => [mark, middle[at]]),
      constant,
      "mark",
    );
    const found = panel.runs(data.marks, data.losses[nearest.at], nearest.series, element.get("seeds") === "lines");
    const names = [{ series: nearest.series, value: found.at(-1), text: nearest.series.label }];
    if (nearest.at) names.push({ series: constant, value: middle.at(-1), text: "constant" });
    panel.labels(names);
  };

  define("schedules", {
    name: "Choose a schedule and move its constants",
    height: (width) => (width < 500 ? 520 : 300),

    setup(element, data) {
      Object.assign(data, { losses: decode(data.loss), accuracies: decode(data.accuracy) });
      data.shapes = data.runs.map((run) => shape(run.family, run.constants, data.steps));
      const options = data.series.map((one) => one.name);
      element.select("schedule", { label: "Schedule", options, value: "cosine" });
      element.sliders = options.flatMap((family) =>
        constants[family].map((one, place) => ({ family, element: element.range(slot(family, place), one) })),
      );
      element.seeds();
    },

    show(element, data, root, width, height) {
      const mine = chosen(element);
      element.sliders.forEach((slider) => (slider.element.hidden = slider.family !== mine.family));
      mine.shape = shape(mine.family, mine.constants, data.steps);
      mine.series = data.series.find((one) => one.name === mine.family);
      const far = data.shapes.map((other) => distance(mine.shape, other));
      const at = far.indexOf(Math.min(...far));
      const run = data.runs[at];
      const nearest = { at, run, series: data.series.find((one) => one.name === run.family) };

      const narrow = width < 500;
      const [left, right] = [40, 78];
      const [half, rows] = narrow ? [width, 2] : [width / 2, 1];
      const boxes = [0, 1].map((place) => ({
        left: left + (narrow ? 0 : place * half),
        top: 28 + (narrow ? (place * height) / 2 : 0),
        width: half - left - (place || narrow ? right : 24),
        height: height / rows - 28 - 44,
      }));
      const groups = boxes.map((box) => {
        const group = Touch.svg("g");
        root.append(group);
        return group;
      });
      const updates = {
        min: 0,
        max: data.steps,
        ticks: [0, data.steps / 4, data.steps / 2, (3 * data.steps) / 4, data.steps],
        label: "updates",
      };
      const rate = { min: 0, max: 1.05, ticks: [0, 0.25, 0.5, 0.75, 1], label: `rate, share of the peak ${data.peak}` };
      const shapes = new Panel(groups[0], boxes[0], updates, rate);
      drawShapes(shapes, data, mine, nearest);
      const trained = {
        ...updates,
        max: data.updates,
        ticks: updates.ticks.map((tick) => (tick * data.updates) / data.steps),
      };
      const losses = new Panel(groups[1], boxes[1], trained, {
        min: 0.9,
        max: 1.9,
        label: "validation loss of the nearest run",
      });
      drawLosses(losses, data, element, nearest);
      groups[1].querySelector(".name").setAttribute("x", narrow ? 0 : half);

      const accuracy = (which) => `${(100 * mean(data.accuracies[which])).toFixed(1)}\u00a0%`;
      const off =
        far[at] < 0.0005 ? "It has this very rate" : `The two rates are ${share(far[at])} of the peak apart on average`;
      return (
        `Chosen: ${called(mine)}, on average ${share(mean(mine.shape))} of the peak. Nearest run, dashed: ${called(run)}. ${off}. ` +
        `It ends with a test accuracy of ${accuracy(at)}, the constant rate with ${accuracy(0)} (means of ${data.seeds} seeds).`
      );
    },
  });
})();
