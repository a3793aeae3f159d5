/**
 * The stage in a file of its own, which needs no server: its numbers lie in the file, each part packed.
 *
 * @typedef {{firsts: number[], names: string[], units: number[], missing: string, told: any}} Contents what the steps of each part
 *     begin with, what can be taken apart, which part has which unit, and the sentence about a unit that none has
 */

import { answerWith } from "./assets.js";
import { default as mount } from "./stage.js";

/** @type {Map<string, Promise<ArrayBuffer>>} */
const unpacked = new Map();

/** A part of the file. @param {string} id @returns {Promise<ArrayBuffer>} */
function read(id) {
  let found = unpacked.get(id);
  if (!found) unpacked.set(id, (found = unpack(document.getElementById(id)?.textContent ?? "")));
  return found;
}

/** @param {string} text bytes of gzip's in base64 @returns {Promise<ArrayBuffer>} */
function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const contents = /** @type {Contents} */ (JSON.parse(document.getElementById("lv-contents")?.textContent ?? "{}"));

/** Which of the parts of a unit's steps has a step. @param {number} t */
const partOf = (t) => contents.firsts.filter((first) => first <= t).length - 1;

/** One number taken apart, as the server would tell it. @param {number} unit @param {number} t @param {string} name */
async function numberOf(unit, t, name) {
  if (!contents.units.includes(unit)) return { title: `${name}[${unit}]`, column: "", sums: [], lines: [contents.missing] };
  const numbers = JSON.parse(new TextDecoder().decode(await read(`lv-numbers-${unit}`)));
  return numbers[t * contents.names.length + contents.names.indexOf(name)];
}

answerWith(async (name) => {
  const [path, query = ""] = name.split("?");
  const asked = new URLSearchParams(query);
  const [t, unit] = [Number(asked.get("t")), Number(asked.get("unit"))];
  const nothing = new Response(null, { status: 204 });
  if (path === "numbers/stage") return new Response(await read("lv-stage"));
  if (path === "numbers/steps") return contents.units.includes(unit) ? new Response(await read(`lv-steps-${unit}-${partOf(t)}`)) : nothing;
  if (path === "numbers/number") {
    const found = await numberOf(unit, t, asked.get("name") ?? "");
    return found ? new Response(JSON.stringify(found)) : nothing;
  }
  return nothing;
});

const parent = /** @type {HTMLElement} */ (document.getElementById("lv-here"));
mount({ data: [contents.told], parentElement: parent, setTriggerValue: () => {} });
