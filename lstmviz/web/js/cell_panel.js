/**
 * One step as it flows through the cell: nodes from left to right, each with one unit's number and those of the units beside it.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./numbers.js").FlowNode} FlowNode
 */

import { write } from "./numbers.js";
import { colourOf, sumOf } from "./paint.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL = 18; // pixels above a node's squares, as all here where the scale is 1
const NUMBER = 15; // and below them
const AIR = 8; // around them, and from a node to the one below it
const [SQUARE, SQUARE_LEAST] = [11, 4]; // a square is so high, and where there is less room no lower than that
const START = 48; // of [x, h] at the left
const [ACROSS, ACROSS_LEAST] = [60, 50]; // from a column to the next: numbers stand beside each other
const MOST_DOWN = 150; // from a node to the one below it
const LEAST_WIDE = 48; // of a node
const [WORDS, LEAST, LOW] = [15, 13, 0.75]; // how large words are: labels, numbers, and what is set lower

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {Element} parent
 */
function add(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  parent.append(made);
  return /** @type {SVGElement} */ (made);
}

export class CellPanel {
  /**
   * @param {HTMLElement} parent
   * @param {(name: string) => void} onPick a gate or a state, by the node that was clicked
   */
  constructor(parent, onPick) {
    this.parent = parent;
    this.onPick = onPick;
    this.svg = /** @type {SVGSVGElement} */ (add("svg", { class: "lv-cell", role: "group" }, parent));
    /** @type {{number: SVGElement, squares: SVGElement[], frame: SVGElement}[]} */
    this.drawn = [];
    this.shape = "";
    this.scale = 1;
    this.pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d")); // measures words
  }

  /**
   * How much room the cell at a step should have, and how much it has to have.
   *
   * @param {Scene} scene
   * @returns {Record<"good" | "least", {width: number, height: number}>}
   */
  needs(scene) {
    const { columns, rows } = sizeOf(scene);
    const size = (/** @type {number} */ across, /** @type {number} */ square) => ({
      width: Math.ceil((START + columns * across) * this.scale),
      height: Math.ceil((rows + 1) * (LABEL + square + NUMBER + AIR) * this.scale),
    });
    return { good: size(ACROSS, SQUARE), least: size(ACROSS_LEAST, SQUARE_LEAST) };
  }

  /** @param {Scene} scene */
  draw(scene) {
    const step = scene.steps.head.step;
    this.svg.setAttribute("aria-label", scene.words.cell);
    if (!step.count) {
      this.svg.replaceChildren();
      this.shape = "";
      return;
    }
    const { clientWidth, clientHeight } = this.parent;
    if (!clientWidth || !clientHeight) return;
    // What has no room is not made smaller than can be read: it is a scroll away, in its own box.
    const needs = this.needs(scene);
    const [width, height] = [Math.max(clientWidth, needs.least.width), Math.max(clientHeight, needs.least.height)];
    const widths = step.nodes.map((node) => scene.steps.array(node.values).shape[1]);
    const shape = JSON.stringify([step.nodes.map(({ values, ...rest }) => rest), widths, width, height, this.scale, scene.dark]);
    if (shape !== this.shape) this.build(scene, width, height);
    this.shape = shape;
    for (const [index, { number, squares, frame }] of this.drawn.entries()) {
      const node = step.nodes[index]; // of the same shape its numbers may have another place
      const values = scene.step(node.values);
      number.textContent = values ? write(values[node.at]) : "…";
      const scale = scaleOf(scene, node, values);
      for (const [k, square] of squares.entries()) {
        square.setAttribute("fill", values ? colourOf(values[k], scale, scene.ink(scale.diverging)) : "transparent");
      }
      frame.setAttribute("stroke", scene.accent);
    }
  }

