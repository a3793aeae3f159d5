/**
 * The weights as the matrix products that they take part in: what meets the rows stands at their left, what comes of it beneath.
 *
 * @typedef {import("./numbers.js").Group} Group
 * @typedef {import("./numbers.js").Matrix} Matrix
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./scene.js").Place} Place
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{matrix: Matrix, group: Group, box: Box, top: number}} Drawn a matrix, its place, and its first row among its group's
 */

import { tileOf, write } from "./numbers.js";
import { Board, raster } from "./paint.js";

const [MET, MET_NARROW] = [20, 12]; // pixels of the column at the left of a matrix
const GAP = 5;
const BAND = 34; // above a gate's block
const STRIP = 15; // of a vector, and of the sums
const [LABEL, LABEL_NARROW] = [88, 58]; // beside rows
const NARROW = 560;
const LEAST = 24; // of a matrix's height

export class KernelPanel {
  /**
   * @param {HTMLElement} parent
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  constructor(parent, onPoint, onPick) {
    this.board = new Board(parent);
    this.canvas = this.board.canvas;
    /** @type {Drawn[]} */
    this.drawn = [];
    /** @type {{box: Box, group: Group}[]} */
    this.below = [];
    /** @type {Map<string, OffscreenCanvas>} */
    this.rasters = new Map();
    /** @type {any} */
    this.of = null;
    this.dark = false;
    /** @type {Scene | null} */
    this.scene = null;
    this.canvas.addEventListener("pointermove", (event) => onPoint(this.find(event), event));
    this.canvas.addEventListener("pointerleave", (event) => onPoint(null, event));
    this.canvas.addEventListener("click", (event) => {
      const place = this.find(/** @type {PointerEvent} */ (event));
      if (place) onPick(place);
    });
  }

  get isNarrow() {
    return this.board.width < NARROW;
  }

  get met() {
    return this.isNarrow ? MET_NARROW : MET;
  }

  get label() {
    return this.isNarrow ? LABEL_NARROW : LABEL;
  }

  /** @param {Scene} scene */
  draw(scene) {
    if (!this.board.begin()) return;
    this.scene = scene;
    if (this.of !== scene.sent || this.dark !== scene.dark) {
      this.rasters.clear();
      this.of = scene.sent;
      this.dark = scene.dark;
    }
    const { groups, alone } = scene.sent.head;
    this.drawn = [];
    this.below = [];
    const { width, height } = this.board;
    const columns = groups.reduce((sum, group) => sum + sumOf(group.widths), 0) || 1;
    const most = Math.max(0, ...groups.map((group) => group.vectors.length));
    const foot = (most + 2) * (STRIP + 2) + alone.length * (STRIP + 2) + 4;
    const tall = Math.max(LEAST, height - BAND - foot);
    const room = width - groups.length * (this.label + this.met + 2 * GAP);
    let x = 0;
    for (const group of groups) {
      const wide = (room * sumOf(group.widths)) / columns;
      this.drawGroup(scene, group, groups.indexOf(group), { x: x + this.label + this.met + GAP, y: BAND, width: wide, height: tall });
      x += this.label + this.met + 2 * GAP + wide;
    }
    let y = height - alone.length * (STRIP + 2);
    for (const { name, size, values } of alone) {
      this.board.write(name, 0, y + STRIP / 2, { size: 11, room: 110 });
      const { shape, values: numbers } = scene.sent.array(values);
      const image = this.raster(`alone ${name}`, numbers, 1, shape[0], scene.sent.head.weights);
      this.board.pen.drawImage(image, 116, y, Math.min(room, size * 24), STRIP);
      y += STRIP + 2;
    }
  }

  /**
   * @param {Scene} scene
   * @param {Group} group
   * @param {number} index
   * @param {Box} box of the group's matrices
   */
  drawGroup(scene, group, index, box) {
    const { board } = this;
    const rows = group.matrices.reduce((sum, matrix) => sum + matrix.shape[0], 0);
    this.drawBands(scene, group, box);
    const met = scene.step(scene.steps.head.step.met?.[index]);
    let [top, y, tile] = [0, box.y, 0];
    for (const matrix of group.matrices) {
      const height = (box.height * matrix.shape[0]) / rows;
      const place = { x: box.x, y, width: box.width, height };
      const { shape, values } = scene.sent.array(matrix.values);
      const isTiled = matrix.tile[0] * matrix.tile[1] > 1;
      const scale = isTiled ? { low: 0, high: scene.largest(matrix.values), diverging: false } : scene.sent.head.weights;
      const image = this.raster(`matrix ${matrix.name}`, values, shape[0], shape[1], scale);
      board.pen.drawImage(image, place.x, place.y, place.width, place.height);
      this.drawn.push({ matrix, group, box: place, top });
      const count = shape[0];
      if (met) {
        const column = raster(met.subarray(tile, tile + count), count, 1, scene.around(met), scene.ink(true));
        board.pen.drawImage(column, box.x - this.met - GAP / 2, y, this.met, height);
      }
      this.drawRows(matrix, place);
      [top, y, tile] = [top + matrix.shape[0], y + height, tile + count];
    }
    this.drawLines(scene, group, box);
    this.drawBelow(scene, group, index, { ...box, y: box.y + box.height + 4 });
    this.mark(scene, group, box);
  }

  /** @param {Scene} scene @param {Group} group @param {Box} box */
  drawBands(scene, group, box) {
    const total = sumOf(group.widths);
    let x = box.x;
    for (const [index, width] of group.widths.entries()) {
      const gate = scene.gate(group.gates[index]);
      const wide = (box.width * width) / total;
      if (gate) {
        this.board.pen.fillStyle = gate.hue;
        this.board.pen.fillRect(x + 1, BAND - 7, wide - 2, 5);
        const taken = this.board.write(gate.name, x + 2, 12, { bold: true, size: 16 });
        this.board.write(gate.title, x + 8 + taken, 13, { size: 12, room: wide - taken - 10 });
      } else this.board.write(group.matrices[0].name, x + 2, 12, { size: 12, room: wide });
      x += wide;
    }
  }

  /** @param {Matrix} matrix @param {Box} box */
  drawRows(matrix, box) {
    let y = box.y;
    for (const { name, height } of matrix.rows) {
      const tall = (box.height * height) / matrix.shape[0];
      const right = box.x - this.met - GAP;
      this.board.pen.fillStyle = this.board.ink;
      this.board.pen.fillRect(right - 4, y + 1, 1.5, tall - 2);
      this.board.write(name, right - 8, y + tall / 2 - (tall > 34 ? 8 : 0), { align: "right", bold: true, size: 14 });
      if (tall > 34) this.board.write(`${height}`, right - 8, y + tall / 2 + 9, { align: "right", size: 12 });
      y += tall;
    }
  }

  /** @param {Scene} scene @param {Group} group @param {Box} box */
  drawLines(scene, group, box) {
    const { pen } = this.board;
    pen.fillStyle = this.board.ink;
    const [total, rows] = [sumOf(group.widths), group.matrices.reduce((sum, matrix) => sum + matrix.shape[0], 0)];
    let at = 0;
    for (const width of group.widths.slice(0, -1)) {
      at += width;
      pen.fillRect(box.x + (box.width * at) / total - 0.75, box.y, 1.5, box.height);
    }
    at = 0;
    const heights = group.matrices.flatMap((matrix) => matrix.rows.map((row) => row.height));
    for (const height of heights.slice(0, -1)) {
      at += height;
      pen.fillRect(box.x, box.y + (box.height * at) / rows - 0.75, box.width, 1.5);
    }
  }

  /**
   * What is added to the columns, their sums at this step, and what the gates make of them.
   *
   * @param {Scene} scene @param {Group} group @param {number} index @param {Box} box
   */
  drawBelow(scene, group, index, box) {
    const { board } = this;
    let y = box.y;
    const total = sumOf(group.widths);
    // Of each block so many columns as `widths` says; of one that has none of it, nothing.
    const row = (/** @type {string} */ label, /** @type {OffscreenCanvas} */ image, widths = group.widths) => {
      board.write(label, box.x - GAP, y + STRIP / 2, { align: "right", size: 11.5, room: this.label + this.met });
      let at = 0;
      for (const [place, width] of group.widths.entries()) {
        const [from, wide] = [(at / total) * image.width, (width / total) * image.width];
        if (widths[place]) board.pen.drawImage(image, from, 0, wide, 1, box.x + (box.width * at) / total, y, (box.width * width) / total, STRIP);
        at += width;
      }
      y += STRIP + 2;
    };
    for (const vector of group.vectors) {
      const { shape, values } = scene.sent.array(vector.values);
      const short = vector.name.split("/").slice(-2).join("/").replace(/^gates\/|^candidate\//, "");
      const image = this.raster(`vector ${index} ${vector.name}`, values, 1, shape[0], scene.sent.head.weights);
      row(vector.added ? `+ ${short}` : short, image, group.widths.map((width, place) => (vector.of[place] ? width : 0)));
    }
    const sums = scene.step(scene.steps.head.step.sums?.[index]);
    if (!sums) return;
    const from = y;
    row(`Σ_t`, raster(sums, 1, sums.length, scene.around(sums), scene.ink(true)));
    if (group.gates.length) {
      const gates = group.gates.map((name) => scene.gateAt(name));
      if (gates.every(Boolean)) {
        board.write(scene.words.gates, box.x - GAP, y + STRIP / 2, { align: "right", size: 12, room: this.label + this.met });
        let x = box.x;
        for (const [place, name] of group.gates.entries()) {
          const values = /** @type {Float32Array} */ (gates[place]);
          const { scale } = /** @type {any} */ (scene.strip(name));
          const wide = (box.width * group.widths[place]) / sumOf(group.widths);
          board.pen.drawImage(raster(values, 1, values.length, scale, scene.ink(scale.diverging)), x, y, wide, STRIP);
          x += wide;
        }
        y += STRIP + 2;
      }
    }
    this.below.push({ box: { x: box.x, y: from, width: box.width, height: y - from }, group });
  }

  /** Marks the unit in all blocks. @param {Scene} scene @param {Group} group @param {Box} box */
  mark(scene, group, box) {
    const { pen } = this.board;
    const total = sumOf(group.widths);
    for (const [unit, colour, thick] of scene.units) {
      let start = 0;
      for (const width of group.widths) {
        if (unit < width && group.gates.length) {
          const cell = Math.max(3, box.width / total);
          const x = box.x + (box.width * (start + unit + 0.5)) / total;
          pen.strokeStyle = colour;
          pen.lineWidth = thick;
          pen.strokeRect(x - cell / 2, box.y - 1, cell, box.height + 2);
        }
        start += width;
      }
    }
  }

  /**
   * @param {string} key
   * @param {ArrayLike<number>} values
   * @param {number} rows
   * @param {number} columns
   * @param {import("./numbers.js").Scale} scale
   */
  raster(key, values, rows, columns, scale) {
    let found = this.rasters.get(key);
    if (!found) {
      found = raster(values, rows, columns, scale, /** @type {Scene} */ (this.scene).ink(scale.diverging));
      this.rasters.set(key, found);
    }
    return found;
  }

  /**
   * What lies under the pointer.
   *
   * @param {{offsetX: number, offsetY: number}} event
   * @returns {Place | null}
   */
  find({ offsetX, offsetY }) {
    const scene = this.scene;
    if (!scene) return null;
    for (const { matrix, group, box } of this.drawn) {
      if (!within(box, offsetX, offsetY)) continue;
      const row = Math.min(matrix.shape[0] - 1, Math.floor(((offsetY - box.y) / box.height) * matrix.shape[0]));
      const column = Math.min(matrix.shape[1] - 1, Math.floor(((offsetX - box.x) / box.width) * matrix.shape[1]));
      return { ...unitOf(group, column), text: this.describe(scene, matrix, group, row, column) };
    }
    for (const { box, group } of this.below) {
      if (!within(box, offsetX, offsetY)) continue;
      const total = sumOf(group.widths);
      const column = Math.min(total - 1, Math.floor(((offsetX - box.x) / box.width) * total));
      const { gate, unit } = unitOf(group, column);
      return gate ? { gate, unit, text: scene.describe(gate, unit, scene.t) } : null;
    }
    return null;
  }

  /**
   * A weight in words: what it meets, where it goes, its number or those of its tile.
   *
   * @param {Scene} scene @param {Matrix} matrix @param {Group} group @param {number} row @param {number} column
   */
  describe(scene, matrix, group, row, column) {
    let [start, part] = [0, matrix.rows[0]];
    for (const each of matrix.rows) {
      part = each;
      if (row < start + each.height) break;
      start += each.height;
    }
    const [down, across] = [tileOf(matrix.rowStarts, row), tileOf(matrix.columnStarts, column)];
    const { shape } = scene.sent.array(matrix.values);
    const at = down * shape[1] + across;
    const number = (/** @type {number} */ place) => write(scene.sent.array(place).values[at]);
    const { gate, unit } = unitOf(group, column);
    const target = gate ? `${gate}[${unit}]` : `${matrix.name} [${column}]`;
    const source = part.name === "x_t" ? scene.featureOf(row - start) : `${part.name.replace(/_\{?[^}]*\}?/g, "")}[${row - start}]`;
    if (matrix.low === undefined || matrix.high === undefined) return `${source} → ${target}\n${number(matrix.values)}`;
    const words = scene.words.tile.replace("{rows}", String(matrix.tile[0])).replace("{columns}", String(matrix.tile[1]));
    return `≈ ${source} → ${target}\n${words}: ${number(matrix.values)} (${number(matrix.low)} … ${number(matrix.high)})`;
  }
}

/** @param {Group} group @param {number} column @returns {{gate: string, unit: number}} */
function unitOf(group, column) {
  let start = 0;
  for (const [index, width] of group.widths.entries()) {
    if (column < start + width) return { gate: group.gates[index] ?? "", unit: column - start };
    start += width;
  }
  return { gate: "", unit: 0 };
}

/** @param {number[]} numbers */
const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** @param {Box} box @param {number} x @param {number} y */
const within = (box, x, y) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
