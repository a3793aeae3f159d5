/** The losses of a training as a small curve over all of its batches: from 0 on, so that it does not flatter. */

import { write } from "./numbers.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDE, TALL, EDGE] = [180, 30, 3];

/**
 * @param {{curve: number[], part: number, steps?: number}} told means of so many batches each, and how many batches there are to be
 * @param {Record<string, string>} words what is measured, with `{first}`, `{last}` and `{part}`
 */
export function drawLosses({ curve, part, steps = 1 }, words) {
  const most = Math.max(...curve, 1e-12);
  const across = (/** @type {number} */ index) => EDGE + (Math.min(steps, (index + 0.5) * part) / steps) * (WIDE - 2 * EDGE);
  const up = (/** @type {number} */ loss) => TALL - EDGE - (loss / most) * (TALL - 2 * EDGE);
  const svg = make("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, class: "lv-loss", role: "img" });
  svg.append(make("line", { x1: EDGE, x2: WIDE - EDGE, y1: up(0), y2: up(0), class: "lv-floor" }));
  svg.append(make("polyline", { points: curve.map((loss, index) => `${across(index).toFixed(1)},${up(loss).toFixed(1)}`).join(" "), class: "lv-curve" }));
  const last = curve.length - 1;
  svg.append(make("circle", { cx: across(last), cy: up(curve[last]), r: 2.5 }));
  const title = make("title", {});
  title.textContent = words.losses.replace("{part}", String(part)).replace("{first}", write(curve[0])).replace("{last}", write(curve[last]));
  svg.append(title);
  svg.setAttribute("aria-label", title.textContent);
  return svg;
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function make(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
