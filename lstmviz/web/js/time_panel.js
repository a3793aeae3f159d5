/**
 * Everything that was recorded as strips over time, one cursor through all of them.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./scene.js").Place} Place
 * @typedef {import("./numbers.js").Strip} Strip
 */

import { write } from "./numbers.js";
import { Board, bordersSeen, raster } from "./paint.js";

const [LEFT, LEFT_NARROW] = [124, 36]; // pixels of the names, as all here where the scale is 1
const SPARK = 62; // of the spread at the right
const ENDS = 62; // of the ends of its scale, behind it
const AXIS = 20;
const [GAP, GAP_LOW] = [4, 2];
const LOW = 16; // pixels of a strip that is low
const ASIDE = 8; // between what stands beside each other
const LINE = 15; // of words
const NARROW = 560;
const NAME = { bold: true, size: 15 };

export class TimePanel {
  /**
   * @param {HTMLElement} parent
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  constructor(parent, onPoint, onPick) {
    this.board = new Board(parent);
    /** @type {Map<string, OffscreenCanvas>} */
    this.rasters = new Map();
    /** @type {Map<string, Spread>} */
    this.spreads = new Map();
    /** @type {any} */
    this.of = null;
    this.dark = false;
    /** @type {Scene | null} */
    this.scene = null;
    this.board.listen((event) => this.find(event), onPoint, onPick);
  }

  /** @param {Scene} scene */
  draw(scene) {
    if (!this.board.begin()) return;
    this.scene = scene;
    if (this.of !== scene.sent || this.dark !== scene.dark) {
      this.rasters.clear();
      this.spreads.clear();
      this.of = scene.sent;
      this.dark = scene.dark;
    }
    const { strips, steps } = scene.sent.head;
    const { board } = this;
    const { tall, left, pitch } = this;
    for (const [index, strip] of strips.entries()) {
      const y = index * pitch;
      const gate = scene.gate(strip.name);
      if (gate) {
        board.pen.fillStyle = gate.hue;
        board.pen.fillRect(left - 6, y, 4, tall);
      }
      const edge = left - board.px(10);
      const taken = board.writeFirst([strip.name], 2, y + tall / 2, { ...NAME, room: edge });
      const room = edge - taken - ASIDE;
      // What a title explains behind a comma, or between brackets, is left out where there is no room for it.
      const title = [strip.title, strip.title.split(/[,;:(。、]/)[0].trimEnd()].find((words) => board.widthOf(words) <= room);
      if (title) board.write(title, taken + ASIDE, y + tall / 2);
      const image = this.raster(strip);
      board.pen.drawImage(image, left, y, this.width, tall);
      if (strip.ordered) this.partGroups(scene, strip, y, tall);
      this.drawSpread(strip, y, tall);
      this.mark(scene, strip, y, tall);
    }
    if (scene.sent.head.answer) this.drawAnswers(scene, strips.length * pitch);
    this.drawAxis(steps, this.rows * pitch);
  }

  /** Its strips, and one for what the cell answers, where it is trained. */
  get rows() {
    const head = this.scene?.sent.head;
    return (head?.strips.length ?? 0) + (head?.answer ? 1 : 0);
  }

  /** What the cell answers at each step as a line, and what is right as a broad one behind it. @param {Scene} scene @param {number} y */
  drawAnswers(scene, y) {
    const told = /** @type {import("./numbers.js").Answer} */ (scene.sent.head.answer);
    const { board, left, tall, width } = this;
    const edge = left - board.px(10);
    const taken = board.writeFirst([scene.words.answer], 2, y + tall / 2, { ...NAME, room: edge });
    const room = edge - taken - ASIDE;
    if (board.widthOf(told.title) <= room) board.write(told.title, taken + ASIDE, y + tall / 2);
    const { pen } = board;
    const steps = Math.max(1, scene.sent.head.steps);
    const span = told.high - told.low || 1;
    const place = (/** @type {number} */ value) => y + tall - 1 - ((value - told.low) / span) * (tall - 2);
    const line = (/** @type {number} */ of, /** @type {number} */ thick, /** @type {number} */ alpha, /** @type {string} */ colour) => {
      const { values } = scene.sent.array(of);
      pen.beginPath();
      let isDown = false;
      for (let t = 0; t < values.length; t++) {
        const isKnown = Number.isFinite(values[t]);
        const [across, up] = [left + ((t + 0.5) / steps) * width, place(values[t])];
        if (isKnown && !isDown && !Number.isFinite(values[t + 1])) pen.rect(across - 1, up - 1, 2, 2); // one alone is a dot
        if (isKnown && isDown) pen.lineTo(across, up);
        else if (isKnown) pen.moveTo(across, up);
        isDown = isKnown;
      }
      pen.lineWidth = board.px(thick);
      pen.globalAlpha = alpha;
      pen.strokeStyle = colour;
      pen.stroke();
      pen.globalAlpha = 1;
    };
    line(told.truth, 5, 0.3, board.ink);
    line(told.answers, 1.5, 1, board.ink);
    const step = width / steps;
    for (const [t, colour, thick] of scene.marks) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(left + t * step, y - 1, Math.max(2, step), tall + 2);
    }
    // Nothing stands between its line and what that lies between.
    const ends = { align: /** @type {const} */ ("right"), room: board.width - left - width };
    board.writeFirst([between(told.low, told.high)], board.width, y + tall / 2, ends);
  }

  get isNarrow() {
    return this.board.width < NARROW;
  }

  /** Where the strips begin: behind their names, which are short on a phone, but for the answer's. */
  get left() {
    const { board, scene } = this;
    if (!this.isNarrow) return board.px(LEFT);
    const answer = scene?.sent.head.answer ? board.widthOf(scene.words.answer, NAME) + board.px(12) : 0;
    return Math.max(board.px(LEFT_NARROW), answer);
  }

  /** Of the strips; at their right is room for their spreads, where it is not narrow, and for the ends of their scales. */
  get width() {
    return Math.max(40, this.board.width - this.left - this.board.px(ENDS + (this.isNarrow ? 0 : SPARK + ASIDE)));
  }

  /** From one strip to the next. */
  get pitch() {
    return Math.max(10, (this.board.height - this.board.px(AXIS)) / (this.rows || 1));
  }

  get tall() {
    const { pitch, board } = this;
    return pitch - (pitch < board.px(LOW + GAP) ? GAP_LOW : board.px(GAP));
  }

  /** @param {Strip} strip */
  raster(strip) {
    const scene = /** @type {Scene} */ (this.scene);
    let found = this.rasters.get(strip.name);
    if (!found) {
      const { shape, values } = scene.sent.array(strip.values);
      found = raster(values, shape[0], shape[1], strip.scale, scene.ink(strip.scale.diverging));
      this.rasters.set(strip.name, found);
    }
    return found;
  }

  /** A line between groups of units, where both can be seen beside it. @param {Scene} scene @param {Strip} strip @param {number} y @param {number} tall */
  partGroups(scene, strip, y, tall) {
    const { pen, ink } = this.board;
    pen.fillStyle = ink;
    for (const row of bordersSeen(scene.sent.head.apart ?? [], strip.rows, tall)) pen.fillRect(this.left - 4, Math.round(y + (row / strip.rows) * tall), this.width + 8, 1);
  }

  /** Marks the pinned step and the pinned unit. @param {Scene} scene @param {Strip} strip @param {number} y @param {number} tall */
  mark(scene, strip, y, tall) {
    const { pen } = this.board;
    const step = this.width / Math.max(1, scene.sent.head.steps);
    for (const [t, colour, thick] of scene.marks) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(this.left + t * step - (step < 3 ? 1 : 0), y - 1, Math.max(2, step), tall + 2);
    }
    if (strip.name === "x") return;
    const row = tall / strip.rows;
    for (const [unit, colour] of scene.units) {
      if (unit >= strip.rows) continue;
      pen.strokeStyle = colour;
      pen.lineWidth = 1;
      pen.strokeRect(this.left, y + scene.rowOf(strip, unit) * row - (row < 2 ? 1 : 0), this.width, Math.max(2, row));
    }
  }

  /** From the smallest to the largest of all units at each step, and their mean. @param {Strip} strip @param {number} y @param {number} tall */
  drawSpread(strip, y, tall) {
    this.drawEnds(strip, y, tall);
    if (this.isNarrow) return;
    const scene = /** @type {Scene} */ (this.scene);
    let spread = this.spreads.get(strip.name);
    if (!spread) this.spreads.set(strip.name, (spread = spreadOf(scene, strip)));
    const { low, high } = strip.scale;
    const [left, wide] = [this.left + this.width + ASIDE, this.board.px(SPARK)];
    const { pen } = this.board;
    const at = (/** @type {number} */ value) => y + tall - ((Math.max(low, Math.min(high, value)) - low) / (high - low || 1)) * tall;
    pen.beginPath();
    const count = spread.mean.length;
    const across = (/** @type {number} */ k) => left + (count > 1 ? (k / (count - 1)) * wide : 0);
    for (let k = 0; k < count; k++) pen.lineTo(across(k), at(spread.high[k]));
    for (let k = count - 1; k >= 0; k--) pen.lineTo(across(k), at(spread.low[k]));
    pen.globalAlpha = 0.25;
    pen.fillStyle = this.board.ink;
    pen.fill();
    pen.globalAlpha = 1;
    pen.beginPath();
    for (let k = 0; k < count; k++) pen.lineTo(across(k), at(spread.mean[k]));
    pen.strokeStyle = this.board.ink;
    pen.lineWidth = this.board.scale;
    pen.stroke();
  }

  /** Between which numbers a strip's colours lie: one above the other where there is room. @param {Strip} strip @param {number} y @param {number} tall */
  drawEnds(strip, y, tall) {
    const { board } = this;
    const [low, high] = [write(strip.scale.low), write(strip.scale.high)];
    const how = /** @type {const} */ ({ align: "right", room: board.px(ENDS) });
    if (tall >= board.px(2 * LINE)) {
      board.write(high, board.width, y + board.px(LINE / 2), how);
      board.write(low, board.width, y + tall - board.px(LINE / 2), how);
    } else board.writeFirst([between(strip.scale.low, strip.scale.high)], board.width, y + tall / 2, how);
  }

  /** @param {number} steps @param {number} y */
  drawAxis(steps, y) {
    const scene = /** @type {Scene} */ (this.scene);
    const room = this.width / this.board.px(76);
    const every = Math.max(1, roundUp(steps / Math.max(1, room)));
    for (let t = 0; t < steps; t += every) {
      const label = scene.sayLabel(scene.sent.head.labels?.[t] ?? String(t));
      this.board.write(label.replace(/_/g, "\u02cd"), this.left + ((t + 0.5) / steps) * this.width, y + this.board.px(10), { align: "center", room: this.board.px(72) });
    }
  }

  /**
   * @param {{offsetX: number, offsetY: number}} event
   * @returns {Place | null}
   */
  find({ offsetX, offsetY }) {
    const scene = this.scene;
    if (!scene || !scene.sent.head.steps) return null;
    const [tall, pitch, share] = [this.tall, this.pitch, (offsetX - this.left) / this.width];
    const index = Math.floor(offsetY / pitch);
    const { steps, strips, answer } = scene.sent.head;
    const strip = strips[index];
    if (share < 0 || share >= 1) return null;
    const t = Math.min(steps - 1, Math.floor(share * steps));
    if (answer && index === strips.length) return { t, text: scene.describeAnswer(t) };
    if (!strip) return null;
    const row = Math.max(0, Math.min(strip.rows - 1, Math.floor(((offsetY - index * pitch) / tall) * strip.rows)));
    const unit = scene.unitAt(strip, row);
    const text = scene.describe(strip.name, unit, t);
    return strip.name === "x" ? { t, text } : { t, unit, gate: strip.name, text };
  }
}

