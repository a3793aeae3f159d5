/**
 * A lesson's own drawings: small ones, in its column, of the setting that the stage shows.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {{words: Record<string, string>, pick: (gate: string) => void, change: (name: string, value: string) => void,
 *   finish: () => void}} Hand what a drawing can do: open a gate, change the setting, say that it is done
 * @typedef {{draw: (scene: Scene) => void}} Figure
 */

import { before, forgetBias, plain, recorded } from "./lesson_facts.js";
import { write } from "./numbers.js";
import { colourOf, raster, split } from "./paint.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, TALL] = [276, 150]; // of a drawing, in units of its own

/** @param {string} tag @param {string} name @param {Element} parent */
export function make(tag, name, parent) {
  const made = /** @type {HTMLElement} */ (parent.appendChild(document.createElement(tag)));
  if (name) made.className = name;
  return made;
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {Element} parent */
function add(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  parent.append(made);
  return made;
}

/** Words with `code`, **bold** and what stands lower: c_{t-1}. @param {string} text @returns {(string | HTMLElement)[]} */
export function markUp(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).flatMap((part) => {
    const tag = part.startsWith("**") ? "b" : part.startsWith("`") ? "code" : "";
    if (!tag) return lower(part);
    const made = document.createElement(tag);
    made.append(...lower(part.replace(/^(\*\*|`)|(\*\*|`)$/g, "")));
    return [made];
  });
}

/** @param {string} text @returns {(string | HTMLElement)[]} */
export const lower = (text) =>
  split(text).map(([part, isLow]) => {
    if (!isLow) return part;
    const made = document.createElement("sub");
    made.textContent = part;
    return made;
  });

/** @param {Element} box @param {number} [tall] @returns {SVGSVGElement} */
const canvas = (box, tall = TALL) => /** @type {SVGSVGElement} */ (add("svg", { viewBox: `0 0 ${WIDE} ${tall}`, role: "img" }, box));

/** x's nodes, the layer's nodes, and a wire from each to each. @implements {Figure} */
class Layer {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { words }) {
    this.words = words;
    this.svg = canvas(box);
    this.shown = "";
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { inputSize, numUnits } = scene.sent.head;
    if (this.shown === `${inputSize} ${numUnits}`) return;
    this.shown = `${inputSize} ${numUnits}`;
    this.svg.replaceChildren();
    const wires = add("g", { class: "lv-wires" }, this.svg);
    const inputs = this.column(inputSize, 8, 44, this.words.inputs, "start");
    const nodes = this.column(numUnits, 20, WIDE - 66, this.words.layer, "end");
    this.svg.setAttribute("aria-label", `${this.words.inputs} → ${this.words.layer}`.replace("{count}", String(inputSize)).replace("{count}", String(numUnits)));
    for (const [x, y] of inputs) for (const [right, down] of nodes) add("line", { x1: x, y1: y, x2: right, y2: down }, wires);
  }

  /**
   * @param {number} count @param {number} most nodes that there is room for @param {number} x @param {string} words
   * @param {"start" | "end"} side
   */
  column(count, most, x, words, side) {
    const shown = Math.min(count, most);
    const pitch = Math.min(20, (TALL - 38) / Math.max(1, shown));
    const top = 26 + (TALL - 38 - pitch * (shown - 1)) / 2;
    const places = Array.from({ length: shown }, (_none, k) => [x, top + k * pitch]);
    const kind = side === "start" ? "lv-input" : "lv-layer";
    for (const [cx, cy] of places) add("circle", { cx, cy, r: Math.max(2, Math.min(7, pitch * 0.42)), class: kind }, this.svg);
    const text = add("text", { x: side === "start" ? 0 : WIDE, y: 12, "text-anchor": side }, this.svg);
    text.textContent = words.replace("{count}", String(count));
    if (count > shown) {
      const more = add("text", { x: x + 14, y: TALL - 8 }, this.svg);
      more.textContent = `+ ${count - shown}`;
    }
    return places;
  }
}

