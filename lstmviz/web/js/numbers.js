/**
 * Reads what the server packed: the length of the JSON, the JSON, then arrays of float32, each in C order.
 *
 * @typedef {{shape: number[], values: Float32Array}} Numbers
 * @typedef {{low: number, high: number, diverging: boolean}} Scale
 * @typedef {{name: string, title: string, role: string, activation: string, share: boolean, hue: string}} Gate
 * @typedef {{name: string, shape: [number, number], rows: {name: string, meets: string, height: number}[], tile: [number, number],
 *   values: number, rowStarts?: number[], columnStarts?: number[], low?: number, high?: number}} Matrix
 * @typedef {{gates: string[], widths: number[], matrices: Matrix[], vectors: {name: string, added: boolean, of: boolean[], starts: number[], values: number}[]}} Group
 * @typedef {{name: string, title: string, rows: number, scale: Scale, tile: [number, number], values: number, low?: number, high?: number,
 *   ordered: boolean, stored?: number}} Strip `ordered` says whether its rows are in the stage's order; `stored` has its tiles in that of the kernel
 * @typedef {{name: string, label: string, operands: string[], scale: string, sign: string, wire: string, column: number, row: number,
 *   at: number, values: number}} FlowNode
 * @typedef {{first: number, count: number, unit: number, firstUnit: number, shown: number, met: number[], sums: number[], nodes: FlowNode[],
 *   wires: [number, number][][], start: string}} Steps
 * @typedef {{name: string, place: number[], value: number, was: number}} Edit a weight that is another than the cell's own
 * @typedef {{sizes: [string, number][], without: [string, number][]}} Errors
 * @typedef {{title: string, answers: number, truth: number, low: number, high: number, names: string[], sure?: number}} Answer `sure` has how sure each answer is, where it is one of some
 * @typedef {{kind: string, numUnits: number, inputSize: number, steps: number, parameters: number, titles: {kernel: string, gates: string},
 *   sentence: {text: string, counts: string}[], gates: Gate[], states: {name: string, title: string, size: number}[],
 *   colours: {diverging: {light: [number, string][], dark: [number, string][]}, sequential: [number, string][], nonfinite: string},
 *   groups: Group[], alone: {name: string, size: number, tile: number, values: number}[], weights: Scale, strips: Strip[], order: number[] | null, apart?: number[], measured?: {title: string, values: number} | null, labels: string[] | null,
 *   features: string[], said: Record<string, string>, unseen: Record<string, string>, title: string, step: Steps, told: string, drawn: string, alternatives: Record<string, string>, of: string, engine: string, linear: boolean,
 *   difference: number | null, dtype: string, errors: Errors | {}, look: string, isText: boolean, hasLedger: boolean, edits?: Edit[],
 *   answer?: Answer, training?: import("./training.js").Trained}} Head
 */

/** What the server sent of a stage, or of further steps of one. */
export class Sent {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    /** @type {Head & {shapes: number[][]}} */
    this.head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    let at = 4 + length;
    /** @type {Numbers[]} */
    this.arrays = this.head.shapes.map((shape) => {
      const count = shape.reduce((product, side) => product * side, 1);
      const values = new Float32Array(buffer, at, count);
      at += 4 * count;
      return { shape, values };
    });
  }

  /**
   * @param {number} place
   * @returns {Numbers}
   */
  array(place) {
    return this.arrays[place];
  }
}

/**
 * A number in at most three digits, with a minus sign as wide as a plus: as the pictures of the server write it.
 *
 * @param {number} number
 */
export function write(number) {
  const size = Math.abs(number);
  let text;
  if (Number.isNaN(number)) text = "NaN";
  else if (!Number.isFinite(number)) text = number > 0 ? "∞" : "-∞";
  else if (size === 0) text = "0";
  else if (size < 0.0995 || size >= 999.5) text = shortest(number);
  else text = fixed(number, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return text.replaceAll("-", "−");
}

/** A number that is kept in 32 bits in as few digits as tell it from its neighbours. @param {number} number */
export function writeExactly(number) {
  for (let digits = 1; digits < 9; digits++) {
    const text = number.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(number)) return String(Number(text));
  }
  return String(Number(number.toPrecision(9)));
}

/** @param {number} number @param {number} places behind the point */
function fixed(number, places) {
  const power = Number(number.toExponential(50).split("e")[1]);
  return toEven(number, power + 1 + places).toFixed(places);
}

/**
 * Two digits, in powers of ten where that is shorter.
 *
 * @param {number} given
 */
function shortest(given) {
  const number = toEven(given, 2);
  const [digits, power] = number.toExponential(1).split("e");
  const tens = Number(power);
  if (tens >= -4 && tens < 2) return String(Number(Number(number.toPrecision(2)).toFixed(Math.max(0, 1 - tens))));
  return `${digits.replace(/\.0$/, "")}e${tens < 0 ? "-" : "+"}${String(Math.abs(tens)).padStart(2, "0")}`;
}

/**
 * Halfway between two numbers of so many digits, Python writes the one whose last digit is even, and JavaScript the larger one:
 * there, a number that lies a little nearer to the even one.
 *
 * @param {number} number
 * @param {number} digits
 */
function toEven(number, digits) {
  const [all] = Math.abs(number).toExponential(50).replace(".", "").split("e");
  const isHalfway = /^50*$/.test(all.slice(digits));
  return isHalfway && Number(all[digits - 1] ?? 0) % 2 === 0 ? number * (1 - 2 ** -50) : number;
}

/**
 * Numbers in JSON, in which those that are none stand as their names.
 *
 * @param {string} text
 */
export function readJson(text) {
  return JSON.parse(text, (_key, value) => (NO_NUMBERS.has(value) ? Number(value) : value));
}

const NO_NUMBERS = new Set(["NaN", "Infinity", "-Infinity"]);

/**
 * Which tile an index lies in.
 *
 * @param {number[] | undefined} starts where tiles begin; none where each stands for one
 * @param {number} index
 */
export function tileOf(starts, index) {
  if (!starts) return index;
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= index) low = middle;
    else high = middle;
  }
  return low;
}
