/**
 * Links the pictures of one page: the place under the pointer or the keyboard is marked in all of them.
 *
 * A picture says in `layout.meta.link` what its panels show; the rest is here, and in the browser alone. Also part of the
 * exported page.
 *
 * @typedef {{x: string, y: string, name: string, columns: "step" | "written" | "column" | "point" | "",
 *   rows: "unit" | "input" | "hidden" | "row" | "step" | ""}} Panel
 *     one picture in a figure: its axes, and what its columns and rows stand for; "column" is one of the kernel's, "row"
 *     one of its rows of x, then of h; "written" is the step that wrote what stands there after another, "point" one of its
 *     points, each of some units; a panel without a name is of no gate and no state
 * @typedef {[string, number, number]} Group rows or columns side by side: their letter, where they begin, and how many they are
 * @typedef {{panels: Panel[], gates: string[], groups: Group[], units: number, inputs: number, outputs: number, hidden: number,
 *   steps: number, words: Record<string, string>, order?: number[]}} Link `groups` has the kernel's rows; `order` the units as the rows
 *     over time have them, where that is not as they are stored
 * @typedef {{_id: string, _offset: number, _length: number, range: [number, number], c2p: (value: number) => number}} Axis
 *     as Plotly has drawn it
 * @typedef {HTMLElement & {data: Record<string, any>[], layout: Record<string, any>, _fullData: Record<string, any>[],
 *   _fullLayout: Record<string, any>, on: (event: string, listener: () => void) => void, linked?: Linked}} Plot once Plotly has
 *     drawn it
 * @typedef {{t?: number, gate?: string, unit?: number, input?: number, hidden?: number, written?: number}} Place `written` is the
 *     step that wrote what is looked at after step `t`
 * @typedef {{x: number, y: number, units: number[], words: string, radius: number}} Point of a scatter: the units that it stands for
 */

const SLIP = 4; // pixels that a click may slip
const RIM = 3; // pixels between a point and its mark
export const KEYS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
});

/** @type {Set<Linked>} */
const all = new Set();
/** @type {Place} */
let pinned = {};
/** @type {Place} */
let pointed = {};
/** @type {Set<(place: Place) => void>} */
const listeners = new Set();
/** @type {Set<(place: Place) => void>} */
const followers = new Set();
/** @type {Set<string>} */
let held = new Set(); // parts of a place that stay where they are

/** What is pinned. @returns {Place} */
export const pin = () => pinned;

/**
 * Pins a place, or part of one, and marks it in all pictures.
 *
 * @param {Place} place
 * @param {boolean} [isTold] by the page's script, whose word also counts for what is held
 */
export function setPin(place, isTold = false) {
  const free = isTold ? place : Object.fromEntries(Object.entries(place).filter(([part]) => !held.has(part)));
  const { written, ...rest } = pinned;
  // Who looks after another step looks at what another one wrote.
  pinned = { ...(written === undefined || ("t" in free && free.t !== pinned.t) ? rest : pinned), ...free };
  for (const one of all) one.mark();
  for (const follower of followers) follower(pinned);
}

/** Holds parts of what is pinned where they are, and no others. @param {string[]} parts */
export function holdPin(parts) {
  if (parts.length === held.size && parts.every((part) => held.has(part))) return;
  held = new Set(parts);
  for (const follower of followers) follower(pinned);
}

/** Whether a part of what is pinned stays where it is. @param {string} part */
export const isHeld = (part) => held.has(part);

/** Tells of what is pinned as a click would: it has come to rest. */
export function announcePin() {
  for (const listener of listeners) listener(pinned);
}

/**
 * Calls `follower` whenever something else is pinned, also while time is played.
 *
 * @param {(place: Place) => void} follower
 * @returns {() => void} what to do when it need not follow any more
 */
export function followPin(follower) {
  followers.add(follower);
  return () => followers.delete(follower);
}

/**
 * Calls `listener` with each place that is clicked, or chosen with Enter.
 *
 * @param {(place: Place) => void} listener
 * @returns {() => void} what to do when it need not hear any more
 */
