/**
 * What all panels of the stage are drawn from at one moment: one setting, one step, one unit.
 *
 * @typedef {import("./numbers.js").Sent} Sent
 * @typedef {import("./numbers.js").Strip} Strip
 * @typedef {import("./paint.js").Ink} Ink
 * @typedef {{name: string, place: number[]}} Weight one of the cell's weights, by its variable's name and its place in it
 * @typedef {{gate?: string, unit?: number, t?: number, weight?: Weight, option?: string, text: string}} Place what lies under the pointer: where it is a
 *     weight which one, and where it is no weight but an option which one
 */

import { write } from "./numbers.js";
import { solid, spread } from "./paint.js";

/** @type {Map<string, Ink>} */
const inks = new Map();

export class Scene {
  /**
   * @param {Sent} sent the stage
   * @param {Sent} steps what some of its steps are told in; at first the stage itself
   * @param {{t: number, unit: number, gate: string}} pin
   * @param {boolean} dark
   * @param {string} accent
   * @param {Record<string, string>} words
   * @param {Place | null} hover what lies under the pointer
   */
  constructor(sent, steps, pin, dark, accent, words, hover) {
    this.hover = hover;
    this.sent = sent;
    this.steps = steps;
    this.dark = dark;
    this.accent = accent;
    this.words = words;
    this.t = Math.max(0, Math.min(pin.t, sent.head.steps - 1));
    this.unit = Math.max(0, Math.min(pin.unit, sent.head.numUnits - 1));
    this.gateName = pin.gate;
    /** @type {Map<number, number> | null} in which row each unit stands */
    this.places = null;
  }

  /** The units that are marked: the pinned one, and the one under the pointer. @returns {[number, string, number][]} unit, colour, width */
  get units() {
    const found = /** @type {[number, string, number][]} */ ([[this.unit, this.accent, 2]]);
    const hovered = this.hover?.unit;
    if (hovered !== undefined && hovered !== this.unit) found.push([hovered, this.ringed, 1.5]);
    return found;
  }

  /** The steps that are marked. @returns {[number, string, number][]} */
  get marks() {
    const found = /** @type {[number, string, number][]} */ ([[this.t, this.accent, 2]]);
    const hovered = this.hover?.t;
    if (hovered !== undefined && hovered !== this.t) found.push([hovered, this.ringed, 1]);
    return found;
  }

  /** Around what was edited: neither the accent nor a gate's hue. */
  get edited() {
    return this.dark ? "#ffd54a" : "#ffe27a";
  }

  get ringed() {
    return this.dark ? "#ffffff" : "#000000";
  }

  /** Whether this step of this unit is among those that are told. */
  get isTold() {
    const { first, count, unit } = this.steps.head.step;
    return this.t >= first && this.t < first + count && unit === this.unit;
  }

  /**
   * This step's numbers of an array that holds some steps; none where this step is not among them.
   *
   * @param {number | undefined} place
   */
  step(place) {
    const at = this.t - this.steps.head.step.first;
    if (place === undefined || at < 0 || at >= this.steps.head.step.count) return null;
    const { shape, values } = this.steps.array(place);
    const width = shape[1];
    return values.subarray(at * width, (at + 1) * width);
  }

  /** What the cell's drawing is called. */
  get titleOfStep() {
    return this.words.unit.replace("{unit}", String(this.unit)).replace("{t}", this.labelOf(this.t)).replace("{kind}", this.sent.head.kind);
  }

  /** @param {string} name */
  gate(name) {
    return this.sent.head.gates.find((gate) => gate.name === name);
  }

  /** @param {string} name @returns {Strip | undefined} */
  strip(name) {
    return this.sent.head.strips.find((strip) => strip.name === name);
  }

  /** Which unit, or feature, a strip's row is. @param {Strip} strip @param {number} row */
  unitAt(strip, row) {
    return (strip.ordered ? this.sent.head.order?.[row] : undefined) ?? row;
  }

  /** In which row of a strip a unit stands. @param {Strip} strip @param {number} unit */
  rowOf(strip, unit) {
    if (!strip.ordered) return unit;
    this.places ??= new Map((this.sent.head.order ?? []).map((each, row) => [each, row]));
    return this.places.get(unit) ?? unit;
  }