/** The four gates: what each is for, and how open it is; a click opens it. @implements {Figure} */
class Gates {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { pick }) {
    this.pick = pick;
    this.list = make("div", "lv-roles", box);
    this.sum = make("p", "lv-made", box);
    this.names = "";
    /** @type {Map<string, {bar: HTMLElement, number: HTMLElement}>} */
    this.rows = new Map();
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { gates } = scene.sent.head;
    const names = JSON.stringify(gates.map(({ name, role }) => [name, role]));
    if (names !== this.names) this.build(gates);
    this.names = names;
    for (const { name, share } of gates) {
      const value = recorded(scene, name, scene.unit, scene.t);
      const row = /** @type {{bar: HTMLElement, number: HTMLElement}} */ (this.rows.get(name));
      row.number.textContent = value === undefined ? "…" : write(value);
      const [from, to] = share ? [0, value ?? 0] : [0.5 + Math.min(0, value ?? 0) / 2, 0.5 + Math.max(0, value ?? 0) / 2];
      row.bar.style.left = `${100 * from}%`;
      row.bar.style.width = `${100 * (to - from)}%`;
    }
    const [f, i, j] = ["f", "i", "j"].map((name) => recorded(scene, name, scene.unit, scene.t));
    const [old, c] = [before(scene, "c", scene.unit), recorded(scene, "c", scene.unit, scene.t)];
    const numbers = [f, old, i, j, c].map((value) => (value === undefined ? "…" : value < 0 ? `(${write(value)})` : write(value)));
    this.sum.replaceChildren(...lower("c_t = f · c_{t-1} + i · j"), document.createElement("br"), `= ${numbers[0]} · ${numbers[1]} + ${numbers[2]} · ${numbers[3]} = ${c === undefined ? "…" : write(c)}`);
  }

  /** @param {import("./numbers.js").Gate[]} gates */
  build(gates) {
    this.list.replaceChildren();
    this.rows.clear();
    for (const { name, title, role, hue } of gates) {
      const row = /** @type {HTMLButtonElement} */ (make("button", "lv-role", this.list));
      row.type = "button";
      row.style.borderLeftColor = hue;
      row.addEventListener("click", () => this.pick(name));
      make("b", "", row).textContent = name;
      make("span", "", row).textContent = `${title} ${role}`;
      const scale = make("i", "lv-open-scale", row);
      const bar = make("i", "", scale);
      bar.style.background = hue;
      this.rows.set(name, { bar, number: make("output", "", row) });
    }
  }
}

const ROWS = 10; // nodes that the products have room for
const PITCH = 14;

/** What becomes of the products, node by node, where f has another number of nodes. @implements {Figure} */
class Partner {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { words, finish }) {
    this.words = words;
    this.finish = finish;
    /** @type {number | null} nodes of f, where not as many as of the others */
    this.nodes = null;
    this.units = 0;
    this.wasOther = false;
    const label = make("label", "lv-slide", box);
    make("span", "", label).textContent = words.nodes;
    this.slider = /** @type {HTMLInputElement} */ (make("input", "", label));
    Object.assign(this.slider, { type: "range", min: "1", step: "1" });
    this.slider.dataset.of = "partner";
    this.number = make("output", "", label);
    this.slider.addEventListener("input", () => this.set(Number(this.slider.value)));
    this.svg = canvas(box, ROWS * PITCH + 24);
    this.told = make("p", "lv-told", box);
    this.told.setAttribute("role", "status");
  }

  /** @param {number} nodes */
  set(nodes) {
    this.nodes = nodes;
    if (this.nodes !== this.units) this.wasOther = true;
    else if (this.wasOther) this.finish();
    if (this.scene) this.draw(this.scene);
  }

  /** @param {Scene} scene */
  draw(scene) {
    this.scene = scene;
    const { numUnits } = scene.sent.head;
    if (numUnits !== this.units) this.nodes = null;
    this.units = numUnits;
    const nodes = this.nodes ?? numUnits;
    this.slider.max = String(numUnits + 4);
    this.slider.value = String(nodes);
    this.number.textContent = String(nodes);
    const count = Math.abs(nodes - numUnits);
    this.told.textContent = count ? this.words.alone.replace("{count}", String(count)) : this.words.paired;
    this.told.classList.toggle("lv-wrong", count > 0);
    this.svg.setAttribute("aria-label", this.told.textContent);
    this.svg.replaceChildren();
    const last = Math.max(nodes, numUnits);
    const first = Math.max(0, last - ROWS);
    const columns = /** @type {[string, number, (unit: number) => number | undefined][]} */ ([
      ["f", 50, (unit) => recorded(scene, "f", unit, scene.t)],
      ["c_{t-1}", 96, (unit) => before(scene, "c", unit)],
      ["i", 156, (unit) => recorded(scene, "i", unit, scene.t)],
      ["j", 196, (unit) => recorded(scene, "j", unit, scene.t)],
      ["c_t", 248, (unit) => recorded(scene, "c", unit, scene.t)],
    ]);
    for (const [name, x] of columns) this.write(x, 9, name, true);
    for (let unit = first; unit < last; unit++) {
      const y = 20 + (unit - first) * PITCH;
      this.write(14, y + 9, String(unit), false);
      for (const [name, x, value] of columns) this.square(scene, name, x, y, unit < (name === "f" ? nodes : numUnits), value(unit), unit < Math.min(nodes, numUnits));
      for (const [sign, x] of /** @type {[string, number][]} */ ([["·", 73], ["+", 126], ["·", 176], ["=", 222]])) this.write(x, y + 9, sign, false);
    }
    if (first) this.write(14, 9, "…", false);
  }

  /** @param {number} x @param {number} y @param {string} symbols @param {boolean} bold */
  write(x, y, symbols, bold) {
    const text = add("text", { x, y, "text-anchor": "middle", "font-weight": bold ? 700 : 400 }, this.svg);
    for (const [part, isLow] of split(symbols)) {
      const span = add("tspan", isLow ? { "font-size": "75%", dy: 2.5 } : {}, text);
      span.textContent = part;
    }
  }

  /**
   * @param {Scene} scene @param {string} name @param {number} x @param {number} y @param {boolean} isThere
   * @param {number | undefined} value @param {boolean} isPaired
   */
  square(scene, name, x, y, isThere, value, isPaired) {
    const isLost = !isPaired && (name === "f" || name === "c_{t-1}" || name === "c_t");
    const strip = scene.strip(name.replace(/_.*/, ""));
    const of = isThere && !(name === "c_t" && !isPaired) && value !== undefined && strip;
    const fill = of ? colourOf(value, strip.scale, scene.ink(strip.scale.diverging)) : "none";
    const box = add("rect", { x: x - 13, y, width: 26, height: PITCH - 3, fill, class: isLost ? "lv-lost" : "lv-found" }, this.svg);
    if (isLost && !of) this.write(x, y + 9, "?", true);
    else if (isLost) box.setAttribute("data-alone", "true");
  }
}

