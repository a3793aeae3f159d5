/**
 * Puts another step into the drawn figure of a step, from its frames; see `make_frames` in `plot/frames.py`.
 *
 * @typedef {[number, number][]} Places numbers of Plotly's traces, and how many parts of a frame each takes
 * @typedef {{unit: number, first: number, steps: number, zero: number, forms: string[], texts: string[], fills: string[], bars: string[],
 *   places: {texts: Places, fills: Places, bars: Places}, colours: Record<"rises" | "falls" | "nonfinite", string>}} Frames
 * @typedef {import("./linked.js").Plot & {shownStep?: number, shownFrames?: Frames, settling?: number}} Playing
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const SETTLE = 300; // milliseconds after which Plotly is told of what was drawn without it

/**
 * Draws step `t`: straight into the picture's own elements, for Plotly takes too long to do it thirty times a second. When
 * the steps rest Plotly is told, so that what it draws or saves next is the same.
 *
 * @param {Playing} plot
 * @param {Frames} frames
 * @param {number} t a step that the frames hold
 */
export function drawStep(plot, frames, t) {
  if (plot.shownStep === t && plot.shownFrames === frames) return;
  const step = t - frames.first;
  const data = plot.data.map((trace) => ({ ...trace }));
  putTexts(frames, step, data);
  putFills(frames, step, data);
  putBars(frames, step, data);
  const isNew = plot.shownFrames !== frames;
  Object.assign(plot, { shownStep: t, shownFrames: frames });
  clearTimeout(plot.settling);
  const settle = () => {
    if (plot.isConnected) /** @type {any} */ (window).Plotly.react(plot, data, plot.layout);
  };
  if (isNew || !paint(plot, data, frames)) settle();
  else plot.settling = setTimeout(settle, SETTLE);
}

/**
 * Changes the drawn elements to what `data` says.
 *
 * @param {Playing} plot
 * @param {Record<string, any>[]} data
 * @param {Frames} frames
 * @returns {boolean} whether each number has an element; Plotly makes none for an empty text
 */
function paint(plot, data, { places }) {
  const layout = plot._fullLayout;
  /** @type {[Element, string][]} */
  const texts = [];
  for (const [number, count] of places.texts) {
    const drawn = elements(plot, number, "text");
    const words = data[number].text;
    if (drawn.length !== count || words.includes("")) return false;
    words.forEach((/** @type {string} */ text, /** @type {number} */ index) => texts.push([drawn[index], unescape(text)]));
  }
  for (const [element, text] of texts) if (element.textContent !== text) element.textContent = text;
  for (const [number] of places.fills) {
    const { color, coloraxis } = data[number].marker;
    const drawn = elements(plot, number, "path.point");
    color.forEach((/** @type {number | string} */ level, /** @type {number} */ index) => {
      drawn[index].style.fill = typeof level === "string" ? level : mix(layout[coloraxis].colorscale, level / (ALPHABET.length - 1));
    });
  }
  const bars = plot.querySelectorAll(".trace.bars");
  for (const [order, [number]] of places.bars.entries()) {
    const { base, x, y, width, marker } = data[number];
    const { xaxis, yaxis } = plot._fullData[number];
    const [across, down] = [layout[xaxis.replace("x", "xaxis")], layout[yaxis.replace("y", "yaxis")]];
    bars[order].querySelectorAll("path").forEach((/** @type {SVGElement} */ bar, /** @type {number} */ index) => {
      const [left, right] = [across.c2p(base[index]), across.c2p(base[index] + x[index])];
      const [top, bottom] = [down.c2p(y[index] - width / 2), down.c2p(y[index] + width / 2)];
      bar.setAttribute("d", `M${left},${top}V${bottom}H${right}V${top}Z`);
      bar.style.fill = marker.color[index];
    });
  }
  return true;
}

/**
 * The elements of one of Plotly's scatter traces, in its order; the figure names the traces.
 *
 * @param {Playing} plot
 * @param {number} number
 * @param {string} what
 * @returns {SVGElement[]}
 */
const elements = (plot, number, what) => [
  .../** @type {NodeListOf<SVGElement>} */ (plot.querySelectorAll(`.trace${CSS.escape(plot.data[number].uid)} ${what}`)),
];

/**
 * A colour of one of Plotly's scales.
 *
 * @param {[number, string][]} scale
 * @param {number} share
 */
function mix(scale, share) {
  const next = Math.max(1, scale.findIndex(([at]) => at >= share));
  const [[from, first], [to, second]] = [scale[next - 1], scale[next]];
  return `color-mix(in srgb, ${second} ${((share - from) / (to - from)) * 100}%, ${first})`;
}

/** @type {(frames: Frames, step: number, data: Record<string, any>[]) => void} */
function putTexts({ forms, texts, places }, step, data) {
  const words = texts[step].split("\n").map((text) => fillIn(text, forms));
  for (const [number, count] of places.texts) data[number].text = words.splice(0, count).map(escape);
}

/** @type {(frames: Frames, step: number, data: Record<string, any>[]) => void} */
function putFills({ colours, fills, places }, step, data) {
  let at = 0;
  for (const [number, count] of places.fills) {
    const levels = [...fills[step].slice(at, (at += count))].map((letter) => ALPHABET.indexOf(letter));
    data[number].marker = { ...data[number].marker, color: levels.map((level) => (level < 0 ? colours.nonfinite : level)) };
  }
}

/** @type {(frames: Frames, step: number, data: Record<string, any>[]) => void} */
function putBars({ colours, bars, places, zero }, step, data) {
  let at = 0;
  const next = () => ALPHABET.indexOf(bars[step][at++]) * ALPHABET.length + ALPHABET.indexOf(bars[step][at++]);
  for (const [number, count] of places.bars) {
    const ends = Array.from({ length: count - 1 }, next);
    const starts = [zero, ...ends.slice(0, -1), zero];
    const lengths = [...ends, ends.at(-1) ?? zero].map((end, index) => end - starts[index]);
    const { color } = data[number].marker;
    const signs = lengths.slice(0, -1).map((length) => (length < 0 ? colours.falls : colours.rises));
    Object.assign(data[number], { base: starts, x: lengths, marker: { ...data[number].marker, color: [...signs, color.at(-1)] } });
  }
}

/**
 * @param {string} text
 * @param {string[]} forms
 */
function fillIn(text, forms) {
  if (!text.startsWith("@")) return text;
  const [number, ...words] = text.slice(1).split(" ");
  return forms[Number(number)].replace(/#/g, () => words.shift() ?? "").replaceAll("+ −", "− ");
}

/** @param {string} text */
const unescape = (text) => text.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");

/** @param {string} text */
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
