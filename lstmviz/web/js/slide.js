/**
 * The stage at a slide's size: kernel, cell and strips at one step with their titles, drawn beside the page and never shown there.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {{x: number, y: number, width: number, height: number}} Place
 */

import { CellPanel } from "./cell_panel.js";
import { KernelPanel } from "./kernel_panel.js";
import { write } from "./numbers.js";
import { Board, raster } from "./paint.js";
import { SvgPen, paintSvg, wrapSvg, writeSvg } from "./pen.js";
import { setPageColor } from "./streamlit.js";
import { TimePanel } from "./time_panel.js";

export const WIDE = 1920;
export const HIGH = 1080;
const SCALE = 1.45; // no word is smaller than 18 pixels
/** Fonts of one width, of which every system has one: a file that is opened elsewhere has none of the page's. */
export const EVERYWHERE = 'Arial, Helvetica, "Liberation Sans", sans-serif';
const EDGE = 40;
const [SENTENCE, HEAD, FOOT] = [64, 44, 34]; // pixels of the sentence, of a panel's title, and of what stands below
const GAP = 36;
const SIZES = [20, 18, 16, 14, 13]; // of the sentence, the largest that there is room for
const [LEGEND, LEGEND_HIGH] = [150, 14];
const THEMES = { light: ["#ffffff", "#1a1c24"], dark: ["#0e1117", "#fafafa"] }; // the page's own: background and text

export class Slide {
  /** @param {HTMLElement} parent @param {boolean} dark @param {string} [family] of its words; the page's own where none is said */
  constructor(parent, dark, family = "") {
    const [paper, ink] = THEMES[dark ? "dark" : "light"];
    this.paper = paper;
    this.ink = ink;
    this.box = parent.appendChild(document.createElement("div"));
    this.box.className = `lv-stage lv-slide${dark ? " lv-dark" : ""}`;
    this.box.setAttribute("aria-hidden", "true");
    this.box.inert = true;
    Object.assign(this.box.style, { position: "fixed", left: `${-2 * WIDE}px`, top: "0", width: `${WIDE}px`, height: `${HIGH}px`, color: this.ink, fontFamily: family });
    setPageColor(this.box, this.paper);
    const nothing = () => {};
    this.boxes = [0, 1, 2, 3].map(() => {
      const made = this.box.appendChild(document.createElement("div"));
      made.style.position = "absolute";
      return made;
    });
    const [whole, kernel, cell, time] = this.boxes;
    this.words = new Board(whole);
    this.kernel = new KernelPanel(kernel, nothing, nothing);
    this.cell = new CellPanel(cell, nothing);
    this.time = new TimePanel(time, nothing, nothing);
    this.boards = [this.words, this.kernel.board, this.time.board];
    const style = getComputedStyle(this.box);
    this.accent = style.getPropertyValue("--lv-accent").trim();
    for (const board of this.boards) Object.assign(board, { ink: this.ink, family: style.fontFamily, scale: SCALE, ratio: 1 });
    /** @type {Place[]} */
    this.places = [];
  }

