/**
 * Paints numbers on a canvas: a colour for each, scaled up without smoothing.
 *
 * @typedef {import("./numbers.js").Scale} Scale
 */

const LEVELS = 256;
const THINNEST = 6; // pixels of a group that a line bounds

/**
 * The colours of a scale from its low end to its high one, as a canvas keeps them.
 *
 * @param {[number, string][]} stops places from 0 to 1, and `#rrggbb`
 * @returns {Uint32Array}
 */
export function spread(stops) {
  const found = new Uint32Array(LEVELS);
  const bytes = new Uint8ClampedArray(found.buffer);
  for (let level = 0; level < LEVELS; level++) {
    const place = level / (LEVELS - 1);
    let above = stops.findIndex(([at]) => at >= place);
    if (above < 1) above = 1;
    const [[from, low], [to, high]] = [stops[above - 1], stops[above]];
    const share = (place - from) / (to - from);
    const [a, b] = [parse(low), parse(high)];
    for (let k = 0; k < 3; k++) bytes[4 * level + k] = a[k] + (b[k] - a[k]) * share;
    bytes[4 * level + 3] = 255;
  }
  return found;
}

/** @param {string} colour `#rrggbb` */
const parse = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** @param {string} colour `#rrggbb` */
export function solid(colour) {
  const word = new Uint32Array(1);
  new Uint8ClampedArray(word.buffer).set([...parse(colour), 255]);
  return word[0];
}

/**
 * Which of a scale's colours a number has.
 *
 * @param {number} value
 * @param {Scale} scale
 */
export function levelOf(value, { low, high }) {
  const size = Math.max(Math.abs(low), Math.abs(high)) || 1; // the span of a run that explodes overflows
  const share = (value / size - low / size) / (high / size - low / size || 1);
  return Math.max(0, Math.min(LEVELS - 1, Math.round(share * (LEVELS - 1))));
}

/**
 * @typedef {{colours: Uint32Array, nonfinite: number}} Ink
 */

/**
 * A canvas with a point for each number.
 *
 * @param {ArrayLike<number>} values rows by columns
 * @param {number} rows
 * @param {number} columns
 * @param {Scale} scale
 * @param {Ink} ink
 */
