/* What the interactive figures share: controls whose state is in the address, axes, lines, and a sentence in words.
   A figure is Touch.define(name, { setup(element, data), show(element, data) }): setup adds the controls, show draws
   for their values and returns the sentence. Nothing moves by itself. */

(() => {
  "use strict";

  const Touch = globalThis.Touch;

  /* --- elements --- */

  const fill = (element, attributes, children) => {
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  /* The colour of a series, as the still figures have it: a number, or "muted" and the like. */
  const paint = (element, series) => {
    element.style.setProperty("--c", `var(--fig-${series.color})`);
    if (series.dash) element.style.strokeDasharray = series.dash.map((length) => 1.8 * length).join(" ");
    return element;
  };

  /* --- numbers --- */

  const decode = ({ unit, values }) => {
    const read = (value) => (Array.isArray(value) ? value.map(read) : value === null ? NaN : value * unit);
    return values.map(read);
  };
  const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  /* Of several runs at each point; where one has no value, none is drawn. */
  const summary = (runs) =>
    runs[0].map((_, at) => {
      const values = runs.map((run) => run[at]);
      if (!values.every(Number.isFinite)) return { low: NaN, middle: NaN, high: NaN };
      return { low: Math.min(...values), middle: median(values), high: Math.max(...values) };
    });
  const raised = (power) =>
    `10${String(power)
      .replace("-", "⁻")
      .replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
  const say = (value, digits = 3) => {
    if (!Number.isFinite(value)) return "not a number";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
      const power = Math.floor(Math.log10(size));
      return `${(value / 10 ** power).toPrecision(2)}\u00a0·\u00a0${raised(power)}`;
    }
    return String(Number(value.toPrecision(digits)));
  };
  const short = (value) => String(Number(value.toPrecision(8)));
  const list = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

  /* --- axes --- */

  const ticksOf = ({ min, max, log, ticks }, room) => {
    if (ticks) return ticks;
    if (log) {
      const [low, high] = [Math.ceil(Math.log10(min) - 1e-9), Math.floor(Math.log10(max) + 1e-9)];
      const every = Math.max(1, Math.ceil((high - low) / room));
      const from = Math.ceil(low / every) * every;
      return Array.from(
        { length: Math.max(0, Math.floor((high - from) / every) + 1) },
        (_, i) => 10 ** (from + i * every),
      );
    }
    const rough = (max - min) / room;
    const power = 10 ** Math.floor(Math.log10(rough));
    const every = power * [1, 2, 5, 10].find((step) => step * power >= rough - 1e-12);
    const from = Math.ceil(min / every - 1e-9);
    return Array.from({ length: Math.floor(max / every + 1e-9) - from + 1 }, (_, i) => (from + i) * every);
  };

  const tickText = (value, { log, format }) => {
    if (format) return format(value);
    if (log && (value < 0.00099 || value > 9999)) return raised(Math.round(Math.log10(value)));
    return String(Number(value.toPrecision(6))).replace("-", "−");
  };

  /* From data to pixels. */
  const scale = ({ min, max, log }, from, to) => {
    const move = log ? Math.log10 : Number;
    const [start, end] = [move(min), move(max)];
    return (value) => from + ((move(value) - start) / (end - start)) * (to - from);
  };

  /* One pair of axes in an <svg>. box: left, top, width, height of the plane, in pixels. */
  class Panel {
    static #clips = 0;

    constructor(root, box, x, y) {
      Object.assign(this, { root, box, x: scale(x, box.left, box.left + box.width) });
      this.y = scale(y, box.top + box.height, box.top);
      this.axes(x, y);
      const clip = `touch-clip-${(Panel.#clips += 1)}`;
      const frame = { x: box.left, y: box.top - 1, width: box.width + 1, height: box.height + 2 };
      root.append(svg("clipPath", { id: clip }, svg("rect", frame)));
      this.plane = svg("g", { "clip-path": `url(#${clip})` });
      root.append(this.plane);
    }

    axes(x, y) {
      const { left, top, width, height } = this.box;
      const [right, bottom] = [left + width, top + height];
      const add = (tag, attributes, ...text) => this.root.append(svg(tag, attributes, ...text));
      ticksOf(y, y.room ?? Math.max(3, height / 45)).forEach((value) => {
        const at = this.y(value).toFixed(1);
        add("line", { class: "grid", x1: left, x2: right, y1: at, y2: at });
        add("text", { class: "tick", x: left - 6, y: at, "text-anchor": "end", dy: "0.32em" }, tickText(value, y));
      });
      ticksOf(x, x.room ?? Math.max(3, width / 60)).forEach((value) => {
        const at = this.x(value).toFixed(1);
        add("line", { class: "grid", x1: at, x2: at, y1: top, y2: bottom });
        add("text", { class: "tick", x: at, y: bottom + 16, "text-anchor": "middle" }, tickText(value, x));
      });
      add("path", { class: "axis", d: `M${left},${top}V${bottom}H${right}` });
      add("text", { class: "name", x: 0, y: top - 12 }, y.label);
      add("text", { class: "name", x: left + width / 2, y: bottom + 34, "text-anchor": "middle" }, x.label);
    }

    path(points) {
      let pen = "M";
      return points
        .map(([x, y]) => {
          const [px, py] = [this.x(x), this.y(y)];
          if (!Number.isFinite(px) || !Number.isFinite(py)) {
            pen = "M";
            return "";
          }
          const said = `${pen}${px.toFixed(1)},${Math.max(-1e4, Math.min(1e4, py)).toFixed(1)}`;
          pen = "L";
          return said;
        })
        .join("");
    }

    line(points, series, kind = "line") {
      this.plane.append(paint(svg("path", { class: kind, d: this.path(points) }), series));
    }

    band(points, series) {
      const whole = points.filter(([x, low, high]) => [x, low, high].every(Number.isFinite));
      if (whole.length < 2) return;
      const edge = [...whole.map(([x, , high]) => [x, high]), ...whole.reverse().map(([x, low]) => [x, low])];
      this.plane.append(paint(svg("path", { class: "band", d: `${this.path(edge)}Z` }), series));
    }

    /* A median with its band, or a line for each run. */
    runs(xs, runs, series, lines) {
      const middle = summary(runs);
      if (lines)
        runs.forEach((run) =>
          this.line(
            xs.map((x, i) => [x, run[i]]),
            { color: series.color },
            "seed",
          ),
        );
      else
        this.band(
          xs.map((x, i) => [x, middle[i].low, middle[i].high]),
          series,
        );
      if (!lines)
        this.line(
          xs.map((x, i) => [x, middle[i].middle]),
          series,
        );
      return middle.map((point) => point.middle);
    }

    dot(x, y, series, radius = 4) {
      const [cx, cy] = [this.x(x), this.y(y)];
      if (!Number.isFinite(cx) || !Number.isFinite(cy)) return;
      this.plane.append(
        paint(svg("circle", { class: "dot", cx: cx.toFixed(1), cy: cy.toFixed(1), r: radius }), series),
      );
    }

    /* Names at the right ends of lines, moved apart where they would overlap. value NaN: the name stands at the top. */
    labels(ends, gap = 15) {
      const { left, top, width, height } = this.box;
      const at = (value) => (Number.isFinite(value) ? Math.max(top, Math.min(top + height, this.y(value))) : top);
      const placed = ends.map((end) => ({ ...end, y: at(end.value) })).sort((a, b) => a.y - b.y);
      for (let i = 1; i < placed.length; i += 1) placed[i].y = Math.max(placed[i].y, placed[i - 1].y + gap);
      let floor = Math.max(top + height, top + gap * (placed.length - 1));
      for (let i = placed.length - 1; i >= 0; i -= 1) {
        placed[i].y = Math.min(placed[i].y, floor);
        floor = placed[i].y - gap;
      }
      placed.forEach(({ y, text, series }) => {
        const attributes = { class: "label", x: left + width + 7, y: y.toFixed(1), dy: "0.32em" };
        this.root.append(paint(svg("text", attributes, text), { color: series.color }));
      });
    }
  }

  /* --- controls: each has a key, a value, and its own place in the address --- */

  const swatch = (series) => {
    const line = paint(svg("path", { class: "line", d: "M1,5H23" }), series);
    return svg("svg", { class: "swatch", viewBox: "0 0 24 10", "aria-hidden": "true" }, line);
  };

  const fieldset = (label, ...children) => make("fieldset", {}, make("legend", {}, label), ...children);

  class Figure extends HTMLElement {
    connectedCallback() {
      if (!this.controls) {
        this.controls = new Map();
        Touch.near(this, () => this.load());
      }
    }

    async load() {
      const link = this.querySelector("a.touch-data");
      try {
        const answer = await fetch(link.href);
        if (!answer.ok) throw new Error(answer.statusText);
        this.build(await answer.json(), link);
      } catch (error) {
        if (this.shown) throw error;
        link.before("Its data did not arrive. ");
      }
    }

    build(data, link) {
      Object.assign(this, { data, panel: make("div", { class: "touch-controls" }), shown: true });
      this.stage = make("div", { class: "touch-stage" });
      this.status = make("p", { class: "touch-status", role: "status", id: `${this.id}-status` });
      this.figure.setup(this, data);
      link.textContent = "Data";
      this.copy = this.button("Copy link to this view", () => this.copyLink());
      const reset = this.button("Reset", () => this.reset());
      const actions = make("p", { class: "touch-actions" }, this.copy, reset, link);
      this.setAttribute("role", "group");
      this.setAttribute("aria-label", this.figure.name);
      const head = make("p", { class: "touch-name" }, this.figure.name);
      this.replaceChildren(head, this.panel, this.stage, this.status, actions);
      this.restore();
      new ResizeObserver(() => this.stage.clientWidth !== this.drawn && this.show()).observe(this.stage);
    }

    get(key) {
      return this.controls.get(key).value;
    }

    /* Give one control a value, as if the reader had. */
    give(key, value) {
      this.controls.get(key).set(value);
    }

    show() {
      const width = this.stage.clientWidth;
      if (!width) return; // not laid out; the observer comes back
      const height = this.figure.height(width);
      const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
      root.setAttribute("aria-labelledby", this.status.id);
      const said = this.figure.show(this, this.data, root, width, height);
      this.stage.replaceChildren(root);
      this.drawn = width;
      clearTimeout(this.speaking);
      if (said === this.status.textContent) return;
      /* A moment later, so that a screen reader hears where the slider stopped and not all of its way. */
      this.speaking = setTimeout(() => (this.status.textContent = said), this.status.textContent ? 150 : 0);
    }

    changed() {
      this.show();
      clearTimeout(this.writing);
      this.writing = setTimeout(() => history.replaceState(history.state, "", this.address()), 200);
    }

    /* This page with the state of this figure; what others have written there stays. */
    address() {
      const url = new URL(location.href);
      this.controls.forEach((control, key) => {
        const [place, text] = [`${this.dataset.name}.${key}`, control.text()];
        if (text === control.first) url.searchParams.delete(place);
        else url.searchParams.set(place, text);
      });
      return url;
    }

    restore() {
      const given = new URL(location.href).searchParams;
      this.controls.forEach((control, key) => {
        Object.assign(control, { first: control.text(), initial: control.value });
        const text = given.get(`${this.dataset.name}.${key}`);
        if (text !== null) control.read(text);
      });
      this.show();
    }

    reset() {
      this.controls.forEach((control) => control.set(control.initial));
      this.changed();
    }

    async copyLink() {
      const url = this.address();
      url.hash = this.id;
      try {
        await navigator.clipboard.writeText(url);
        this.copy.textContent = "Copied";
      } catch {
        history.replaceState(history.state, "", url); // where the clipboard is closed, the address bar has it
        this.copy.textContent = "It is in the address bar";
      }
      setTimeout(() => (this.copy.textContent = "Copy link to this view"), 2500);
    }

    button(text, then) {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", then);
      return button;
    }

    add(key, control, element) {
      this.controls.set(key, control);
      element.addEventListener("input", () => {
        control.input();
        this.changed();
      });
      this.panel.append(element);
      return element;
    }

    /* A slider over numbers, or over the entries of `values`. It keeps a value between two of its steps if given one. */
    range(key, { label, values, min = 0, max = values?.length - 1, step = 1, value, format = say }) {
      const id = `${this.id}-${key}`;
      const input = make("input", { type: "range", id, min, max, step });
      const output = make("output", { for: id });
      const control = {
        set: (next) => {
          control.value = next;
          input.value = values ? values.indexOf(next) : next;
          output.textContent = format(next);
          input.setAttribute("aria-valuetext", format(next));
        },
        input: () => control.set(values ? values[input.value] : Number(input.value)),
        text: () => short(control.value),
        read: (text) => {
          const next = Number(text);
          const known = values ? values.find((one) => Number(short(one)) === next) : next;
          if (text !== "" && known !== undefined && (values || (next >= min && next <= max))) control.set(known);
        },
      };
      control.set(value);
      const head = make("span", { class: "touch-head" }, make("label", { for: id }, label), output);
      return this.add(key, control, make("div", { class: "touch-range" }, head, input));
    }

    /* One of several: [value, label] each. */
    choice(key, { label, options, value }) {
      const inputs = options.map(([option, text]) => {
        const input = make("input", { type: "radio", name: `${this.id}-${key}`, value: option });
        return [input, make("label", {}, input, text)];
      });
      const control = {
        set: (next) => {
          control.value = next;
          inputs.forEach(([input]) => (input.checked = input.value === next));
        },
        input: () => control.set(inputs.find(([input]) => input.checked)[0].value),
        text: () => control.value,
        read: (text) => options.some(([option]) => option === text) && control.set(text),
      };
      control.set(value);
      return this.add(key, control, fieldset(label, ...inputs.map(([, element]) => element)));
    }

    select(key, { label, options, value }) {
      const id = `${this.id}-${key}`;
      const input = make("select", { id }, ...options.map((option) => make("option", { value: option }, option)));
      const control = {
        set: (next) => {
          control.value = next;
          input.value = next;
        },
        input: () => control.set(input.value),
        text: () => control.value,
        read: (text) => options.includes(text) && control.set(text),
      };
      control.set(value);
      return this.add(key, control, make("div", { class: "touch-select" }, make("label", { for: id }, label), input));
    }

    /* Any of the series. */
    checks(key, { label, series, value }) {
      const inputs = series.map((one) => {
        const input = make("input", { type: "checkbox", value: one.name });
        return [input, make("label", {}, input, swatch(one), one.label)];
      });
      const control = {
        set: (next) => {
          control.value = next;
          inputs.forEach(([input]) => (input.checked = next.includes(input.value)));
        },
        input: () => control.set(inputs.filter(([input]) => input.checked).map(([input]) => input.value)),
        text: () => control.value.join("."),
        read: (text) => {
          const names = text.split(".");
          control.set(series.map((one) => one.name).filter((name) => names.includes(name)));
        },
      };
      control.set(value);
      const element = fieldset(label, ...inputs.map(([, one]) => one));
      element.classList.add("touch-checks");
      return this.add(key, control, element);
    }

    seeds() {
      const options = [
        ["band", "median and band"],
        ["lines", "a line each"],
      ];
      return this.choice("seeds", { label: "Seeds", options, value: "band" });
    }
  }

  const define = (name, figure) => {
    const own = class extends Figure {};
    own.prototype.figure = figure;
    customElements.define(`touch-${name}`, own);
  };

  Object.assign(Touch, { define, decode, list, make, mean, median, Panel, raised, say, summary, svg });
})();
