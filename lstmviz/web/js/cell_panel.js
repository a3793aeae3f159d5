/**
 * One step as it flows through the cell: nodes from left to right, each with one unit's number and those of the units beside it.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./numbers.js").FlowNode} FlowNode
 */

import { write } from "./numbers.js";
import { colourOf } from "./paint.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL = 15; // pixels above a node's squares
const NUMBER = 14; // and below them
const MOST_DOWN = 150; // from a node to the one below it
const LEAST_WIDE = 40; // of a node

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
    /** @type {{node: FlowNode, number: SVGElement, squares: SVGElement[], frame: SVGElement}[]} */
    this.drawn = [];
    this.shape = "";
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
    const { clientWidth: width, clientHeight: height } = this.parent;
    if (!width || !height) return;
    const widths = step.nodes.map((node) => scene.steps.array(node.values).shape[1]);
    const shape = JSON.stringify([step.nodes.map(({ values, ...rest }) => rest), widths, width, height, scene.dark]);
    if (shape !== this.shape) this.build(scene, width, height);
    this.shape = shape;
    for (const { node, number, squares, frame } of this.drawn) {
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
    const columns = Math.max(...nodes.map((node) => node.column)) + 1;
    const rows = Math.max(0, ...nodes.map((node) => node.row), ...wires.flat().map(([, row]) => row));
    const start = 44; // pixels of [x, h] at the left
    const across = (width - start) / columns;
    const room = height - 24 - LABEL - NUMBER - 12;
    const down = Math.min(room / (rows || 1), MOST_DOWN);
    const top = 24 + (room - rows * down) / 2;
    const most = Math.max(...nodes.map((node) => scene.steps.array(node.values).shape[1]));
    const square = Math.max(2.5, Math.min(11, (across - 12) / most));
    const x = (/** @type {number} */ column) => (column < 0 ? start / 2 : start + (column + 0.5) * across);
    const y = (/** @type {number} */ row) => top + row * down;
    const lines = add("g", { class: "lv-wires" }, this.svg);
    for (const wire of wires) add("path", { d: curve(wire.map(([column, row]) => [x(column), y(row)])) }, lines);
    const first = wires.find((wire) => wire[0][0] < 0);
    if (first) {
      const group = add("g", {}, this.svg);
      add("rect", { class: "lv-back", x: 0, y: y(first[0][1]) - 16, width: start - 4, height: 32, rx: 6 }, group);
      label(group, "[x, h]", start / 2 - 2, y(first[0][1]) + 4, 13, true);
    }
    this.drawn = nodes.map((node) => this.addNode(scene, node, x(node.column), y(node.row), square, across));
  }

  /** @param {Scene} scene @param {FlowNode} node @param {number} x @param {number} y @param {number} square @param {number} across */
  addNode(scene, node, x, y, square, across) {
    const count = scene.steps.array(node.values).shape[1];
    const gate = scene.gate(node.name);
    const name = gate ? gate.name : scene.sent.head.states.some((state) => node.name === `${state.name}_t`) ? node.name.slice(0, -2) : "";
    const group = add("g", { class: name ? "lv-node lv-open" : "lv-node" }, this.svg);
    const wide = count * square;
    const words = plain(node.label);
    const room = across / (words.length || 1);
    const text = room < 5.5 && node.sign ? node.sign : node.label;
    const back = Math.max(wide + 8, Math.min(LEAST_WIDE, across - 4));
    add("rect", { class: "lv-back", x: x - back / 2, y: y - LABEL - 6, width: back, height: LABEL + NUMBER + square + 10, rx: 5 }, group);
    if (gate) add("rect", { x: x - back / 2, y: y - LABEL - 6, width: back, height: 3, rx: 1.5, fill: gate.hue }, group);
    label(group, text, x, y - 6, Math.min(14, Math.max(9, (across / Math.max(3, plain(text).length)) * 1.7)), Boolean(gate));
    const squares = Array.from({ length: count }, (_each, k) =>
      add("rect", { class: "lv-unit", x: x - wide / 2 + k * square, y, width: square - 0.75, height: square }, group),
    );
    const frame = add("rect", { x: x - wide / 2 + node.at * square - 0.5, y: y - 0.5, width: square + 0.25, height: square + 1, fill: "none", "stroke-width": count > 1 ? 1.75 : 0 }, group);
    const number = add("text", { x, y: y + square + NUMBER - 2, class: "lv-number" }, group);
    if (name) {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", name);
      group.addEventListener("click", () => this.onPick(name));
      group.addEventListener("keydown", (event) => {
        if (/** @type {KeyboardEvent} */ (event).key === "Enter") this.onPick(name);
      });
    }
    return { node, number, squares, frame };
  }
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

/** @param {Element} parent @param {string} markup @param {number} x @param {number} y @param {number} size @param {boolean} bold */
function label(parent, markup, x, y, size, bold) {
  const text = add("text", { x, y, class: "lv-label", "font-size": size, "font-weight": bold ? 700 : 400 }, parent);
  let low = false;
  for (const part of markup.split(/(<\/?(?:b|sub)>)/)) {
    if (part === "<sub>") low = true;
    else if (part === "</sub>") low = false;
    else if (part && !part.startsWith("<")) {
      const span = add("tspan", low ? { "font-size": size * 0.75, dy: size * 0.25 } : text.childNodes.length ? { dy: 0 } : {}, text);
      if (!low && text.childNodes.length > 1) span.setAttribute("dy", String(-size * 0.25));
      span.textContent = part;
    }
  }
  return text;
}
