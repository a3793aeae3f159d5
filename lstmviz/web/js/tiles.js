/**
 * What of a large picture is in view, and what its cells are.
 *
 * @typedef {{rows: number, columns: number, largest: number, middle: number, numbers: string}} Packed see `plot/json.py`
 * @typedef {{packed?: Packed, z?: ArrayLike<number>[] | {shape: string}, x0?: number, dx?: number, y0?: number, dy?: number,
 *   yaxis?: string, hovertemplate?: string, text?: string[][]}} Heatmap as plotly.js reads it, but for `packed`
 * @typedef {[number, number]} Span from one and up to, without, another
 * @typedef {{of: Span, rows: Span, columns: Span, tile: Span}} Levels how finely a window of a picture is shown
 */

import { nameSpan } from "./linked.js";

const WORTHWHILE = 0.7; // of a window that is shown, the share in view at which it is
const NAMED = 0.1; // of single numbers, the share in view whose axes still have names

/**
 * The rows and columns in view.
 *
 * @param {import("./linked.js").Plot} plot
 * @param {Pick<Levels, "of">} levels
 * @returns {[Span, Span]}
 */
export function inView(plot, levels) {
  const { xaxis, yaxis, yaxis2, meta } = plot._fullLayout;
  const rows = meta.link.panels[0].columns === "step" ? yaxis2 : yaxis; // all but the input's panel have the same rows
  return [span(rows.range, levels.of[0]), span(xaxis.range, levels.of[1])];
}

/**
 * @param {[number, number]} range of an axis whose cells have their middle at whole numbers
 * @param {number} length
 * @returns {Span}
 */
function span(range, length) {
  const [low, high] = [Math.min(...range), Math.max(...range)];
  const first = Math.min(Math.max(Math.floor(low + 0.5 + 1e-6), 0), length - 1);
  return [first, Math.max(Math.min(Math.ceil(high + 0.5 - 1e-6), length), first + 1)];
}

/**
 * Whether what is shown is as fine as can be, or nearly what would be asked for.
 *
 * @param {Omit<Levels, "of">} levels of what is shown
 * @param {Span} rows in view
 * @param {Span} columns in view
 */
export function isGoodEnough(levels, rows, columns) {
  const isInside = levels.rows[0] <= rows[0] && rows[1] <= levels.rows[1] && levels.columns[0] <= columns[0] && columns[1] <= levels.columns[1];
  if (!isInside) return false;
  const share = ((rows[1] - rows[0]) * (columns[1] - columns[0])) / ((levels.rows[1] - levels.rows[0]) * (levels.columns[1] - levels.columns[0]));
  return share > (levels.tile[0] * levels.tile[1] === 1 ? NAMED : WORTHWHILE);
}

/**
 * Unpacks a heatmap's tiles: each its smallest and largest number and the mean, as shares of the largest of all.
 *
 * @param {Heatmap} trace
 */
export function unpack(trace) {
  if (!trace.packed) return;
  const { rows, columns, largest, middle, numbers } = trace.packed;
  delete trace.packed;
  const bytes = Uint8Array.from(atob(numbers), (letter) => letter.charCodeAt(0));
  const steps = new Int16Array(bytes.buffer);
  const size = rows * columns;
  const number = (/** @type {number} */ place) => (steps[place] === -32768 ? NaN : (steps[place] / 32767) * largest);
  const [lines, tiles] = [/** @type {Float32Array[]} */ ([]), /** @type {number[][][]} */ ([])];
  for (let row = 0; row < rows; row++) {
    const line = new Float32Array(columns);
    const told = new Array(columns);
    for (let column = 0; column < columns; column++) {
      const place = row * columns + column;
      const [low, high] = [number(place), number(place + size)];
      line[column] = middle - low > high - middle ? low : high;
      told[column] = [low, high, number(place + 2 * size)];
    }
    lines.push(line);
    tiles.push(told);
  }
  Object.assign(trace, { z: lines, customdata: tiles });
}

/**
 * Gives the cells of a large kernel the names that a hover shows; they would be most of what is sent.
 *
 * @param {Heatmap} trace
 * @param {import("./linked.js").Link} link
 */
export function nameCells(trace, link) {
  if (!trace.z || trace.text || !trace.hovertemplate?.includes("%{text}")) return; // rows in an order bring their own
  const { gates, groups, units } = link;
  const [rows, columns] = "shape" in trace.z ? trace.z.shape.split(", ").map(Number) : [trace.z.length, trace.z[0].length];
  const [across, down] = [trace.dx ?? 1, trace.dy ?? 1];
  const [left, top] = [(trace.x0 ?? 0) - (across - 1) / 2, (trace.y0 ?? 0) - (down - 1) / 2];
  const isStrip = trace.yaxis === "y2";
  const blocks = gates.map((gate, index) => /** @type {import("./linked.js").Group} */ ([gate, index * units, units]));
  const places = Array.from({ length: columns }, (_none, index) => nameSpan(blocks, left + index * across, across));
  trace.text = Array.from({ length: rows }, (_none, index) => {
    if (isStrip) return places;
    const from = nameSpan(groups, top + index * down, down);
    return places.map((place) => `${from} → ${place}`);
  });
}