/** Four layers, put side by side into one kernel; its sums, cut in four. @implements {Figure} */
class Stack {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { words, finish }) {
    this.words = words;
    const buttons = make("div", "lv-pair", box);
    this.root = make("div", "lv-stack", box);
    this.root.dataset.state = "apart";
    this.blocks = make("div", "lv-blocks", this.root);
    this.sums = make("div", "lv-blocks lv-sums", this.root);
    this.told = make("p", "lv-told", box);
    this.told.setAttribute("role", "status");
    let isBuilt = false;
    this.button(buttons, words.build, "built", () => (isBuilt = true));
    this.button(buttons, words.cut, "cut", () => isBuilt && finish());
  }

  /** @param {HTMLElement} parent @param {string} words @param {string} state @param {() => void} then */
  button(parent, words, state, then) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "", parent));
    button.type = "button";
    button.textContent = words;
    button.dataset.to = state;
    button.addEventListener("click", () => {
      this.root.dataset.state = state;
      then();
      if (this.scene) this.draw(this.scene);
    });
  }

  /** @param {Scene} scene */
  draw(scene) {
    this.scene = scene;
    const { groups, gates, numUnits } = scene.sent.head;
    const matrix = groups[0]?.matrices[0];
    if (!matrix) return;
    const [rows, columns] = matrix.shape;
    const { state = "apart" } = this.root.dataset;
    const words = { apart: this.words.apart, built: this.words.stacked, cut: this.words.pieces }[state] ?? "";
    this.told.textContent = words.replace("{rows}", String(rows)).replace("{columns}", String(columns)).replace("{units}", String(numUnits));
    const sums = scene.step(scene.steps.head.step.sums?.[0]);
    const of = scene.sent.array(matrix.values);
    const isTiled = matrix.tile[0] * matrix.tile[1] > 1;
    const scale = isTiled ? { low: 0, high: scene.largest(matrix.values), diverging: false } : scene.sent.head.weights;
    const image = raster(of.values, of.shape[0], of.shape[1], scale, scene.ink(scale.diverging));
    this.paint(this.blocks, image, gates, of.shape);
    if (sums) this.paint(this.sums, raster(sums, 1, sums.length, scene.around(sums), scene.ink(true)), gates, [1, sums.length]);
  }

  /** @param {HTMLElement} parent @param {OffscreenCanvas} image @param {import("./numbers.js").Gate[]} gates @param {number[]} shape */
  paint(parent, image, gates, [rows, columns]) {
    while (parent.children.length < gates.length) {
      const block = make("div", "", parent);
      make("b", "", block);
      make("canvas", "", block);
    }
    const wide = columns / gates.length;
    for (const [k, { name, hue }] of gates.entries()) {
      const block = /** @type {HTMLElement} */ (parent.children[k]);
      block.style.borderTopColor = hue;
      /** @type {HTMLElement} */ (block.firstElementChild).textContent = name;
      const canvas = /** @type {HTMLCanvasElement} */ (block.lastElementChild);
      Object.assign(canvas, { width: Math.max(1, Math.round(wide)), height: rows });
      canvas.getContext("2d")?.drawImage(image, k * wide, 0, wide, rows, 0, 0, canvas.width, rows);
    }
  }
}