  /** @param {Scene} scene @param {number} width @param {number} height */
  build(scene, width, height) {
    const { nodes, wires } = scene.steps.head.step;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    Object.assign(this.svg.style, { width: `${width}px`, height: `${height}px` });
    this.family = getComputedStyle(this.parent).fontFamily;
    const { columns, rows } = sizeOf(scene);
    const [label, digits, air, start] = [LABEL, NUMBER, AIR, START].map((size) => size * this.scale);
    const across = (width - start) / columns;
    const most = Math.max(...nodes.map((node) => scene.steps.array(node.values).shape[1]));
    const square = Math.max(2.5, Math.min(SQUARE * this.scale, (across - air) / most));
    const room = height - label - digits - air;
    const tall = Math.max(SQUARE_LEAST * this.scale, Math.min(square, (room - rows * (label + digits + air)) / (rows + 1)));
    const down = Math.min(rows ? (room - tall) / rows : 0, MOST_DOWN * this.scale);
    const top = label + air / 2 + (room - tall - rows * down) / 2;
    const x = (/** @type {number} */ column) => (column < 0 ? start / 2 : start + (column + 0.5) * across);
    const y = (/** @type {number} */ row) => top + row * down;
    const lines = add("g", { class: "lv-wires" }, this.svg);
    for (const wire of wires) add("path", { d: curve(wire.map(([column, row]) => [x(column), y(row)])) }, lines);
    const first = wires.find((wire) => wire[0][0] < 0);
    if (first) {
      const group = add("g", {}, this.svg);
      const high = 32 * this.scale;
      add("rect", { class: "lv-back", x: 0, y: y(first[0][1]) - high / 2, width: start - 4, height: high, rx: 6 }, group);
      this.label(group, "[x, h]", start / 2 - 2, y(first[0][1]) + 0.35 * LEAST * this.scale, LEAST, true);
    }
    this.drawn = nodes.map((node) => this.addNode(scene, node, { x: x(node.column), y: y(node.row), square, tall, across }));
  }

  /**
   * @param {Scene} scene
   * @param {FlowNode} node
   * @param {{x: number, y: number, square: number, tall: number, across: number}} place its middle, the top of its squares, how wide and how high
   *     one is, and how much room there is from column to column
   */
  addNode(scene, node, { x, y, square, tall, across }) {
    const count = scene.steps.array(node.values).shape[1];
    const gate = scene.gate(node.name);
    const name = gate ? gate.name : scene.sent.head.states.some((state) => node.name === `${state.name}_t`) ? node.name.slice(0, -2) : "";
    const group = add("g", { class: name ? "lv-node lv-open" : "lv-node" }, this.svg);
    const wide = count * square;
    const [above, digits, air] = [LABEL, NUMBER, AIR].map((size) => size * this.scale);
    const room = across - air / 2;
    const text = [node.label, node.sign].find((each) => each && this.widthOf(each, Boolean(gate)) <= room) ?? this.shorten(node.sign || node.label, Boolean(gate), room);
    const back = Math.max(wide + air, Math.min(Math.max(LEAST_WIDE * this.scale, this.widthOf(text, Boolean(gate)) + air), across - 4));
    const upper = y - above - air / 4;
    add("rect", { class: "lv-back", x: x - back / 2, y: upper, width: back, height: above + digits + tall + air / 2, rx: 5 }, group);
    if (gate) add("rect", { x: x - back / 2, y: upper, width: back, height: 3 * this.scale, rx: 1.5, fill: gate.hue }, group);
    if (text !== node.label) add("title", {}, group).textContent = plain(node.label);
    this.label(group, text, x, y - 0.5 * WORDS * this.scale, WORDS, Boolean(gate));
    const squares = Array.from({ length: count }, (_each, k) =>
      add("rect", { class: "lv-unit", x: x - wide / 2 + k * square, y, width: square - 0.75, height: tall }, group),
    );
    const frame = add("rect", { x: x - wide / 2 + node.at * square - 0.5, y: y - 0.5, width: square + 0.25, height: tall + 1, fill: "none", "stroke-width": count > 1 ? 1.75 * this.scale : 0 }, group);
    const number = add("text", { x, y: y + tall + digits - 2 * this.scale, class: "lv-number", "font-size": LEAST * this.scale }, group);
    if (name) {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", name);
      group.addEventListener("click", () => this.onPick(name));
      group.addEventListener("keydown", (event) => {
        if (/** @type {KeyboardEvent} */ (event).key === "Enter") this.onPick(name);
      });
    }
    return { number, squares, frame };
  }

