/**
 * The weights as the matrix products that they take part in: what meets the rows stands at their left, what comes of it beneath.
 *
 * @typedef {import("./numbers.js").Group} Group
 * @typedef {import("./numbers.js").Matrix} Matrix
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./scene.js").Place} Place
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{matrix: Matrix, group: Group, box: Box, top: number}} Drawn a matrix, its place, and its first row among its group's
 * @typedef {Group["vectors"][number]} Vector
 * @typedef {{label: string, short: string, vectors: Vector[]}} Row vectors of one meaning, each of other gates
 * @typedef {import("./scene.js").Weight} Weight
 * @typedef {{matrix: number, row: number, column: number, vector?: number}} Cell a place in one of the matrices that are drawn, or in a vector below them
 */

import { tileOf, write } from "./numbers.js";
import { Board, raster, sumOf } from "./paint.js";

const [MET, MET_NARROW] = [20, 12]; // pixels of the column at the left of a matrix, as all here where the scale is 1
const GAP = 5;
const BAND = 34; // above a gate's block
const STRIP = 16; // of a vector, and of the sums
const BESIDE = 12; // between rows and their names
const LABELS = 0.42; // of a group's width at most, for the names of its rows
const LINE = 17; // of words
const NARROW = 560;
const LEAST = 24; // of a matrix's height
const SEEN = 7; // of a marked cell, at least