/** The number that is added to f. @implements {Figure} */
class ForgetBias {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { words, change }) {
    this.words = words;
    const label = make("label", "lv-slide", box);
    make("code", "", label).textContent = "forget_bias";
    this.slider = /** @type {HTMLInputElement} */ (make("input", "", label));
    Object.assign(this.slider, { type: "range", min: "-3", max: "3", step: "0.5" });
    this.slider.dataset.of = "forget_bias";
    this.number = make("output", "", label);
    this.slider.addEventListener("input", () => change("forget_bias", this.slider.value));
    const row = make("div", "lv-slide", box);
    this.name = make("span", "", row);
    const scale = make("i", "lv-open-scale", row);
    this.bar = make("i", "", scale);
    this.open = make("output", "", row);
  }

  /** @param {Scene} scene */
  draw(scene) {
    const bias = forgetBias(scene);
    if (this.slider !== document.activeElement) this.slider.value = String(bias);
    this.number.textContent = plain(bias);
    const f = recorded(scene, "f", scene.unit, scene.t);
    this.name.textContent = this.words.gate.replace("{unit}", String(scene.unit));
    this.bar.style.background = scene.gate("f")?.hue ?? "";
    this.bar.style.left = "0";
    this.bar.style.width = `${100 * (f ?? 0)}%`;
    this.open.textContent = f === undefined ? "…" : write(f);
  }
}

/** A linear layer in front: two products, or one. @implements {Figure} */
class Linear {
  /** @param {HTMLElement} box @param {Hand} hand */
  constructor(box, { words, change }) {
    this.words = words;
    const label = make("label", "lv-switch", box);
    this.check = /** @type {HTMLInputElement} */ (make("input", "", label));
    this.check.type = "checkbox";
    this.check.dataset.of = "linear";
    /** @type {boolean | null} as it was drawn last */
    this.isOn = null;
    make("span", "", label).textContent = words.linear;
    this.check.addEventListener("change", () => change("linear", String(this.check.checked)));
    this.shapes = make("div", "lv-shapes", box);
    this.told = make("p", "lv-told", box);
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { inputSize, groups, linear: isOn, difference, dtype } = scene.sent.head;
    if (isOn !== this.isOn) this.check.checked = this.isOn = isOn; // whoever has switched it is ahead of what is drawn
    const columns = groups[0]?.matrices[0]?.shape[1] ?? 0;
    const line = (/** @type {[string, string][]} */ ...parts) => {
      const made = document.createElement("div");
      for (const [name, shape] of parts) {
        const part = make(name === "·" || name === "=" ? "i" : "span", "", made);
        part.append(...lower(name));
        if (shape) make("small", "", part).textContent = shape;
      }
      return made;
    };
    const [x, a, k] = [`[1, ${inputSize}]`, `[${inputSize}, ${inputSize}]`, `[${inputSize}, ${columns}]`];
    this.shapes.replaceChildren(
      ...(isOn ? [line(["x", x], ["·", ""], ["A", a], ["·", ""], ["K_x", k]), line(["=", ""], ["x", x], ["·", ""], ["A·K_x", k])] : [line(["x", x], ["·", ""], ["K_x", k])]),
    );
    this.told.textContent = isOn && difference !== null ? this.words.equal.replace("{difference}", write(difference)).replace("{dtype}", dtype) : "";
  }
}

/** @type {Record<string, new (box: HTMLElement, hand: Hand) => Figure>} */
const FIGURES = { layer: Layer, gates: Gates, partner: Partner, stack: Stack, forget_bias: ForgetBias, linear: Linear };

/** A drawing by its name in a lesson. @param {string} name @param {HTMLElement} box @param {Hand} hand @returns {Figure} */
export const draw = (name, box, hand) => new FIGURES[name](box, hand);

/** The drawings that there are. */
export const names = () => Object.keys(FIGURES);
