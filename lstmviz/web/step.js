/**
 * Puts another step into the drawn figure of a step, from its frames; see `make_frames` in `plot/frames.py`.
 *
 * @typedef {[number, number][]} Places numbers of Plotly's traces, and how many parts of a frame each takes
 * @typedef {{first: number, steps: number, zero: number, forms: string[], texts: string[], fills: string[], bars: string[],
 *   places: {texts: Places, fills: Places, bars: Places}, colours: Record<"rises" | "falls" | "nonfinite", string>}} Frames
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * @param {any} plot drawn by Plotly
 * @param {Frames} frames
 * @param {number} t a step that the frames hold
 */
export function drawStep(plot, frames, t) {
  if (plot.dataset.step === String(t) && plot.frames === frames) return;
  plot.dataset.step = String(t);
  plot.frames = frames;
  const step = t - frames.first;
  const data = plot.data.map((/** @type {object} */ trace) => ({ ...trace }));
  putTexts(frames, step, data);
  putFills(frames, step, data);
  putBars(frames, step, data);
  /** @type {any} */ (window).Plotly.react(plot, data, plot.layout);
}

/** @type {(frames: Frames, step: number, data: any[]) => void} */
function putTexts({ forms, texts, places }, step, data) {
  const words = texts[step].split("\n").map((text) => fillIn(text, forms));
  for (const [number, count] of places.texts) data[number].text = words.splice(0, count).map(escape);
}

/** @type {(frames: Frames, step: number, data: any[]) => void} */
function putFills({ colours, fills, places }, step, data) {
  let at = 0;
  for (const [number, count] of places.fills) {
    const levels = [...fills[step].slice(at, (at += count))].map((letter) => ALPHABET.indexOf(letter));
    data[number].marker = { ...data[number].marker, color: levels.map((level) => (level < 0 ? colours.nonfinite : level)) };
  }
}

/** @type {(frames: Frames, step: number, data: any[]) => void} */
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
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
