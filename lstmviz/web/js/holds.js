/**
 * What a run holds, as the address says it: `f.3:1` holds unit 3 of f at 1, `f.3.10-20:1` at the steps 10 to 20,
 * `f.3.10:1` at step 10, `f.all:1` all units.
 *
 * @typedef {{name: string, unit: number | null, steps: [number, number] | null, value: number}} Hold of a gate or a state; null for all units, or all steps
 */

const EVERY_UNIT = "all";

/** @param {string} clamp @returns {Hold[]} */
export function readHolds(clamp) {
  return clamp.split(",").flatMap((part) => {
    const [place, number] = part.split(":");
    const [name, unit, span] = place.split(".");
    if (number === undefined || unit === undefined) return [];
    return [{ name, unit: unit === EVERY_UNIT ? null : Number(unit), steps: span === undefined ? null : readSpan(span), value: Number(number) }];
  });
}

/** @param {string} span @returns {[number, number]} */
function readSpan(span) {
  const [first, last = first] = span.split("-").map(Number);
  return [first, last];
}

/** @param {Hold} hold */
export function writeHold({ name, unit, steps, value }) {
  return `${name}.${unit ?? EVERY_UNIT}${steps ? `.${steps.join("-")}` : ""}:${value}`;
}

/** Whether nothing is left to say to another of the same unit that came before. @param {Hold} hold @param {Hold} other */
export function hides(hold, other) {
  if (hold.name !== other.name || hold.unit !== other.unit) return false;
  return !hold.steps || !other.steps || String(hold.steps) === String(other.steps);
}

/**
 * What holds a number: a unit that is held by itself is held as that says, and of two the later counts.
 *
 * @param {Hold[]} holds @param {string} name @param {number} unit @param {number} t
 */
export function findHold(holds, name, unit, t) {
  const there = holds.filter((hold) => hold.name === name && (!hold.steps || (hold.steps[0] <= t && t <= hold.steps[1]))).reverse();
  return there.find((hold) => hold.unit === unit) ?? there.find((hold) => hold.unit === null);
}

/**
 * What is held once a hold is put to others: of the same unit it takes another's place, and one of all units takes, at its steps,
 * that of each unit by itself, which would be counted before it.
 *
 * @param {Hold[]} holds @param {Hold} hold @param {number} last the last step
 * @returns {Hold[]}
 */
export function putHold(holds, hold, last) {
  const others = holds.flatMap((other) => {
    if (hides(hold, other)) return [];
    return hold.unit === null && other.unit !== null && other.name === hold.name ? cut(other, hold.steps, last) : [other];
  });
  return [...others, hold];
}

/** What of a hold lies before some steps, and behind them; nothing where these are all. @param {Hold} hold @param {[number, number] | null} steps @param {number} last */
function cut(hold, steps, last) {
  if (!steps) return [];
  const [from, to] = hold.steps ?? [0, last];
  if (to < steps[0] || from > steps[1]) return [hold];
  const parts = /** @type {[number, number][]} */ ([[from, steps[0] - 1], [steps[1] + 1, to]]);
  return parts.filter(([start, end]) => start <= end).map((part) => ({ ...hold, steps: part }));
}