export class KernelPanel {
  /**
   * @param {HTMLElement} parent
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  constructor(parent, onPoint, onPick) {
    this.board = new Board(parent);
    /** @type {Drawn[]} */
    this.drawn = [];
    /** @type {{box: Box, group: Group}[]} */
    this.below = [];
    /** @type {{box: Box, group: Group, row: Row}[]} */
    this.vectors = [];
    /** @type {{box: Box, name: string, size: number, tile: number, values: number}[]} */
    this.alone = [];
    /** @type {Map<string, OffscreenCanvas>} */
    this.rasters = new Map();
    /** @type {any} */
    this.of = null;
    this.dark = false;
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Cell | null} which the keyboard is on */
    this.cell = null;
    this.board.listen((event) => this.find(event), onPoint, onPick);
  }

  get isNarrow() {
    return this.board.width < NARROW;
  }

  get met() {
    return this.board.px(this.isNarrow ? MET_NARROW : MET);
  }

  /** From one vector to the next. */
  get pitch() {
    return this.board.px(STRIP + 2);
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
    this.vectors = [];
    this.alone = [];
    const { board, pitch } = this;
    const { width, height } = board;
    const band = board.px(BAND);
    const columns = sumOf(groups.map((group) => sumOf(group.widths))) || 1;
    const most = Math.max(0, ...groups.map((group) => rowsOf(group).length));
    const foot = (most + 2 + alone.length) * pitch + GAP;
    const tall = Math.max(board.px(LEAST), height - band - foot);
    const labels = groups.map((group) => this.labelOf(scene, group, width / groups.length));
    const room = width - sumOf(labels) - groups.length * (this.met + 2 * GAP);
    let x = 0;
    for (const [index, group] of groups.entries()) {
      const wide = (room * sumOf(group.widths)) / columns;
      const box = { x: x + labels[index] + this.met + GAP, y: band, width: wide, height: tall };
      this.drawGroup(scene, group, index, box, labels[index]);
      x += labels[index] + this.met + 2 * GAP + wide;
    }
    this.drawAlone(scene, height - alone.length * pitch);
    for (const edit of scene.sent.head.edits ?? []) this.markEdit(scene, edit);
    this.markCell(scene);
  }

  /** The weights that stand in no group. @param {Scene} scene @param {number} y */
  drawAlone(scene, y) {
    const { board, pitch } = this;
    const { alone, weights } = scene.sent.head;
    const names = Math.max(0, ...alone.map(({ name }) => board.widthOf(name))) + BESIDE;
    for (const [index, { name, size, tile, values }] of alone.entries()) {
      const top = y + index * pitch;
      board.write(name, 0, top + board.px(STRIP / 2));
      const { shape, values: numbers } = scene.sent.array(values);
      const image = this.raster(`alone ${name}`, numbers, 1, shape[0], weights);
      const box = { x: names, y: top, width: Math.min(board.width - names, size * board.px(24)), height: board.px(STRIP) };
      board.pen.drawImage(image, box.x, box.y, box.width, box.height);
      this.alone.push({ box, name, size, tile, values });
    }
  }

  /** How wide the names of a group's rows are, as far as there is room for them. @param {Scene} scene @param {Group} group @param {number} room */
  labelOf(scene, group, room) {
    const { board, met } = this;
    const rows = group.matrices.flatMap((matrix) => matrix.rows.map(({ name }) => board.widthOf(name, ROW_NAME) + BESIDE));
    const below = [...rowsOf(group).map(({ label }) => label), scene.words.gates].map((label) => board.widthOf(label) - met);
    return Math.min(room * LABELS, Math.max(...rows, ...below));
  }

  /**
   * @param {Scene} scene
   * @param {Group} group
   * @param {number} index
   * @param {Box} box of the group's matrices
   * @param {number} label how wide the names of the rows are
   */
  drawGroup(scene, group, index, box, label) {
    const { board } = this;
    const rows = sumOf(group.matrices.map((matrix) => matrix.shape[0]));
    this.drawBands(scene, group, box, label);
    const met = scene.step(scene.steps.head.step.met?.[index]);
    let [top, y, tile, floor] = [0, box.y, 0, 0];
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
      floor = this.drawRows(matrix, place, label, floor);
      [top, y, tile] = [top + matrix.shape[0], y + height, tile + count];
    }
    this.drawLines(scene, group, box);
    this.drawBelow(scene, group, index, { ...box, y: box.y + box.height + 4 }, label);
    this.mark(scene, group, box);
  }

  /** @param {Scene} scene @param {Group} group @param {Box} box @param {number} label how wide the names of the rows are */
  drawBands(scene, group, box, label) {
    const { board } = this;
    const total = sumOf(group.widths);
    const [y, bar] = [board.px(12), board.px(5)];
    let x = box.x;
    for (const [index, width] of group.widths.entries()) {
      const gate = scene.gate(group.gates[index]);
      const wide = (box.width * width) / total;
      if (gate) {
        board.pen.fillStyle = gate.hue;
        board.pen.fillRect(x + 1, box.y - bar - 2, wide - 2, bar);
        const taken = board.writeFirst([gate.name], x + 2, y, { bold: true, size: 16, room: wide - 4 });
        board.write(gate.title, x + 8 + taken, y + 1, { room: wide - taken - 10 });
      } else board.writeFirst([group.matrices[0].name], x + wide, y, { align: "right", room: label + this.met + wide });
      x += wide;
    }
  }

  /**
   * The names of a matrix's rows; where these are too low for them, one below the other.
   *
   * @param {Matrix} matrix @param {Box} box
   * @param {number} label how wide they may be
   * @param {number} floor where the next of them can be
   * @returns {number} the same for the next matrix
   */
  drawRows(matrix, box, label, floor) {
    const { board } = this;
    const line = board.px(LINE);
    let y = box.y;
    for (const { name, height } of matrix.rows) {
      const tall = (box.height * height) / matrix.shape[0];
      const right = box.x - this.met - GAP;
      board.pen.fillStyle = board.ink;
      board.pen.fillRect(right - 4, y + 1, 1.5, tall - 2);
      const lines = this.breakName(name, label - 8, Math.max(1, Math.floor(tall / line)));
      const isTall = tall > (lines.length + 1) * line;
      const count = lines.length + (isTall ? 1 : 0);
      let middle = Math.max(floor + line / 2, y + tall / 2 - ((count - 1) * line) / 2);
      for (const each of lines) {
        board.writeFirst([each], right - 8, middle, { ...ROW_NAME, align: "right", room: label - 8 });
        middle += line;
      }
      if (isTall) board.write(`${height}`, right - 8, middle, { align: "right" });
      floor = middle + (isTall ? line / 2 : -line / 2);
      y += tall;
    }
    return floor;
  }

  /** A name in as many lines as it takes, broken between its words, and as there is room for. @param {string} name @param {number} room @param {number} most */
  breakName(name, room, most) {
    /** @type {string[]} */
    const lines = [];
    for (const word of name.split(" ")) {
      const longer = [...lines.slice(-1), word].join(" ");
      if (lines.length && (lines.length === most || this.board.widthOf(longer, ROW_NAME) <= room)) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
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
   * @param {Scene} scene @param {Group} group @param {number} index @param {Box} box @param {number} label
   */
  drawBelow(scene, group, index, box, label) {
    const { board, pitch } = this;
    let y = box.y;
    const strip = board.px(STRIP);
    const name = (/** @type {string[]} */ choices) =>
      board.writeFirst(choices, box.x - GAP, y + strip / 2, { align: "right", room: label + this.met });
    for (const row of rowsOf(group)) {
      const { label, short, vectors } = row;
      name([label, short]);
      this.vectors.push({ box: { ...box, y, height: strip }, group, row });
      for (const vector of vectors) {
        const { shape, values } = scene.sent.array(vector.values);
        const image = this.raster(`vector ${index} ${vector.name}`, values, 1, shape[0], scene.sent.head.weights);
        this.drawBlocks(group, image, { ...box, y, height: strip }, vector.of);
      }
      y += pitch;
    }
    const sums = scene.step(scene.steps.head.step.sums?.[index]);
    if (!sums) return;
    const from = y;
    name(["Σ_t"]);
    this.drawBlocks(group, raster(sums, 1, sums.length, scene.around(sums), scene.ink(true)), { ...box, y, height: strip });
    y += pitch;
    const gates = group.gates.map((gate) => scene.gateAt(gate));
    if (gates.length && gates.every(Boolean)) {
      name([scene.words.gates]);
      let x = box.x;
      for (const [place, gate] of group.gates.entries()) {
        const values = /** @type {Float32Array} */ (gates[place]);
        const { scale } = /** @type {any} */ (scene.strip(gate));
        const wide = (box.width * group.widths[place]) / sumOf(group.widths);
        board.pen.drawImage(raster(values, 1, values.length, scale, scene.ink(scale.diverging)), x, y, wide, strip);
        x += wide;
      }
      y += pitch;
    }
    this.below.push({ box: { x: box.x, y: from, width: box.width, height: y - from }, group });
  }

  /** Of each block so many columns as it has; of one that has none of it, nothing. @param {Group} group @param {OffscreenCanvas} image @param {Box} box @param {boolean[]} [of] */
  drawBlocks(group, image, box, of) {
    const total = sumOf(group.widths);
    let at = 0;
    for (const [place, width] of group.widths.entries()) {
      const [from, wide] = [(at / total) * image.width, (width / total) * image.width];
      if (of?.[place] ?? true) {
        this.board.pen.drawImage(image, from, 0, wide, 1, box.x + (box.width * at) / total, box.y, (box.width * width) / total, box.height);
      }
      at += width;
    }
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
          pen.lineWidth = this.board.px(thick);
          pen.strokeRect(x - cell / 2, box.y - 1, cell, box.height + 2);
        }
        start += width;
      }
    }
  }

  /** Frames the cell that the keyboard is on. @param {Scene} scene */
  markCell(scene) {
    const drawn = this.cell && this.drawn[this.cell.matrix];
    if (!this.cell || !drawn) return;
    const below = this.rowBelow(this.cell);
    if (below) return this.frame(scene, slice(below.box, this.cell.column, below.group.matrices[0].columnStarts, sumOf(below.group.widths)), scene.accent);
    this.frame(scene, placeIn(drawn, this.cell.row, this.cell.column), scene.accent);
  }

  /** Frames a weight that was edited. @param {Scene} scene @param {import("./numbers.js").Edit} edit */
  markEdit(scene, { name, place }) {
    const drawn = this.drawn.find(({ matrix }) => matrix.name === name);
    if (drawn) this.frame(scene, placeIn(drawn, place[0], place[1]), scene.edited);
    for (const { box, group, row } of this.vectors) {
      const vector = row.vectors.find((each) => each.name === name);
      const column = vector ? columnOf(group, vector, place[0]) : -1;
      if (column >= 0) this.frame(scene, slice(box, column, group.matrices[0].columnStarts, sumOf(group.widths)), scene.edited);
    }
    const alone = this.alone.find((each) => each.name === name);
    if (alone) this.frame(scene, slice(alone.box, place[0], undefined, alone.size), scene.edited);
  }

  /** @param {Scene} scene @param {Box} box @param {string} colour */
  frame(scene, box, colour) {
    const seen = this.board.px(SEEN);
    const [wide, tall] = [Math.max(seen, box.width), Math.max(seen, box.height)];
    const [x, y] = [box.x + (box.width - wide) / 2, box.y + (box.height - tall) / 2];
    const { pen } = this.board;
    for (const [ink, thick] of /** @type {[string, number][]} */ ([[scene.ringed, 4], [colour, 2]])) {
      pen.strokeStyle = ink;
      pen.lineWidth = this.board.px(thick);
      pen.strokeRect(x, y, wide, tall);
    }
  }

  /**
   * Moves the marked cell: by one weight, or where many are drawn as one by so many; the first time it is marked it stands where
   * the pinned unit's column begins.
   *
   * @param {number} down rows, or an infinite number of them
   * @param {number} right columns, or an infinite number of them
   * @returns {Place | null} where it is then; null where there are no weights
   */
  move(down, right) {
    const from = this.cell && this.drawn[this.cell.matrix] ? this.cell : null;
    this.cell = !from ? this.start() : this.rowBelow(from) ? this.besideBelow(from, down, right) : this.beside(from, down, right);
    return this.place;
  }

  /** The row of vectors that a marked cell is in, if it is in one. @param {Cell} cell */
  rowBelow({ vector }) {
    return vector === undefined ? undefined : this.vectors[vector];
  }

  /** From a vector to the next, or back into the matrix above. @param {Cell} from @param {number} down @param {number} right @returns {Cell} */
  besideBelow(from, down, right) {
    const { group } = this.vectors[from.vector ?? 0];
    if (!down) return { ...from, column: along(group.matrices[0].columnStarts, from.column, right, sumOf(group.widths)) };
    const next = (from.vector ?? 0) + Math.sign(down);
    if (this.vectors[next]?.group === group) return { ...from, vector: next };
    return down < 0 ? { matrix: from.matrix, row: from.row, column: from.column } : from;
  }

  /** Where the marked cell is. @returns {Place | null} */
  get place() {
    const drawn = this.cell && this.drawn[this.cell.matrix];
    if (!this.cell || !drawn || !this.scene) return null;
    const below = this.rowBelow(this.cell);
    if (below) {
      const total = sumOf(below.group.widths);
      return vectorAt(this.scene, below.group, below.row, (this.cell.column + 0.5) / total) ?? { text: "–" };
    }
    const { matrix, group } = drawn;
    const [row, column] = [Math.min(this.cell.row, matrix.shape[0] - 1), Math.min(this.cell.column, matrix.shape[1] - 1)];
    return { ...unitOf(group, column), weight: { name: matrix.name, place: [row, column] }, text: this.describe(this.scene, matrix, group, row, column) };
  }

  /** @returns {Cell | null} */
  start() {
    const { scene } = this;
    if (!scene || !this.drawn.length) return null;
    const at = Math.max(0, this.drawn.findIndex(({ group }) => group.gates.includes(scene.gateName)));
    const { group } = this.drawn[at];
    const gate = Math.max(0, group.gates.indexOf(scene.gateName));
    const before = sumOf(group.widths.slice(0, gate));
    return { matrix: at, row: 0, column: before + Math.min(scene.unit, group.widths[gate] - 1) };
  }

  /** @param {Cell} from @param {number} down @param {number} right @returns {Cell} */
  beside({ matrix, row, column }, down, right) {
    const { matrix: here, group } = this.drawn[matrix];
    const to = { matrix, row: along(here.rowStarts, row, down, here.shape[0]), column: along(here.columnStarts, column, right, here.shape[1]) };
    if (to.row !== row || to.column !== column || !Number.isFinite(down || right)) return to;
    // At an edge: the matrix below or above of the same group, or the group at that side.
    const isNext = (/** @type {Drawn} */ other) => (down ? other.group === group : other.group !== group);
    const behind = (down || right) > 0;
    const others = [...this.drawn.keys()].filter((place) => (behind ? place > matrix : place < matrix) && isNext(this.drawn[place]));
    if (others.length) return this.enter(others[behind ? 0 : others.length - 1], to, down, right);
    const vector = down > 0 ? this.vectors.findIndex((each) => each.group === group) : -1;
    return vector < 0 ? to : { ...to, vector };
  }

  /** The cell of another matrix at the side from which one comes. @param {number} at @param {Cell} from @param {number} down @param {number} right @returns {Cell} */
  enter(at, { row, column }, down, right) {
    const [rows, columns] = this.drawn[at].matrix.shape;
    return {
      matrix: at,
      row: down ? (down > 0 ? 0 : rows - 1) : Math.min(row, rows - 1),
      column: right ? (right > 0 ? 0 : columns - 1) : Math.min(column, columns - 1),
    };
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
      return { ...unitOf(group, column), weight: { name: matrix.name, place: [row, column] }, text: this.describe(scene, matrix, group, row, column) };
    }
    for (const { box, group, row } of this.vectors) {
      if (within(box, offsetX, offsetY)) return vectorAt(scene, group, row, (offsetX - box.x) / box.width);
    }
    for (const { box, name, size, tile, values } of this.alone) {
      if (!within(box, offsetX, offsetY)) continue;
      const index = Math.min(size - 1, Math.floor(((offsetX - box.x) / box.width) * size));
      const number = write(scene.sent.array(values).values[Math.floor(index / tile)]);
      return { weight: { name, place: [index] }, text: `${tile > 1 ? "≈ " : ""}${name}[${index}]\n${number}` };
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
    const source = part.name === "x_t" ? scene.featureOf(row - start) : `${part.name.replace(/_(\{[^}]*\}|\w)/g, "")}[${row - start}]`;
    if (matrix.low === undefined || matrix.high === undefined) return `${source} → ${target}\n${number(matrix.values)}`;
    const words = scene.words.tile.replace("{rows}", String(matrix.tile[0])).replace("{columns}", String(matrix.tile[1]));
    return `≈ ${source} → ${target}\n${words}: ${number(matrix.values)} (${number(matrix.low)} … ${number(matrix.high)})`;
  }
}

