/**
 * One number taken apart, beside the pictures: the terms of its sum as bars, and what is made of the sum.
 *
 * @typedef {{name: string, terms: [string, number, number, number][], value: number, others: number, rest: number}} Sum
 *     a term as its name, what met the weight, the weight, their product; `others` are so many terms that add `rest`
 * @typedef {{title: string, column: string, sums: Sum[], lines: string[]}} Taken a number taken apart; of a gate also what its column in the weights comes to
 * @typedef {{name: string, held: number | null, isShare: boolean, count: number, beside: string, gate: string, isAll: boolean, steps: number, span: [number, number]}} Hold
 *     what could be held, at what it is, how much is, and where the same is shown beside a run that holds nothing; of which gate or state it is,
 *     whether all units of that are held, how many steps there are, and the first and the last one at which it is held
 * @typedef {{isAll: boolean, span: [number, number]}} Extent of which units and at which steps it is held
 * @typedef {{name: string, value: number, was: number | null, count: number, beside: string, note: string}} Edited a weight that could be edited,
 *     what it was where it is, how many are, where the same is shown beside a cell of which none is, and what there is to know of it
 */

import { write } from "./numbers.js";
import { split } from "./paint.js";
import { keyed } from "./streamlit.js";

const LARGEST = 1e30; // that the address takes

export class Drawer {
  /**
   * @param {HTMLElement} parent
   * @param {string} close what its button says
   * @param {() => void} onClose
   */
  constructor(parent, close, onClose) {
    this.box = parent.appendChild(document.createElement("aside"));
    this.box.className = `lv-drawer ${keyed("number")}`;
    this.box.hidden = true;
    this.box.tabIndex = -1;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "lv-close";
    this.button.setAttribute("aria-label", close);
    this.button.title = close;
    this.button.innerHTML = '<svg viewBox="0 0 16 16" width="16" height="16"><path d="M3 3L13 13M13 3L3 13" stroke="currentColor" stroke-width="2"/></svg>';
    this.button.addEventListener("click", onClose);
    this.body = document.createElement("div");
    this.draft = document.createElement("div"); // what is shown next
    this.box.append(this.button, this.body);
  }

  get isOpen() {
    return !this.box.hidden;
  }

  close() {
    this.box.hidden = true;
  }

  /** @param {Taken} number */
  show(number) {
    this.box.hidden = false;
    const heading = document.createElement("h3");
    heading.append(...markUp(number.title));
    const parts = /** @type {HTMLElement[]} */ ([heading]);
    const reach = Math.max(...number.sums.flatMap((sum) => reachOf(sum)), 1e-12);
    for (const sum of number.sums) parts.push(this.bars(sum, reach));
    for (const line of number.lines) {
      const paragraph = document.createElement("p");
      paragraph.append(...markUp(line));
      parts.push(paragraph);
    }
    this.draft.replaceChildren(...parts);
  }

  /** Shows what was drawn up, where it is another: who is about to press a button, or types, does not lose it to the same again. */
  commit() {
    if (this.draft.innerHTML === this.body.innerHTML) return;
    const { activeElement: before } = document;
    const hadFocus = this.body.contains(before);
    const kind = before instanceof HTMLInputElement ? before.closest("fieldset")?.className : undefined;
    this.body.replaceChildren(...this.draft.childNodes);
    if (!hadFocus) return;
    // Who goes by keys goes on in the same field, or in the drawer: Escape closes it still.
    const field = kind ? [...this.body.querySelectorAll("fieldset")].find((each) => each.className === kind && !each.disabled)?.querySelector("input") : null;
    (field ?? this.box).focus({ preventScroll: true });
  }

  /**
   * Offers to hold the number at another value, over all steps or some, and with it that of the other units.
   *
   * @param {Hold} hold
   * @param {Record<string, string>} words
   * @param {(value: number | null, extent: Extent) => void} onHold
   * @param {() => void} onFree lets go of everything
   * @param {() => void} onCompare shows it beside a run that holds nothing
   */
  offer({ name, held, isShare, count, beside, gate, isAll, steps, span }, words, onHold, onFree, onCompare) {
    const most = isShare ? 1 : LARGEST; // of a share more would not be one
    const extent = this.askExtent(gate, isAll, steps, span, words);
    const numbers = /** @type {[number, number, number]} */ ([isShare ? 0 : -most, held ?? (isShare ? 1 : 0), most]);
    const box = this.ask(words.what_if, words.hold_at.replace("{name}", name), numbers, words.hold, (value) => extent.isGood() && onHold(value, extent.read()));
    box.insertBefore(extent.box, box.querySelector("button"));
    if (held !== null) box.append(button(words.let_go, () => onHold(null, { isAll, span })));
    if (count > (held === null ? 0 : 1)) box.append(button(words.let_go_all.replace("{count}", String(count)), onFree));
    if (count) box.append(linkTo(beside, words.beside_free, onCompare));
  }

