/** How far off trained cells are by their size: a small curve with a dot at the one that is shown, and lines for what needs no cell. */

import { write } from "./numbers.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDE, TALL, EDGE] = [110, 26, 4];

/**
 * @param {import("./numbers.js").Errors | {}} errors
 * @param {number} units the size that is shown
 * @param {Record<string, string>} words what stands beside it, with `{error}`, and what is measured
 * @returns {Element[]} none where there are no such cells
 */
export function drawErrors(errors, units, words) {
  if (!("sizes" in errors)) return [];
  const { without } = errors;
  const sizes = errors.sizes.map(([size, error]) => /** @type {const} */ ([Number(size), error]));
  const high = Math.max(...[...sizes, ...without].map(([, error]) => error));
  const most = Math.max(2, ...sizes.map(([size]) => size));
  const across = (/** @type {number} */ size) => EDGE + (Math.log(size) / Math.log(most)) * (WIDE - 2 * EDGE);
  const up = (/** @type {number} */ error) => TALL - EDGE - (error / high) * (TALL - 2 * EDGE); // from 0 on, so that it does not flatter
  const svg = make("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, class: "lv-errors", role: "img" });
  for (const [, error] of without) svg.append(make("line", { x1: 0, x2: WIDE, y1: up(error), y2: up(error), class: "lv-without" }));
  svg.append(make("polyline", { points: sizes.map(([size, error]) => `${across(size)},${up(error)}`).join(" "), class: "lv-curve" }));
  const shown = sizes.find(([size]) => size === units);
  if (shown) svg.append(make("circle", { cx: across(units), cy: up(shown[1]), r: 3.5 }));
  const title = make("title", {});
  title.textContent = [words.unseen, ...[...errors.sizes, ...without].map(([name, error]) => `${name}: ${write(error)}`)].join("\n");
  svg.append(title);
  svg.setAttribute("aria-label", title.textContent);
  const said = document.createElement("span");
  said.title = svg.getAttribute("aria-label") ?? "";
  said.textContent = words.errors.replace("{error}", shown ? write(shown[1]) : "?");
  return [svg, said];
}

/**
 * How far off is what needs no cell, which are the dashed lines; empty where nothing was measured.
 *
 * @param {import("./numbers.js").Errors | {}} errors
 * @param {Record<string, string>} words
 */
export function sayWithout(errors, words) {
  if (!("without" in errors) || !errors.without.length) return "";
  return words.dashed.replace("{names}", errors.without.map(([name, error]) => `${name} ${write(error)}`).join(", "));
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function make(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