  /** The numbers of a gate or a state at this step, all units as they are stored; of tiles, their means. @param {string} name */
  gateAt(name) {
    const strip = this.strip(name);
    if (!strip) return null;
    const isTiled = strip.tile[0] > 1;
    const { shape, values } = this.sent.array(strip.stored ?? strip.values);
    const [rows, columns] = shape;
    const at = Math.min(columns - 1, Math.floor(this.t / strip.tile[1]));
    const place = (/** @type {number} */ unit) => (isTiled || strip.stored !== undefined ? unit : this.rowOf(strip, unit));
    return Float32Array.from({ length: rows }, (_each, unit) => values[place(unit) * columns + at]);
  }

  /** A number that was recorded, in words. @param {string} name @param {number} unit @param {number} t */
  describe(name, unit, t) {
    const strip = this.strip(name);
    if (!strip) return "";
    const { shape, values } = this.sent.array(strip.values);
    const at = Math.floor(this.rowOf(strip, unit) / strip.tile[0]) * shape[1] + Math.floor(t / strip.tile[1]);
    const what = `${name === "x" ? this.featureOf(unit) : `${name}[${unit}]`}, ${this.words.step.replace("{t}", this.labelOf(t))}`;
    const behind = this.measureOf(strip, unit);
    if (strip.low === undefined || strip.high === undefined) return `${what}\n${write(values[at])}${behind}`;
    const [low, high] = [strip.low, strip.high].map((place) => write(this.sent.array(place).values[at]));
    const tile = this.words.mean.replace("{rows}", String(strip.tile[0])).replace("{columns}", String(strip.tile[1]));
    return `≈ ${what}\n${tile}: ${write(values[at])} (${low} … ${high})${behind}`;
  }

  /** What a row's unit has of what the rows are ordered by, on a line of its own. @param {Strip} strip @param {number} unit */
  measureOf(strip, unit) {
    const { measured } = this.sent.head;
    const value = strip.ordered && measured ? this.sent.array(measured.values).values[unit] : NaN;
    return Number.isNaN(value) ? "" : `\n${measured?.title}: ${write(value)}`;
  }

  /** What the cell answers at a step, in words. @param {number} t */
  describeAnswer(t) {
    const { answer } = this.sent.head;
    if (!answer) return "";
    const [answers, truth] = [answer.answers, answer.truth].map((place) => this.sent.array(place).values);
    const say = (/** @type {number} */ value) => this.sayLabel(answer.names[value] ?? write(value));
    const words = Number.isFinite(truth[t]) ? this.words.answered.replace("{right}", () => say(truth[t])) : this.words.unknown;
    const sure = answer.sure === undefined ? NaN : this.sent.array(answer.sure).values[t];
    const share = `${(100 * sure).toFixed(sure > 0.995 && sure < 1 ? 2 : 0)} %`;
    const said = () => (Number.isNaN(sure) ? say(answers[t]) : this.words.sure.replace("{answer}", () => say(answers[t])).replace("{share}", share));
    return `${answer.title}, ${this.words.step.replace("{t}", this.labelOf(t))}\n${words.replace("{answer}", said)}`;
  }

  /** What a number of x is called: its feature stands behind its place where that does not say it. @param {number} index */
  featureOf(index) {
    const [place, feature] = [`x[${index}]`, this.sayLabel(this.sent.head.features[index] ?? "")];
    if (feature.startsWith(place)) return feature;
    return feature ? `${place}: ${feature}` : place;
  }

  /** @param {number} t */
  labelOf(t) {
    const label = this.sent.head.labels?.[t];
    return label === undefined || label === String(t) ? String(t) : `${t} · ${this.sayLabel(label)}`;
  }

  /** A label in letters that every font has, and such that it cannot be taken for what stands around it. @param {string} label */
  sayLabel(label) {
    const { said } = this.sent.head;
    return Object.hasOwn(said, label) ? said[label] : label;
  }

  /** A scale around 0 that holds all of these. @param {Float32Array} values */
  around(values) {
    let size = 0;
    for (const value of values) if (Number.isFinite(value) && Math.abs(value) > size) size = Math.abs(value);
    return { low: -(size || 1), high: size || 1, diverging: true };
  }

  /** @param {number} place */
  largest(place) {
    return this.around(this.sent.array(place).values).high;
  }

  /** @param {boolean} diverging @returns {Ink} */
  ink(diverging) {
    const { colours } = this.sent.head;
    const key = diverging ? (this.dark ? "dark" : "light") : "sequential";
    let found = inks.get(key);
    if (!found) {
      const stops = key === "sequential" ? colours.sequential : colours.diverging[/** @type {"dark" | "light"} */ (key)];
      inks.set(key, (found = { colours: spread(stops), nonfinite: solid(colours.nonfinite) }));
    }
    return found;
  }
}