  /** How wide words with Plotly's markup are. @param {string} markup @param {boolean} bold */
  widthOf(markup, bold) {
    return sumOf(
      partsOf(markup).map(([part, isLow]) => {
        this.pen.font = `${bold ? "700 " : ""}${this.sizeOf(WORDS, isLow)}px ${this.family}`;
        return this.pen.measureText(part).width;
      }),
    );
  }

  /** The beginning of words that fits, with dots behind it. @param {string} markup @param {boolean} bold @param {number} room */
  shorten(markup, bold, room) {
    if (this.widthOf(markup, bold) <= room) return markup;
    let count = [...plain(markup)].length - 1;
    while (count > 1 && this.widthOf(cut(markup, count), bold) > room) count -= 1;
    return cut(markup, count);
  }

  /** @param {number} size @param {boolean} isLow */
  sizeOf(size, isLow) {
    return this.scale * Math.max(LEAST, isLow ? size * LOW : size);
  }

  /** @param {Element} parent @param {string} markup @param {number} x @param {number} y @param {number} size @param {boolean} bold */
  label(parent, markup, x, y, size, bold) {
    const text = add("text", { x, y, class: "lv-label", "font-size": this.sizeOf(size, false), "font-weight": bold ? 700 : 400 }, parent);
    const drop = 0.2 * size * this.scale;
    let wasLow = false;
    for (const [part, isLow] of partsOf(markup)) {
      const dy = isLow === wasLow ? 0 : isLow ? drop : -drop;
      add("tspan", { dy, "font-size": this.sizeOf(size, isLow) }, text).textContent = part;
      wasLow = isLow;
    }
  }

  family = "sans-serif";
}

/** How many columns of nodes a step has, and how many rows lie below the first. @param {Scene} scene */
function sizeOf(scene) {
  const { nodes = [], wires = [] } = scene.steps.head.step;
  return {
    columns: Math.max(0, ...nodes.map((node) => node.column)) + 1,
    rows: Math.max(0, ...nodes.map((node) => node.row), ...wires.flat().map(([, row]) => row)),
  };
}

/** @param {Scene} scene @param {FlowNode} node @param {Float32Array | null} values */
function scaleOf(scene, node, values) {
  if (node.scale === "sigmoid") return { low: 0, high: 1, diverging: false };
  const strip = scene.strip(node.name.replace(/_t$|_\{t-1\}$/, ""));
  return strip && strip.scale.diverging ? strip.scale : scene.around(values ?? new Float32Array());
}

/** A line through points that leaves and arrives level. @param {number[][]} points */
function curve(points) {
  return points
    .map(([x, y], index) => {
      if (!index) return `M${x},${y}`;
      const [left, top] = points[index - 1];
      const middle = (left + x) / 2;
      return `C${middle},${top} ${middle},${y} ${x},${y}`;
    })
    .join("");
}

/** Words with Plotly's markup: `<b>`, `<sub>`. @param {string} markup */
const plain = (markup) => markup.replace(/<[^>]*>/g, "");

/** The first letters of words with Plotly's markup, and dots. @param {string} markup @param {number} count */
function cut(markup, count) {
  let left = count;
  const part = (/** @type {string} */ text) => {
    if (text.startsWith("<") || !text) return text;
    const letters = [...text];
    const kept = letters.slice(0, Math.max(0, left)).join("");
    const isLast = left > 0 && letters.length >= left;
    left -= letters.length;
    return isLast ? `${kept}…` : kept;
  };
  return markup.split(/(<[^>]*>)/).map(part).join("");
}

/**
 * Words with Plotly's markup in parts that stand on the line and parts that stand below it.
 *
 * @param {string} markup
 * @returns {[string, boolean][]}
 */
function partsOf(markup) {
  const found = /** @type {[string, boolean][]} */ ([]);
  let isLow = false;
  for (const part of markup.split(/(<\/?(?:b|sub)>)/)) {
    if (part === "<sub>") isLow = true;
    else if (part === "</sub>") isLow = false;
    else if (part && !part.startsWith("<")) found.push([part, isLow]);
  }
  return found;
}