export function onPin(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Links a figure that Plotly has drawn; again after it was drawn anew does no harm.
 *
 * @param {Plot} plot
 */
export function link(plot) {
  if (!plot._fullLayout?.meta?.link) return;
  plot.linked ??= new Linked(plot);
  plot.linked.mark();
}

/** @param {Plot} plot */
export function unlink(plot) {
  if (plot.linked) all.delete(plot.linked);
}

class Linked {
  /** @param {Plot} plot */
  constructor(plot) {
    this.plot = plot;
    /** The cell that the keyboard is on: a panel, a row, a column. @type {[number, number, number] | null} */
    this.cursor = null;
    /** @type {[number, number] | null} */
    this.pressed = null;
    this.layer = document.createElement("div");
    this.layer.style.cssText = "position: absolute; inset: 0; pointer-events: none; overflow: hidden";
    this.layer.setAttribute("aria-hidden", "true");
    this.reading = document.createElement("div");
    this.reading.setAttribute("role", "status");
    this.reading.className = "lstmviz-reading";
    this.reading.style.cssText =
      "position: absolute; right: 8px; top: 34px; pointer-events: none; padding: 1px 6px; border-radius: 4px; " +
      "font: 600 14px sans-serif; background: #1a1c24; color: #fff; visibility: hidden";
    /** @type {HTMLElement[]} */
    this.marks = [];
    plot.style.position = "relative";
    plot.append(this.layer, this.reading);
    plot.tabIndex = 0;
    plot.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.point(this.find(event)));
    plot.addEventListener("pointerleave", () => this.point(null));
    plot.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => (this.pressed = [event.clientX, event.clientY]), true);
    // Plotly takes what happens over its pictures for itself; a click is over wherever it ends.
    addEventListener("pointerup", (event) => this.click(event), true);
    plot.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.press(event));
    plot.addEventListener("blur", () => this.leave());
    plot.on("plotly_afterplot", () => this.mark());
    all.add(this);
  }

  /** @returns {Link} */
  get link() {
    return this.plot._fullLayout.meta.link;
  }

  /**
   * The axes of a panel as they are drawn now.
   *
   * @param {Panel} panel
   * @returns {[Axis, Axis]}
   */
  axes({ x, y }) {
    const layout = this.plot._fullLayout;
    return [layout[x.replace("x", "xaxis")], layout[y.replace("y", "yaxis")]];
  }

  /**
   * The panel, row and column at a place on the screen.
   *
   * @param {{clientX: number, clientY: number}} event
   * @returns {[number, number, number] | null}
   */
  find({ clientX, clientY }) {
    const box = this.plot.getBoundingClientRect();
    const [left, top] = [clientX - box.left, clientY - box.top];
    for (const [index, panel] of this.link.panels.entries()) {
      const [across, down] = this.axes(panel);
      if (panel.columns === "point") {
        const near = this.points(index).findIndex(({ x, y, radius }) => Math.hypot(pixel(across, x) - left, pixel(down, y) - top) <= radius + SLIP);
        if (near >= 0) return [index, 0, near];
        continue;
      }
      const [column, row] = [at(across, left), at(down, top)];
      if (column !== null && row !== null) return [index, panel.rows ? row : -1, column];
    }
    return null;
  }

  /**
   * @param {[number, number, number]} cell
   * @returns {Place}
   */
  place([index, row, column]) {
    const { panels, gates, units, inputs } = this.link;
    const panel = panels[index];
    /** @type {Place} */
    const place = {};
    if (panel.columns === "point") return { unit: this.unitOf(this.points(index)[column]), gate: panel.name };
    if (panel.rows === "step" && column > row) return place; // it was not written yet
    if (panel.rows === "step") place.t = row;
    if (panel.columns === "written") place.written = column;
    if (panel.columns === "step") place.t = column;
    if (panel.columns === "column") {
      place.gate = gates[Math.floor(column / units)];
      place.unit = column % units;
    }
    if (panel.rows === "unit" && row >= 0) place.unit = this.unitAt(panel, row);
    if (panel.rows === "hidden" && row >= 0 && row < units) place.unit = this.unitAt(panel, row);
    if (panel.rows === "input" && row >= 0) place.input = row;
    if (panel.rows === "row") row < inputs ? (place.input = row) : (place.hidden = row - inputs);
    if (panel.columns === "step" && panel.rows !== "input" && panel.name) place.gate = panel.name;
    return place;
  }

  /**
   * The points of a panel.
   *
   * @param {number} index
   * @returns {Point[]}
   */
  points(index) {
    const { x, y } = this.link.panels[index];
    return this.plot._fullData
      .filter((trace) => trace.mode === "markers" && trace.xaxis === x && trace.yaxis === y)
      .flatMap((trace) =>
        /** @type {[number[], string][]} */ (trace.customdata).map(([units, words], k) => {
          const size = trace.marker.size;
          return { x: trace.x[k], y: trace.y[k], units, words, radius: (size[k] ?? size) / 2 };
        }),
      );
  }

  /** Of a point's units the one that a click means: the one behind the pinned one, so that clicks go through them. @param {Point} point */
  unitOf({ units }) {
    return units[(units.indexOf(pinned.unit ?? -1) + 1) % units.length];
  }

  /** In which order a panel's rows are units, where that is not as they are stored. @param {Panel} panel */
  orderOf({ columns, rows }) {
    const { order, units, outputs } = this.link;
    return columns === "step" && (rows === "unit" || (rows === "hidden" && outputs === units)) ? order : undefined;
  }

  /** @param {Panel} panel @param {number} row */
  unitAt(panel, row) {
    return this.orderOf(panel)?.[row] ?? row;
  }

  /** @param {Panel} panel @param {number} unit */
  rowOf(panel, unit) {
    const row = this.orderOf(panel)?.indexOf(unit) ?? unit;
    return row < 0 ? unit : row;
  }

  /** @param {[number, number, number] | null} cell */
  point(cell) {
    const place = cell ? this.place(cell) : {};
    if (JSON.stringify(place) === JSON.stringify(pointed)) return;
    pointed = place;
    for (const one of all) one.mark();
  }

  /** @param {PointerEvent} event */
  click(event) {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > SLIP) return;
    if (/** @type {Element} */ (event.target).closest?.(".modebar, .legend")) return;
    const cell = this.find(event);
    if (cell) this.choose(cell);
  }

  /** @param {[number, number, number]} cell */
  choose(cell) {
    const { t, gate, unit, written } = this.place(cell);
    const place = Object.fromEntries(Object.entries({ t, gate, unit, written }).filter(([_name, value]) => value !== undefined));
    if (!Object.keys(place).length) return;
    setPin(place);
    announcePin();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.target !== this.plot || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") this.leave();
    else if ((event.key === "Enter" || event.key === " ") && this.cursor) this.choose(this.cursor);
    else if (event.key in KEYS) this.step(...KEYS[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Moves the keyboard's cell; off a panel's upper or lower edge lies the next panel.
   *
   * @param {number} down
   * @param {number} across
   */
  step(down, across) {
    let [index, row, column] = this.cursor ?? this.start();
    row += down;
    if (row < 0 && index > 0) [index, row] = [index - 1, this.size(index - 1)[0] - 1];
    else if (row >= this.size(index)[0] && index < this.link.panels.length - 1) [index, row] = [index + 1, 0];
    const [rows, columns] = this.size(index);
    this.cursor = [index, Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column + across, 0), columns - 1)];
    this.point(this.cursor);
    this.reading.textContent = this.read(this.cursor);
    this.reading.style.visibility = "visible";
    this.mark();
  }

  /** @returns {[number, number, number]} beside which the first key leads: the pinned cell */
  start() {
    const { panels, gates, units } = this.link;
    const index = Math.max(0, panels.findIndex(({ name }) => name === pinned.gate));
    const panel = panels[index];
    if (panel.columns === "column") return [index, 0, units * Math.max(0, gates.indexOf(pinned.gate ?? "")) + (pinned.unit ?? 0)];
    if (panel.columns === "point") return [index, 0, Math.max(0, this.points(index).findIndex((point) => point.units.includes(pinned.unit ?? 0)))];
    const [rows, steps] = this.size(index);
    if (panel.columns === "written") return [index, panel.rows ? Math.min(pinned.t ?? 0, rows - 1) : 0, Math.min(pinned.written ?? 0, steps - 1)];
    return [index, Math.min(this.rowOf(panel, pinned.unit ?? 0), rows - 1), Math.min(pinned.t ?? 0, steps - 1)];
  }

  leave() {
    this.cursor = null;
    this.reading.style.visibility = "hidden";
    this.point(null);
  }

  /** @param {number} index */
  size(index) {
    const { panels, gates, units, inputs, outputs, hidden, steps } = this.link;
    const { rows, columns } = panels[index];
    if (columns === "point") return [1, this.points(index).length];
    const known = { unit: units, input: inputs, hidden: outputs, row: inputs + hidden, step: steps, "": undefined };
    return [known[rows] ?? this.heatmaps(index)[0]?.z.length ?? 1, columns === "column" ? gates.length * units : steps];
  }

  /** @param {number} index */
  heatmaps(index) {
    const { x, y } = this.link.panels[index];
    return this.plot._fullData.filter((trace) => trace.type === "heatmap" && trace.xaxis === x && trace.yaxis === y);
  }

  /**
   * The number that stands in a cell of a panel, or the one that stands for it and others; what is drawn last is on top.
   *
   * @param {[number, number, number]} cell
   * @returns {number | undefined}
   */
  value([index, row, column]) {
    for (const { z, x0 = 0, dx = 1, y0 = 0, dy = 1 } of this.heatmaps(index).reverse()) {
      const [start, top] = [Number(x0) || 0, Number(y0) || 0]; // of an axis of names: its first
      const value = z[Math.round((row - top) / dy)]?.[Math.round((column - start) / dx)];
      if (typeof value === "number" && !Number.isNaN(value)) return value;
    }
    return undefined;
  }

  /**
   * What stands in a cell, for who cannot see it.
   *
   * @param {[number, number, number]} cell
   */
  read([index, row, column]) {
    const { panels, gates, groups, units, words } = this.link;
    const { name, columns, rows } = panels[index];
    if (columns === "point") return this.readPoint(index, column);
    const number = write(this.value([index, row, column]));
    const step = words.step.replace("{t}", String(column));
    if (rows === "step") return number && [row, column, number].reduce((/** @type {string} */ text, part, k) => text.replace(["{t}", "{step}", "{share}"][k], String(part)), words.share);
    if (columns === "written") return `${step}: ${this.readLines(index, column).join(", ")}`;
    if (columns === "step" && !rows) return `${step}: ${this.readLines(index, column).join(", ")}`;
    if (columns === "step") return `${name}[${this.unitAt(panels[index], row)}], ${step}: ${number}`;
    const from = rows === "row" ? nameSpan(groups, row, 1) : name;
    return `${from} → ${gates[Math.floor(column / units)]}[${column % units}]: ${number}`;
  }

  /** The units of a point, and what is said of them. @param {number} index @param {number} column */
  readPoint(index, column) {
    const { units, words } = this.points(index)[column];
    return `${this.link.panels[index].name}[${units.join(", ")}]: ${words}`;
  }

  /**
   * What a panel's lines or bars show at a step, or nearest to it, by the names that the hover gives them.
   *
   * @param {number} index
   * @param {number} t
   * @returns {string[]}
   */
  readLines(index, t) {
    const { x, y } = this.link.panels[index];
    return this.plot._fullData
      .filter((trace) => (trace.mode?.includes("lines") || trace.type === "bar") && trace.xaxis === x && trace.yaxis === y)
      .map(({ hovertemplate, y: values, x0 = 0, dx = 1 }) => {
        const value = values[Math.round((t - (Number(x0) || 0)) / dx)]; // of an axis of names: its first
        // A line has a gap where its axis cannot show what is there.
        return `${hovertemplate.match(/<b>(.*?)<\/b>/)?.[1] ?? ""} ${Number.isFinite(value) ? write(value) : "–"}`.trim();
      });
  }

  mark() {
    if (!this.plot._fullLayout?.meta?.link) return;
    const place = { ...pinned, ...pointed };
    const boxes = this.link.panels.flatMap((panel) => this.boxes(panel, place));
    for (const [index, [left, top, width, height, strong]] of boxes.entries()) {
      const mark = (this.marks[index] ??= this.layer.appendChild(document.createElement("div")));
      mark.style.cssText =
        `position: absolute; left: 0; top: 0; box-sizing: border-box; width: ${width}px; height: ${height}px; ` +
        `transform: translate(${left}px, ${top}px); border: ${strong ? 2 : 1}px solid #000; outline: 1px solid #fff; border-radius: 1px`;
    }
    for (const mark of this.marks.slice(boxes.length)) mark.style.display = "none";
  }

  /**
   * What of a panel is marked: left, top, width, height in pixels, and whether it is the very cell.
   *
   * @param {Panel} panel
   * @param {Place} place
   * @returns {[number, number, number, number, boolean][]}
   */
  boxes(panel, place) {
    const { gates, units, inputs } = this.link;
    const [across, down] = this.axes(panel);
    if (panel.columns === "point") return this.ringed(panel, place);
    const columns = [];
    if (panel.columns === "step" && place.t !== undefined) columns.push(place.t);
    if (["step", "written"].includes(panel.columns) && place.written !== undefined) columns.push(place.written);
    if (panel.columns === "column" && place.unit !== undefined) gates.forEach((_gate, index) => columns.push(index * units + (place.unit ?? 0)));
    let row;
    if (panel.rows === "unit" || panel.rows === "hidden") row = panel.rows === "hidden" ? place.hidden ?? place.unit : place.unit;
    if (row !== undefined) row = this.rowOf(panel, row);
    if (panel.rows === "input") row = place.input;
    if (panel.rows === "step") row = place.t;
    if (panel.rows === "row") row = place.input ?? (place.hidden === undefined ? undefined : inputs + place.hidden);
    const whole = span(down);
    /** @type {[number, number, number, number, boolean][]} */
    const boxes = [];
    for (const column of columns) {
      const wide = span(across, column);
      if (wide && whole) boxes.push([wide[0], whole[0], wide[1], whole[1], false]);
      const high = row === undefined ? null : span(down, row);
      const isOne = panel.columns === "step" ? column === place.t : panel.rows === "step" && column <= (place.t ?? -1);
      if (isOne && wide && high) boxes.push([wide[0], high[0], wide[1], high[1], true]);
    }
    const high = row === undefined ? null : span(down, row);
    const full = span(across);
    if ((panel.rows === "row" || panel.rows === "step") && high && full) boxes.push([full[0], high[0], full[1], high[1], false]);
    return boxes;
  }

  /**
   * A mark around the point that stands for the unit of a place.
   *
   * @param {Panel} panel
   * @param {Place} place
   * @returns {[number, number, number, number, boolean][]}
   */
  ringed(panel, { unit }) {
    const [across, down] = this.axes(panel);
    return this.points(this.link.panels.indexOf(panel))
      .filter(({ units }) => unit !== undefined && units.includes(unit))
      .map(({ x, y, radius }) => [pixel(across, x) - radius - RIM, pixel(down, y) - radius - RIM, 2 * (radius + RIM), 2 * (radius + RIM), true]);
  }
}

