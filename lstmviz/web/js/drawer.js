/**
 * One number taken apart, beside the pictures: the terms of its sum as bars, and what is made of the sum.
 *
 * @typedef {{name: string, terms: [string, number, number, number][], value: number, others: number, rest: number}} Sum
 *     a term as its name, what met the weight, the weight, their product; `others` are so many terms that add `rest`
 * @typedef {{title: string, column: string, sums: Sum[], lines: string[]}} Taken a number taken apart; of a gate also what its column in the weights comes to
 * @typedef {{name: string, held: number | null, isShare: boolean, count: number, beside: string}} Hold what could be held, at what it is, how
 *     much is, and where the same is shown beside a run that holds nothing
 */

import { write } from "./numbers.js";
import { split } from "./paint.js";
import { keyed } from "./streamlit.js";

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
    this.body.replaceChildren(...parts);
  }

  /**
   * Offers to hold the number at another value, over all steps.
   *
   * @param {Hold} hold
   * @param {Record<string, string>} words
   * @param {(value: number | null) => void} onHold
   * @param {() => void} onFree lets go of everything
   */
  offer({ name, held, isShare, count, beside }, words, onHold, onFree) {
    const box = document.createElement("fieldset");
    box.className = "lv-hold";
    const legend = document.createElement("legend");
    legend.textContent = words.what_if;
    const label = document.createElement("label");
    const field = document.createElement("input");
    const most = isShare ? 1 : 1e30; // of a share more would not be one; of others the address takes no more
    Object.assign(field, { type: "number", step: "any", min: String(isShare ? 0 : -most), max: String(most), value: String(held ?? (isShare ? 1 : 0)) });
    label.append(words.hold_at.replace("{name}", name), " ", field);
    const button = (/** @type {string} */ text, /** @type {() => void} */ act) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", textContent: text });
      made.addEventListener("click", act);
      return made;
    };
    const take = () => field.reportValidity() && Number.isFinite(field.valueAsNumber) && onHold(field.valueAsNumber);
    field.addEventListener("keydown", (event) => event.key === "Enter" && take());
    box.append(legend, label, button(words.hold, take));
    if (held !== null) box.append(button(words.let_go, () => onHold(null)));
    if (count > (held === null ? 0 : 1)) box.append(button(words.let_go_all.replace("{count}", String(count)), onFree));
    if (count) {
      const link = document.createElement("a");
      Object.assign(link, { href: beside, textContent: words.beside_free });
      box.append(link);
    }
    this.body.append(box);
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