  /** Where the panels have their place: the cell of some kinds is wide, and that of some is high. @param {Scene} scene */
  arrange(scene) {
    const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low, Math.min(high, value));
    const [width, height] = [WIDE - 2 * EDGE, HIGH - EDGE / 2 - SENTENCE - 2 * HEAD - FOOT];
    this.cell.scale = SCALE;
    const { good } = this.cell.needs(scene);
    const kernel = Math.round((width - GAP) * within(1 - good.width / width, 0.38, 0.59));
    const above = Math.round(height * within(good.height / height, 0.56, 0.66));
    const top = EDGE / 2 + SENTENCE + HEAD;
    this.places = [
      { x: 0, y: 0, width: WIDE, height: HIGH },
      { x: EDGE, y: top, width: kernel, height: above },
      { x: EDGE + kernel + GAP, y: top, width: width - kernel - GAP, height: above },
      { x: EDGE, y: top + above + HEAD, width, height: height - above },
    ];
    for (const [index, { x, y, width: wide, height: high }] of this.places.entries()) {
      Object.assign(this.boxes[index].style, { left: `${x}px`, top: `${y}px`, width: `${wide}px`, height: `${high}px` });
    }
    const room = this.places[2];
    while (this.cell.scale > 0.6 && !fits(this.cell.needs(scene).least, room)) this.cell.scale *= 0.95;
  }

  /** @param {Scene} scene */
  draw(scene) {
    this.arrange(scene);
    this.words.begin();
    this.write(scene);
    this.kernel.draw(scene);
    this.cell.draw(scene);
    this.time.draw(scene);
  }

  /** What stands around the panels. @param {Scene} scene */
  write(scene) {
    const { words: board } = this;
    const { head } = scene.sent;
    board.pen.fillStyle = this.paper;
    board.pen.fillRect(0, 0, WIDE, HIGH);
    const room = WIDE - 2 * EDGE;
    const sentence = `${head.kind}: ${head.sentence.map(({ text }) => text).join("")}`;
    const size = SIZES.find((each) => board.widthOf(sentence, { size: each, bold: true }) <= room) ?? SIZES[SIZES.length - 1];
    board.writeFirst([sentence], EDGE, EDGE / 2 + SENTENCE / 2, { size, bold: true, room });
    const titles = [head.titles.kernel, scene.titleOfStep.replaceAll("_", LOW_LINE), head.titles.gates];
    for (const [index, title] of titles.entries()) {
      const { x, y, width } = this.places[index + 1];
      board.writeFirst([title], x, y - HEAD / 2, { size: 16, bold: true, room: index ? width : width - 2 * LEGEND });
    }
    this.drawLegend(scene);
    board.writeFirst([[head.told, head.drawn].filter(Boolean).join(" · ")], EDGE, HIGH - FOOT / 2, { room });
  }

  /** What the weights' colours stand for, at the right of their title. @param {Scene} scene */
  drawLegend(scene) {
    const { words: board } = this;
    const { x, y, width } = this.places[1];
    const { weights, groups } = scene.sent.head;
    const tiled = groups.flatMap((group) => group.matrices).find(({ tile }) => tile[0] * tile[1] > 1);
    const scale = tiled ? { low: 0, high: scene.largest(tiled.values), diverging: false } : weights;
    const values = Float32Array.from({ length: 128 }, (_each, k) => scale.low + ((scale.high - scale.low) * k) / 127);
    const right = x + width;
    const middle = y - HEAD / 2;
    const taken = board.write(write(scale.high), right, middle, { align: "right" });
    const left = right - taken - 8 - LEGEND;
    board.pen.drawImage(raster(values, 1, 128, scale, scene.ink(scale.diverging)), left, middle - LEGEND_HIGH / 2, LEGEND, LEGEND_HIGH);
    board.write(write(scale.low), left - 8, middle, { align: "right" });
  }

  /** Draws a scene onto a canvas of a slide's size. @param {Scene} scene @param {HTMLCanvasElement} canvas */
  paint(scene, canvas) {
    this.draw(scene);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    const [whole, kernel, cell, time] = this.places;
    for (const [board, { x, y }] of /** @type {[Board, Place][]} */ ([[this.words, whole], [this.kernel.board, kernel], [this.time.board, time]])) {
      pen.drawImage(board.canvas, x, y);
    }
    pen.save();
    pen.translate(cell.x, cell.y);
    paintSvg(pen, this.cell.svg);
    pen.restore();
  }

  /** @param {Scene} scene @returns {string} */
  svg(scene) {
    const pens = this.boards.map((board) => board.pen);
    for (const [index, board] of this.boards.entries()) board.pen = /** @type {any} */ (new SvgPen(pens[index]));
    try {
      this.draw(scene);
      const [words, kernel, time] = this.boards.map((board) => String(board.pen));
      const drawn = [words, kernel, writeSvg(this.cell.svg), time];
      const parts = drawn.map((part, index) => `<g transform="translate(${this.places[index].x} ${this.places[index].y})">\n${part}\n</g>`);
      return wrapSvg(parts.join("\n"), WIDE, HIGH);
    } finally {
      for (const [index, board] of this.boards.entries()) board.pen = pens[index];
    }
  }

  close() {
    this.box.remove();
  }
}

const LOW_LINE = "\u02cd"; // in what a sequence calls a step: one letter behind an underscore would be set lower

/** @param {{width: number, height: number}} needs @param {Place} room */
const fits = (needs, room) => needs.width <= room.width && needs.height <= room.height;
