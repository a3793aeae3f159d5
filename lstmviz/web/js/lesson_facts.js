/**
 * What a lesson's texts have filled in, and the numbers below its lines of code: all from what the stage shows.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./numbers.js").Group} Group
 */

import { write } from "./numbers.js";

const NOTHING = "…"; // where the stage cannot tell

/**
 * A gate or a state of one unit at a step.
 *
 * @param {Scene} scene
 * @param {string} name
 * @param {number} unit
 * @param {number} t
 * @returns {number | undefined} nothing where the stage has means alone
 */
export function recorded(scene, name, unit, t) {
  const strip = scene.strip(name);
  if (!strip || strip.tile[0] * strip.tile[1] > 1) return undefined;
  const { shape, values } = scene.sent.array(strip.values);
  return unit < shape[0] && t >= 0 && t < shape[1] ? values[scene.rowOf(strip, unit) * shape[1] + t] : undefined;
}

/** A state before a step, which begins at zeros. @param {Scene} scene @param {string} name @param {number} unit */
export const before = (scene, name, unit) => (scene.t ? recorded(scene, name, unit, scene.t - 1) : 0);

/** @param {Scene} scene @returns {Group} */
const kernelOf = (scene) => scene.sent.head.groups[0];

/** @param {Scene} scene @param {string} name of a vector, or how it ends */
function vector(scene, name) {
  const found = kernelOf(scene)?.vectors.find((each) => each.name === name || each.name.endsWith(`/${name}`));
  return found ? scene.sent.array(found.values).values : null;
}

/** @param {Scene} scene @returns {number} */
export function forgetBias(scene) {
  return vector(scene, "forget_bias")?.find((value) => !Number.isNaN(value)) ?? 0;
}

/** @param {Scene} scene @param {string} name */
function all(scene, name) {
  const strip = scene.strip(name);
  return strip ? scene.sent.array(strip.values).values : null;
}

/** @param {Scene} scene @param {string} name */
function mean(scene, name) {
  const values = all(scene, name);
  return values?.length ? write(values.reduce((sum, value) => sum + value, 0) / values.length) : NOTHING;
}

/** How far from 0 a state goes. @param {Scene} scene @param {string} name */
function reach(scene, name) {
  const strip = scene.strip(name);
  if (!strip) return NOTHING;
  let size = 0;
  for (const place of [strip.values, strip.low, strip.high]) {
    if (place !== undefined) for (const value of scene.sent.array(place).values) size = Math.max(size, Math.abs(value));
  }
  return write(size);
}

/** @param {number | undefined} value */
const shown = (value) => (value === undefined ? NOTHING : write(value));

/** @param {number} count */
const counted = (count) => count.toLocaleString("en-US");

/** A number that somebody has set. @param {number} number */
export const plain = (number) => String(Number(number.toPrecision(6))).replace("-", "−");

/** Where a unit's column of a gate stands in the kernel. @param {string} gate @returns {(scene: Scene) => string} */
const column = (gate) => (scene) => {
  const at = kernelOf(scene)?.gates.indexOf(gate) ?? -1;
  return at < 0 ? NOTHING : String(at * scene.sent.head.numUnits + scene.unit);
};

/** @param {(...numbers: number[]) => number} pick @returns {(scene: Scene) => string} */
const bias = (pick) => (scene) => {
  const values = vector(scene, "bias");
  return values ? write(values.reduce((found, value) => pick(found, value))) : NOTHING;
};

/** @param {Scene} scene @returns {[number, number]} */
const shapeOf = (scene) => kernelOf(scene)?.matrices[0]?.shape ?? [0, 0];

/** What can be filled in, by its name in a text. @type {Record<string, (scene: Scene) => string>} */
const FACTS = {
  num_units: (scene) => counted(scene.sent.head.numUnits),
  input_size: (scene) => counted(scene.sent.head.inputSize),
  rows: (scene) => counted(shapeOf(scene)[0]),
  columns: (scene) => counted(shapeOf(scene)[1]),
  weights: (scene) => counted(shapeOf(scene)[0] * shapeOf(scene)[1]),
  parameters: (scene) => counted(scene.sent.head.parameters),
  forget_bias: (scene) => plain(forgetBias(scene)),
  step: (scene) => scene.labelOf(scene.t),
  steps: (scene) => counted(scene.sent.head.steps),
  unit: (scene) => String(scene.unit),
  c: (scene) => shown(recorded(scene, "c", scene.unit, scene.t)),
  h: (scene) => shown(recorded(scene, "h", scene.unit, scene.t)),
  c_before: (scene) => shown(before(scene, "c", scene.unit)),
  i_mean: (scene) => mean(scene, "i"),
  f_mean: (scene) => mean(scene, "f"),
  o_mean: (scene) => mean(scene, "o"),
  c_size: (scene) => reach(scene, "c"),
  h_size: (scene) => reach(scene, "h"),
  bias_low: bias(Math.min),
  bias_high: bias(Math.max),
  column_i: column("i"),
  column_j: column("j"),
  column_f: column("f"),
  column_o: column("o"),
};