/**
 * What rows or columns from `first` on are called together, `x[3]` or `x[3…5]`; they end with their group.
 *
 * @param {Group[]} groups
 * @param {number} first
 * @param {number} length
 */
export function nameSpan(groups, first, length) {
  const [letter, start, size] = groups.filter((group) => group[1] <= first).at(-1) ?? ["", 0, Infinity];
  const last = Math.min(first - start + length, size) - 1;
  return last === first - start ? `${letter}[${last}]` : `${letter}[${first - start}…${last}]`;
}

/**
 * A number as it is read out.
 *
 * @param {number | undefined} value
 */
const write = (value) => (typeof value === "number" ? value.toPrecision(4).replaceAll("-", "−") : "");

/**
 * The index on an axis at a pixel of its figure; null beside the axis.
 *
 * @param {Axis} axis
 * @param {number} pixel
 */
function at(axis, pixel) {
  const share = (pixel - axis._offset) / axis._length;
  if (share < 0 || share >= 1) return null;
  const [first, last] = upright(axis);
  return Math.round(first + share * (last - first));
}

/**
 * Where an index, or all of them, stands on an axis: start and length in pixels; null where it is out of view.
 *
 * @param {Axis} axis
 * @param {number} [index]
 * @returns {[number, number] | null}
 */
function span(axis, index) {
  if (index === undefined) return [axis._offset, axis._length];
  const [start, end] = [pixel(axis, index - 0.5), pixel(axis, index + 0.5)].sort((a, b) => a - b);
  if (end <= axis._offset || start >= axis._offset + axis._length) return null;
  const [from, to] = [Math.max(start, axis._offset), Math.min(end, axis._offset + axis._length)];
  const least = 3; // a cell of a large picture is thinner than a line
  return to - from >= least ? [from, to - from] : [(from + to - least) / 2, least];
}

/** Where a number stands on an axis, in pixels of its figure. @param {Axis} axis @param {number} value */
function pixel(axis, value) {
  const [first, last] = upright(axis);
  return axis._offset + ((value - first) / (last - first)) * axis._length;
}

/** @param {Axis} axis */
function upright(axis) {
  // The screen counts from the top; a value axis from the bottom, a heatmap's rows from the top: its range is turned.
  const [first, last] = axis.range;
  return axis._id.startsWith("y") ? [last, first] : [first, last];
}