export function raster(values, rows, columns, scale, ink) {
  const canvas = new OffscreenCanvas(Math.max(1, columns), Math.max(1, rows));
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(canvas.width, canvas.height);
  const points = new Uint32Array(image.data.buffer);
  for (let k = 0; k < rows * columns; k++) {
    const value = values[k];
    points[k] = Number.isFinite(value) ? ink.colours[levelOf(value, scale)] : ink.nonfinite;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

/**
 * The colour of one number, as CSS writes it.
 *
 * @param {number} value
 * @param {Scale} scale
 * @param {Ink} ink
 */
export function colourOf(value, scale, ink) {
  const word = Number.isFinite(value) ? ink.colours[levelOf(value, scale)] : ink.nonfinite;
  return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
}

/**
 * The rows before which a line of a pixel parts two groups, where both are thick enough: lines must not cover what they part.
 *
 * @param {number[]} apart the rows before which a group begins, but the first
 * @param {number} rows
 * @param {number} tall pixels of all rows
 */
export function bordersSeen(apart, rows, tall) {
  const borders = [0, ...apart, rows];
  const least = (THINNEST * rows) / tall;
  return apart.filter((row, k) => Math.min(row - borders[k], borders[k + 2] - row) >= least);
}

/** @typedef {{size?: number, bold?: boolean, colour?: string, align?: "left" | "right" | "center", room?: number}} How words are written */

const LOW = 0.75; // of words' size: those that are set lower
const LEAST = 13; // of any words, before they are scaled; 18 pixels are legible on a projector, from the last row

/** A canvas as large as its place on the screen, sharp on every screen; words and gaps are as large as its `scale` says. */
export class Board {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.canvas = parent.appendChild(document.createElement("canvas"));
    this.canvas.style.cssText = "display: block; width: 100%; height: 100%; position: absolute; inset: 0";
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.width = this.height = 0;
  }

  /** Wipes it; false where it has no room. */
  begin() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = this.ratio || devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    else this.pen.clearRect(0, 0, clientWidth, clientHeight);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.imageSmoothingEnabled = false;
    [this.width, this.height] = [clientWidth, clientHeight];
    return clientWidth > 0 && clientHeight > 0;
  }

  /** Pixels on the screen. @param {number} size as it is where the scale is 1 */
  px(size) {
    return size * this.scale;
  }

  /**
   * Words with what stands behind `_` set lower: `h_{t-1}`, `c_t`. Where there is no room for them, none are written.
   *
   * @param {string} symbols
   * @param {number} x
   * @param {number} y its middle
   * @param {How} how
   * @returns {number} how wide they are
   */
  write(symbols, x, y, how = {}) {
    const { bold = false, colour = "", align = "left", room = Infinity } = how;
    const parts = this.measure(symbols, how);
    const total = sumOf(parts.map(({ width }) => width));
    if (total > room) return total;
    let left = align === "right" ? x - total : align === "center" ? x - total / 2 : x;
    this.pen.fillStyle = colour || this.ink;
    this.pen.textBaseline = "middle";
    this.pen.textAlign = "left";
    for (const { text, isLow, size, width } of parts) {
      this.pen.font = this.font(size, bold);
      this.pen.fillText(text, left, y + (isLow ? size * 0.3 : 0));
      left += width;
    }
    return total;
  }

  /**
   * The first of some words that there is room for; else the last of them, as far as there is room.
   *
   * @param {string[]} choices
   * @param {number} x
   * @param {number} y
   * @param {How & {room: number}} how
   */
  writeFirst(choices, x, y, how) {
    const fits = (/** @type {string} */ words) => this.widthOf(words, how) <= how.room;
    let words = choices.find(fits) ?? choices[choices.length - 1];
    for (let kept = words; !fits(words) && kept; ) words = `${(kept = kept.slice(0, -1))}…`;
    return this.write(words, x, y, how);
  }

  /** How wide words are. @param {string} symbols @param {How} how */
  widthOf(symbols, how = {}) {
    return sumOf(this.measure(symbols, how).map(({ width }) => width));
  }

  /** @param {string} symbols @param {How} how */
  measure(symbols, { size = LEAST, bold = false }) {
    return split(symbols).map(([text, isLow]) => {
      const own = this.px(Math.max(LEAST, isLow ? size * LOW : size));
      this.pen.font = this.font(own, bold);
      return { text, isLow, size: own, width: this.pen.measureText(text).width };
    });
  }

  /** @param {number} size @param {boolean} bold */
  font(size, bold) {
    return `${bold ? "600 " : ""}${size}px ${this.family}`;
  }

  /**
   * Tells what the pointer is on, and what is clicked.
   *
   * @template Place
   * @param {(event: {offsetX: number, offsetY: number}) => Place | null} find
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  listen(find, onPoint, onPick) {
    this.canvas.addEventListener("pointermove", (event) => onPoint(find(event), event));
    this.canvas.addEventListener("pointerleave", (event) => onPoint(null, event));
    this.canvas.addEventListener("click", (event) => {
      const place = find(event);
      if (place) onPick(place);
    });
  }

  family = "sans-serif";
  ink = "#16212b";
  scale = 1;
  ratio = 0; // of its own pixels to the page's; 0 for the screen's
}

/** @param {number[]} numbers */
export const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/**
 * Symbols in parts that stand on the line and parts that stand below it.
 *
 * @param {string} symbols
 * @returns {[string, boolean][]}
 */
export function split(symbols) {
  const found = /** @type {[string, boolean][]} */ ([]);
  for (const [, plain, group, letter] of symbols.matchAll(/([^_]+|_(?!\{|[\p{L}\p{N}](?![\p{L}\p{N}_])))|_(?:\{([^}]*)\}|([\p{L}\p{N}]))/gu)) {
    const last = found[found.length - 1];
    if (plain !== undefined && last && !last[1]) last[0] += plain; // an underscore within a word
    else if (plain !== undefined) found.push([plain, false]);
    else found.push([(group ?? letter).replace("-", "−"), true]);
  }
  return found;
}