/**
 * What a weight is, and of how many rows and columns where it is drawn as one with others; null where it is not drawn.
 *
 * @param {Scene} scene @param {Weight} weight @returns {{value: number, tile: [number, number]} | null}
 */
export function findWeight({ sent }, { name, place }) {
  const [first, column] = place;
  for (const group of sent.head.groups) {
    const matrix = group.matrices.find((each) => each.name === name);
    const { tile } = group.matrices[0];
    if (matrix) {
      const { shape, values } = sent.array(matrix.values);
      if (first >= matrix.shape[0] || column >= matrix.shape[1]) return null;
      return { value: values[tileOf(matrix.rowStarts, first) * shape[1] + tileOf(matrix.columnStarts, column)], tile };
    }
    const vector = group.vectors.find((each) => each.name === name);
    const at = vector ? columnOf(group, vector, first) : -1;
    if (vector && at >= 0) return { value: sent.array(vector.values).values[tileOf(group.matrices[0].columnStarts, at)], tile: [1, tile[1]] };
  }
  const alone = sent.head.alone.find((each) => each.name === name);
  if (!alone || first >= alone.size) return null;
  return { value: sent.array(alone.values).values[Math.floor(first / alone.tile)], tile: [1, alone.tile] };
}

/** In which of a group's columns a vector's number stands; -1 where in none. @param {Group} group @param {Vector} vector @param {number} index */
function columnOf(group, vector, index) {
  const block = vector.starts.findIndex((start, place) => start >= 0 && index >= start && index < start + group.widths[place]);
  return block < 0 ? -1 : sumOf(group.widths.slice(0, block)) + index - vector.starts[block];
}