/** @typedef {{low: Float32Array, high: Float32Array, mean: Float32Array}} Spread */

/** @param {Scene} scene @param {Strip} strip @returns {Spread} */
function spreadOf(scene, strip) {
  const of = (/** @type {number} */ place) => scene.sent.array(place);
  const means = of(strip.values);
  const [lows, highs] = [of(strip.low ?? strip.values), of(strip.high ?? strip.values)];
  const [rows, columns] = means.shape;
  const found = { low: new Float32Array(columns), high: new Float32Array(columns), mean: new Float32Array(columns) };
  for (let k = 0; k < columns; k++) {
    let [low, high, sum, count] = [Infinity, -Infinity, 0, 0];
    for (let row = 0; row < rows; row++) {
      const at = row * columns + k;
      if (!Number.isFinite(means.values[at])) continue;
      low = Math.min(low, lows.values[at]);
      high = Math.max(high, highs.values[at]);
      sum += means.values[at];
      count += 1;
    }
    [found.low[k], found.high[k], found.mean[k]] = count ? [low, high, sum / count] : [0, 0, 0];
  }
  return found;
}

/** The ends of a scale. @param {number} low @param {number} high */
function between(low, high) {
  if (low === high) return write(low);
  return low === -high ? `± ${write(high)}` : `${write(low)} … ${write(high)}`;
}

/** The next of 1, 2, 5, 10, 20 … @param {number} number */
function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, number)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= number) ?? 10 * power;
}
