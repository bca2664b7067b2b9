/* The heavy ball on a quadratic: the updates as the book makes them, and the closed form over them. */

(() => {
  "use strict";

  const Touch = globalThis.Touch;

  const curvatures = (condition, directions) =>
    Array.from({ length: directions }, (_, i) => condition ** (i / (directions - 1) - 1));

  /* b = momentum b + gradient, then w = w - rate b: trainlab.optimizers.Momentum.update, from 1 along each direction.
     Returns [t][direction]. */
  const descend = (lambdas, rate, momentum, updates) => {
    let w = lambdas.map(() => 1);
    let b = lambdas.map(() => 0);
    const path = [w];
    for (let t = 0; t < updates; t += 1) {
      b = b.map((speed, i) => momentum * speed + lambdas[i] * w[i]);
      w = w.map((distance, i) => distance - rate * b[i]);
      path.push(w);
    }
    return path;
  };

  /* What is left of a distance after t updates, in closed form: trainlab.theory.heavy_ball. Between two updates a
     negative root turns like a complex one of the same size. */
  const closed = (lambda, rate, momentum) => {
    const [first, middle] = [1 - rate * lambda, (1 + momentum - rate * lambda) / 2];
    const inside = middle ** 2 - momentum;
    const power = (root, t) => Math.abs(root) ** t * (root < 0 ? Math.cos(Math.PI * t) : 1);
    if (Math.abs(inside) < 1e-14) {
      const growth = middle ? first / middle - 1 : 0;
      return (t) => (1 + growth * t) * power(middle, t);
    }
    if (inside > 0) {
      const [one, other] = [middle + Math.sqrt(inside), middle - Math.sqrt(inside)];
      return (t) => ((first - other) * power(one, t) + (one - first) * power(other, t)) / (one - other);
    }
    const [size, angle] = [Math.sqrt(momentum), Math.atan2(Math.sqrt(-inside), middle)];
    const tilt = (first / size - Math.cos(angle)) / Math.sin(angle);
    return (t) => size ** t * (Math.cos(t * angle) + tilt * Math.sin(t * angle));
  };

  /* What an update multiplies the distance by in the long run: the larger root. */
  const factor = (lambda, rate, momentum) => {
    const middle = (1 + momentum - rate * lambda) / 2;
    const inside = middle ** 2 - momentum;
    return inside < 0 ? Math.sqrt(momentum) : Math.abs(middle) + Math.sqrt(inside);
  };

  const loss = (lambdas, w) => lambdas.reduce((sum, lambda, i) => sum + (lambda * w[i] ** 2) / 2, 0);

  /* theory.best_gradient_descent and theory.best_heavy_ball, for curvatures from 1/k to 1. */
  const best = (condition) => {
    const root = Math.sqrt(1 / condition);
    return { SGD: [2 / (1 + 1 / condition), 0], Momentum: [4 / (1 + root) ** 2, ((1 - root) / (1 + root)) ** 2] };
  };

  Touch.quadratic = { best, closed, curvatures, descend, factor, loss };
  if (!Touch.Panel) return; // the tests of the formulas have no page

  const { decode, define, Panel, say } = Touch;

  const CONDITIONS = Array.from({ length: 10 }, (_, i) => 2 ** (i + 1));
  const lengthOf = (condition) => Math.round(Math.min(600, Math.max(40, 2.5 * condition)) / 10) * 10;
  const fixed = (value) => Number(value.toFixed(4)).toString();

  const drawValley = (panel, condition, rate, momentum, path) => {
    for (let level = -1; level < 8; level += 1) {
      const size = (1 + 1 / condition) * 5 ** -level;
      const turn = Array.from({ length: 121 }, (_, i) => (Math.PI * i) / 60);
      const [far, near] = [Math.sqrt(size * condition), Math.sqrt(size)];
      panel.line(
        turn.map((angle) => [far * Math.cos(angle), near * Math.sin(angle)]),
        { color: "grid" },
        "contour",
      );
    }
    const ball = { color: momentum ? 2 : 1 };
    panel.line(
      path.map((w) => [w[0], w.at(-1)]),
      ball,
      "seed",
    );
    path.slice(0, 200).forEach((w) => panel.dot(w[0], w.at(-1), ball, 2.4));
    const [flat, steep] = [closed(1 / condition, rate, momentum), closed(1, rate, momentum)];
    const times = Array.from({ length: Math.min(path.length - 1, 60) * 16 + 1 }, (_, i) => i / 16);
    panel.line(
      times.map((t) => [flat(t), steep(t)]),
      { color: "text", dash: [2.8, 1.6] },
      "theory",
    );
    panel.dot(0, 0, { color: "text" }, 3);
  };

  const drawLosses = (panel, data, lambdas, path, rate, momentum, run) => {
    const ball = { color: momentum ? 2 : 1 };
    if (run) {
      const [low, , high] = decode(run.band);
      panel.band(
        run.t.map((t, i) => [t, 10 ** low[i], 10 ** high[i]]),
        ball,
      );
    }
    const first = loss(lambdas, path[0]);
    panel.line(
      path.map((w, t) => [t, loss(lambdas, w) / first]),
      ball,
      "wide",
    );
    const forms = lambdas.map((lambda) => closed(lambda, rate, momentum));
    const said = path.map((_, t) => [
      t,
      loss(
        lambdas,
        forms.map((form) => form(t)),
      ) / first,
    ]);
    panel.line(said, { color: "text", dash: [2.8, 1.6] }, "theory");
  };

  /* The factor of an update over the second half of what is drawn. */
  const measured = (lambdas, path) => {
    const [half, end] = [(path.length - 1) >> 1, path.length - 1];
    const ratio = loss(lambdas, path[end]) / loss(lambdas, path[half]);
    return ratio ** (0.5 / (end - half));
  };

  const inWords = (rate, momentum, lambdas, path, run, data) => {
    const factors = lambdas.map((lambda) => factor(lambda, rate, momentum));
    const slowest = Math.max(...factors);
    const along =
      factors[0] > factors.at(-1) + 1e-6
        ? "the flattest"
        : factors.at(-1) > factors[0] + 1e-6
          ? "the steepest"
          : "the flattest and the steepest";
    const start =
      slowest >= 1
        ? `It ${slowest > 1 ? "diverges" : "does not converge"}: the rate must be below 2(1 + momentum) = ${fixed(2 * (1 + momentum))}. `
        : `A tenth of the distance is left after about ${Math.ceil(-1 / Math.log10(slowest))} updates. `;
    return (
      `Condition number ${Math.round(1 / lambdas[0])}, rate ${fixed(rate)}, momentum ${fixed(momentum)}. ${start}` +
      `Theory: in the long run an update multiplies the distance by ${slowest.toFixed(4)}, along ${along} direction; ` +
      `over the second half of these ${path.length - 1} updates it was ${measured(lambdas, path).toFixed(4)}.` +
      (run ? ` The band is that of ${data.seeds} trained runs at these constants.` : "")
    );
  };

  define("quadratic", {
    name: "Choose the rate, the momentum and the valley",
    height: (width) => (width < 500 ? 560 : 320),

    setup(element, data) {
      const [rate, momentum] = best(64).Momentum;
      element.range("k", { label: "Condition number k", values: CONDITIONS, value: 64 });
      element.range("rate", { label: "Learning rate", min: 0.01, max: 4, step: 0.01, value: rate, format: fixed });
      element.range("momentum", { label: "Momentum", min: 0, max: 0.99, step: 0.01, value: momentum, format: fixed });
      const choose = (name) => () => {
        const [nextRate, nextMomentum] = best(element.get("k"))[name];
        element.give("rate", nextRate);
        element.give("momentum", nextMomentum);
        element.changed();
      };
      const buttons = [
        ["SGD", "Best without momentum"],
        ["Momentum", "Best with momentum"],
      ];
      element.panel.append(
        Touch.make(
          "p",
          { class: "touch-buttons" },
          ...buttons.map(([name, text]) => element.button(text, choose(name))),
        ),
      );
    },

    show(element, data, root, width, height) {
      const [condition, rate, momentum] = ["k", "rate", "momentum"].map((key) => element.get(key));
      const lambdas = curvatures(condition, data.directions);
      const path = descend(lambdas, rate, momentum, lengthOf(condition));
      const near = (a, b) => Math.abs(a - b) < 1e-5;
      const run = data.runs.find(
        (one) => one.condition === condition && near(one.lr, rate) && near(one.momentum, momentum),
      );

      const narrow = width < 500;
      const [left, gap] = [44, 20];
      const [half, tall] = narrow ? [width, height / 2] : [width / 2, height];
      const boxes = [0, 1].map((place) => ({
        left: left + (narrow ? 0 : place * (half + gap / 2)),
        top: 28 + (narrow ? place * tall : 0),
        width: half - left - (narrow ? 12 : gap / 2 + 4),
        height: tall - 28 - 44,
      }));
      const groups = boxes.map(() => {
        const group = Touch.svg("g");
        root.append(group);
        return group;
      });
      const side = (way) => {
        const far = Math.max(1, ...path.map((w) => Math.abs(w.at(way))));
        const end = far > 3 ? 4 : far > 1.5 ? 3 : 1.15;
        return { min: -end, max: end, ticks: [-Math.floor(end), 0, Math.floor(end)] };
      };
      const across = { ...side(0), label: "weight along the flattest direction" };
      const valley = new Panel(groups[0], boxes[0], across, {
        ...side(-1),
        label: "weight along the steepest direction",
      });
      drawValley(valley, condition, rate, momentum, path);
      const losses = new Panel(
        groups[1],
        boxes[1],
        { min: 0, max: path.length - 1, room: 4, label: "updates" },
        {
          min: 1e-12,
          max: 1e4,
          log: true,
          ticks: [1e-12, 1e-8, 1e-4, 1, 1e4],
          label: "relative loss; dashed: closed form",
        },
      );
      drawLosses(losses, data, lambdas, path, rate, momentum, run);
      groups[1].querySelector(".name").setAttribute("x", narrow ? 0 : boxes[1].left - left);
      return inWords(rate, momentum, lambdas, path, run, data);
    },
  });
})();