/** @param {Scene} scene @param {Group} group @param {Row} row @param {number} share from the left @returns {Place | null} */
function vectorAt(scene, group, row, share) {
  const total = sumOf(group.widths);
  const column = Math.min(total - 1, Math.floor(share * total));
  const { gate, unit } = unitOf(group, column);
  const block = group.gates.indexOf(gate);
  const vector = row.vectors.find(({ of }) => of[block]);
  if (!vector) return null;
  const { columnStarts, tile } = group.matrices[0];
  const text = `${tile[1] > 1 ? "≈ " : ""}${vector.name} → ${gate}[${unit}]\n${write(scene.sent.array(vector.values).values[tileOf(columnStarts, column)])}`;
  const start = vector.starts[block];
  if (start < 0) return { gate, unit, option: vector.name, text };
  return { gate, unit, weight: { name: vector.name, place: [start + unit] }, text };
}

/** Where a weight of a matrix is drawn, alone or with others. @param {Drawn} drawn @param {number} row @param {number} column @returns {Box} */
function placeIn({ matrix, box }, row, column) {
  const [top, bottom] = tileSpan(matrix.rowStarts, row, matrix.shape[0]);
  const tall = (box.height * (bottom - top)) / matrix.shape[0];
  return { ...slice(box, column, matrix.columnStarts, matrix.shape[1]), y: box.y + (box.height * top) / matrix.shape[0], height: tall };
}