/** What can be filled in. */
export const names = () => Object.keys(FACTS);

/** A text with everything filled in. @param {string} text @param {Scene} scene */
export const fill = (text, scene) => text.replace(/\{([a-z]\w*)\}/g, (hole, name) => FACTS[name]?.(scene) ?? hole);

/**
 * Numbers below a line of code.
 *
 * @typedef {{name: string, shape: string, numbers: {label: string, value: number | undefined, gate: string}[], rest: number}} Row
 *     `rest` are so many numbers more; `gate` is the one whose hue a number has
 */

const SHOWN = 5; // numbers of a row

/**
 * @param {string} name one of those that `lessons.py` knows
 * @param {Scene} scene
 * @returns {Row[]}
 */
export function rowsOf(name, scene) {
  const { numUnits } = scene.sent.head;
  const [rows, columns] = shapeOf(scene);
  if (name === "concat") return [concatenated(scene, rows)];
  if (name === "c" || name === "h") return [combined(name, scene)];
  if (name === "forget_bias") {
    const bias = forgetBias(scene);
    const of = (/** @type {string} */ label, /** @type {number | undefined} */ value) => ({ label, value, gate: "f" });
    const numbers = [of("split", added(scene, "f")), of("+ forget_bias", bias), of("= Σ_f", sumOf(scene, "f")), of("f", recorded(scene, "f", scene.unit, scene.t))];
    return [{ name: "", shape: "", numbers, rest: 0 }];
  }
  const from = { matmul: product, bias_add: added, split: added }[name] ?? added;
  const numbers = kernelOf(scene)?.gates.map((gate) => ({ label: gate, value: from(scene, gate), gate })) ?? [];
  const shape = name === "split" ? `4 × [1, ${numUnits}]` : `[1, ${columns}]`;
  return [{ name, shape, numbers, rest: 0 }];
}

/** @param {Scene} scene @param {number} rows @returns {Row} */
function concatenated(scene, rows) {
  const met = scene.step(scene.steps.head.step.met?.[0]);
  const { inputSize } = scene.sent.head;
  const isExact = met?.length === rows;
  // Of a long x its first numbers, and always one of h: it is the two that are put together.
  const ofX = Math.min(inputSize, SHOWN - 1);
  const places = [...Array(ofX).keys(), inputSize].filter((at) => at < rows);
  const label = (/** @type {number} */ at) => (at < inputSize ? `x[${at}]` : `h[${at - inputSize}]`);
  const numbers = places.map((at) => ({ label: label(at), value: isExact ? met?.[at] : undefined, gate: "" }));
  return { name: "concat", shape: `[1, ${rows}]`, numbers, rest: rows - numbers.length };
}

/** The sum of a gate's unit before its activation. @param {Scene} scene @param {string} gate */
function sumOf(scene, gate) {
  const sums = scene.step(scene.steps.head.step.sums?.[0]);
  const [, columns] = shapeOf(scene);
  const at = Number(column(gate)(scene));
  return sums?.length === columns ? sums[at] : undefined;
}

/** What the matrix product gives to a gate's unit: its column's weights times what meets them. @param {Scene} scene @param {string} gate */
export function product(scene, gate) {
  const met = scene.step(scene.steps.head.step.met?.[0]);
  const matrix = kernelOf(scene).matrices[0];
  const { shape, values } = scene.sent.array(matrix.values);
  if (!met || matrix.tile[0] * matrix.tile[1] > 1 || met.length !== shape[0]) return undefined;
  const at = Number(column(gate)(scene));
  let sum = 0;
  for (let row = 0; row < shape[0]; row++) sum += met[row] * values[row * shape[1] + at];
  return sum;
}

/** The same with the bias. @param {Scene} scene @param {string} gate */
export function added(scene, gate) {
  const sum = product(scene, gate);
  return sum === undefined ? undefined : sum + (vector(scene, "bias")?.[Number(column(gate)(scene))] ?? 0);
}

/** How a state was made. @param {"c" | "h"} name @param {Scene} scene @returns {Row} */
function combined(name, scene) {
  const of = (/** @type {string} */ each) => recorded(scene, each, scene.unit, scene.t);
  const [f, i, j, o, c, h] = ["f", "i", "j", "o", "c", "h"].map(of);
  const old = before(scene, "c", scene.unit);
  const times = (/** @type {number | undefined} */ a, /** @type {number | undefined} */ b) => (a === undefined || b === undefined ? undefined : a * b);
  const numbers =
    name === "c"
      ? [{ label: "f·c_{t-1}", value: times(f, old), gate: "f" }, { label: "i·j", value: times(i, j), gate: "i" }, { label: "c_t", value: c, gate: "" }]
      : [{ label: "c_t", value: c, gate: "" }, { label: "o", value: o, gate: "o" }, { label: "h_t", value: h, gate: "" }];
  return { name, shape: "", numbers, rest: 0 };
}