  /**
   * At which steps, and whether of all units.
   *
   * @param {string} gate @param {boolean} isAll @param {number} steps @param {[number, number]} span @param {Record<string, string>} words
   */
  askExtent(gate, isAll, steps, span, words) {
    const box = document.createElement("div");
    const ends = span.map((at) => {
      const field = document.createElement("input");
      Object.assign(field, { type: "number", step: "1", min: "0", max: String(steps - 1), value: String(at) });
      return field;
    });
    const labels = [words.from_step, words.to_step].map((word, k) => {
      const label = document.createElement("label");
      label.append(word, " ", ends[k]);
      return label;
    });
    const every = document.createElement("input");
    Object.assign(every, { type: "checkbox", checked: isAll });
    const all = document.createElement("label");
    all.append(every, " ", words.all_units.replace("{gate}", gate));
    box.append(...labels, all);
    const read = () => /** @type {Extent} */ ({ isAll: every.checked, span: ends.map((field) => field.valueAsNumber).sort((a, b) => a - b) });
    const isGood = () => ends.every((field) => field.reportValidity() && Number.isInteger(field.valueAsNumber));
    return { box, read, isGood };
  }

  /**
   * Offers to put another number in a weight's place.
   *
   * @param {Edited} weight
   * @param {Record<string, string>} words
   * @param {(value: number | null) => void} onEdit
   * @param {() => void} onUndo undoes all edits
   * @param {() => void} onCompare shows it beside a cell of which nothing is edited
   */
  offerWeight({ name, value, was, count, beside, note }, words, onEdit, onUndo, onCompare) {
    const label = words.edit_to.replace("{name}", name).replace("{value}", write(value));
    const box = this.ask(words.what_if_weight, label, [-LARGEST, value, LARGEST], words.edit, onEdit);
    box.classList.add("lv-edit");
    for (const text of [...(was === null ? [] : [words.was.replace("{value}", write(was))]), ...(note ? [note] : [])]) {
      box.append(Object.assign(document.createElement("span"), { textContent: text }));
    }
    if (was !== null) box.append(button(words.undo_edit, () => onEdit(null)));
    if (count > (was === null ? 0 : 1)) box.append(button(words.undo_edits.replace("{count}", String(count)), onUndo));
    if (count) box.append(linkTo(beside, words.beside_unedited, onCompare));
  }

  /** A sentence more. @param {string} text */
  say(text) {
    this.draft.append(Object.assign(document.createElement("p"), { textContent: text }));
  }

  /**
   * A question whose answer is a number.
   *
   * @param {string} question @param {string} label @param {[number, number, number]} numbers the least, the one that stands there, the largest
   * @param {string} verb @param {(value: number) => void} onTake
   */
  ask(question, label, [least, value, most], verb, onTake) {
    const box = document.createElement("fieldset");
    box.className = "lv-hold";
    const field = document.createElement("input");
    Object.assign(field, { type: "number", step: "any", min: String(least), max: String(most), value: String(value) });
    const named = document.createElement("label");
    named.append(label, " ", field);
    const take = () => field.reportValidity() && Number.isFinite(field.valueAsNumber) && onTake(field.valueAsNumber);
    field.addEventListener("keydown", (event) => event.key === "Enter" && take());
    box.append(Object.assign(document.createElement("legend"), { textContent: question }), named, button(verb, take));
    this.draft.append(box);
    return box;
  }

  /** @param {Sum} sum @param {number} reach @returns {HTMLElement} */
  bars(sum, reach) {
    const table = document.createElement("table");
    const body = table.createTBody();
    let at = 0;
    const row = (/** @type {string} */ name, /** @type {string} */ factors, /** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ kind) => {
      const line = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.append(...markUp(name));
      line.append(head);
      line.insertCell().textContent = factors;
      const cell = line.insertCell();
      cell.className = "lv-bar";
      const bar = cell.appendChild(document.createElement("span"));
      bar.className = `lv-${kind}`;
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      bar.style.left = `${50 + (low / reach) * 48}%`;
      bar.style.width = `${Math.max(0.7, ((high - low) / reach) * 48)}%`;
      line.insertCell().textContent = write(kind === "sum" ? to : to - from);
    };
    for (const [name, value, weight, product] of sum.terms) {
      row(name, value === 1 && !/\[/.test(name) ? "" : `${write(value)} · ${write(weight)}`, at, at + product, product < 0 ? "falls" : "rises");
      at += product;
    }
    if (sum.others) {
      row(`+ ${sum.others}`, "…", at, at + sum.rest, sum.rest < 0 ? "falls" : "rises");
      at += sum.rest;
    }
    row(sum.name, "", 0, sum.value, "sum");
    return table;
  }
}

/** @param {string} text @param {() => void} act */
function button(text, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: text });
  made.addEventListener("click", act);
  return made;
}

/** A link that a plain click follows in its own way. @param {string} href @param {string} text @param {() => void} act */
function linkTo(href, text, act) {
  const made = document.createElement("a");
  Object.assign(made, { href, textContent: text });
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab
    event.preventDefault();
    act();
  });
  return made;
}

/** How far from 0 the sums on the way reach. @param {Sum} sum */
function reachOf(sum) {
  let at = 0;
  const found = [Math.abs(sum.value)];
  for (const [, , , product] of sum.terms) found.push(Math.abs((at += product)));
  return found.filter(Number.isFinite);
}

/** Symbols with their subscripts: `c_{t-1}`, `Σ_f`. @param {string} text @returns {(string | HTMLElement)[]} */
export function markUp(text) {
  return split(text).map(([part, isLow]) => {
    if (!isLow) return part;
    const low = document.createElement("sub");
    low.textContent = part;
    return low;
  });
}