/** The part of a row that a column has. @param {Box} box @param {number} column @param {number[] | undefined} starts @param {number} count @returns {Box} */
function slice(box, column, starts, count) {
  const [left, right] = tileSpan(starts, column, count);
  return { ...box, x: box.x + (box.width * left) / count, width: (box.width * (right - left)) / count };
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

const ROW_NAME = { bold: true, size: 15 };

/**
 * The vectors below a group. Those that are called alike and belong to other gates each stand in one row: the `gamma` of each gate.
 *
 * @param {Group} group
 * @returns {Row[]}
 */
export function rowsOf(group) {
  /** @type {Row[]} */
  const found = [];
  for (const vector of group.vectors) {
    const parts = vector.name.split("/");
    const sign = vector.added ? "+ " : "";
    const short = sign + parts[parts.length - 1];
    const own = sign + parts.slice(-2).join("/").replace(/^(gates|candidate)\//, "");
    const isFree = (/** @type {Row} */ row) => row.short === short && !row.vectors.some(({ of }) => of.some((has, place) => has && vector.of[place]));
    const row = found.find(isFree);
    if (row) {
      row.vectors.push(vector);
      row.label = short;
    } else found.push({ label: own, short, vectors: [vector] });
  }
  return found;
}

/** @param {Box} box @param {number} x @param {number} y */
const within = (box, x, y) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;

/**
 * The weights that are drawn as one with another, from one up to another.
 *
 * @param {number[] | undefined} starts where tiles begin; none where each stands for one
 * @param {number} index
 * @param {number} count of all
 * @returns {[number, number]}
 */
function tileSpan(starts, index, count) {
  if (!starts) return [index, index + 1];
  const tile = tileOf(starts, index);
  return [starts[tile], starts[tile + 1] ?? count];
}

/**
 * So many tiles further along an axis, and no further than there are.
 *
 * @param {number[] | undefined} starts
 * @param {number} index
 * @param {number} by
 * @param {number} count
 */
export function along(starts, index, by, count) {
  const tiles = starts ? starts.length : count;
  const tile = Math.max(0, Math.min(tiles - 1, tileOf(starts, index) + by));
  return starts && by ? starts[tile] : by ? tile : index;
}
