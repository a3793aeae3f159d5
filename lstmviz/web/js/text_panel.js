/**
 * A text that is lit up: each character in the colour of one unit's gate or state at its step, or of what its step wrote.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./scene.js").Place} Place
 * @typedef {import("./numbers.js").Sent} Sent
 * @typedef {{name: string, steps: number, units: [number, number, number, number][]}} Contrast units that differ at so many steps: a unit, its mean
 *     there and elsewhere, and how far these are apart
 * @typedef {{row: (name: string, t: number, unit: number) => Promise<ArrayBuffer | null>, contrast: (name: string, select: string) => Promise<Contrast | null>,
 *   note: (name: string, value: string) => void, pin: (unit: number) => void, search?: (steps: string) => void}} Host what it asks for: one unit over all steps, the units that differ; and
 *     what it tells: what of the address was picked, which unit
 */

import { Sent as Row, write } from "./numbers.js";
import { colourOf } from "./paint.js";

const LEDGER = "ledger";
const PASSED = 60; // milliseconds: a unit that the pointer is on for less is passed over, and not asked for
const KEPT = 48; // rows that need not be asked for again
const MOST = 256; // units that have a button each; of more the list is picked from
// How a character stands in the text where it would not be seen there.
const SEEN = /** @type {Record<string, string>} */ ({ "\n": "\u00b6\n", "\r": "\\r" });

export class TextPanel {
  /**
   * @param {HTMLElement} parent
   * @param {Host} host
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  constructor(parent, host, onPoint, onPick) {
    this.host = host;
    this.box = parent.appendChild(document.createElement("div"));
    this.box.className = "lv-text";
    this.box.hidden = true;
    this.bar = this.box.appendChild(document.createElement("p"));
    this.said = this.bar.appendChild(document.createElement("span"));
    this.choice = document.createElement("select");
    this.unitChoice = document.createElement("select");
    this.units = ""; // that can be picked, in their order
    /** @type {number | null} by which it is coloured as long as the pointer is on it */
    this.tried = null;
    this.told = this.bar.appendChild(document.createElement("span"));
    this.row = this.makeRow();
    this.passing = 0;
    /** @type {Map<string, {row: Sent | null}>} what was answered, by what was asked for */
    this.kept = new Map();
    this.find = this.bar.appendChild(document.createElement("span"));
    this.find.className = "lv-find";
    this.selectLabel = this.find.appendChild(document.createElement("label"));
    this.every = document.createElement("input");
    Object.assign(this.every, { type: "text", maxLength: 2, size: 2 });
    this.found = this.find.appendChild(document.createElement("span"));
    this.found.setAttribute("aria-live", "polite");
    this.selected = "";
    this.text = this.box.appendChild(document.createElement("div"));
    this.text.className = "lv-letters";
    this.of = ""; // whose characters stand there
    this.name = ""; // by what they are coloured
    this.coloured = ""; // as what they are
    this.wanted = "";
    this.isAsking = false;
    this.now = -1;
    /** @type {Float32Array | null} */
    this.values = null;
    /** @type {Scene | null} */
    this.scene = null;
    this.choice.addEventListener("change", () => {
      this.name = this.choice.value;
      this.host.note("colour", this.name);
      if (this.scene) this.draw(this.scene, this.shown);
      this.select(this.selected);
    });
    this.unitChoice.addEventListener("change", () => this.host.pin(Number(this.unitChoice.value)));
    this.every.addEventListener("change", () => this.select(this.every.value && `=${this.labelled(this.every.value)}`));
    this.text.addEventListener("pointerup", () => this.selectRange());
    this.shown = "";
    /** @type {HTMLElement[] | null} */
    this.letters = null;
    const find = (/** @type {Event} */ event) => {
      const letter = event.target instanceof HTMLElement ? event.target.dataset.t : undefined;
      return letter === undefined ? null : this.place(Number(letter));
    };
    this.text.addEventListener("pointermove", (event) => onPoint(find(event), event));
    this.text.addEventListener("pointerleave", (event) => onPoint(null, event));
    this.text.addEventListener("click", (event) => {
      const place = find(event);
      if (place) onPick(place);
    });
  }

  get isOpen() {
    return !this.box.hidden;
  }

  /** @param {number} t @returns {Place} */
  place(t) {
    const scene = /** @type {Scene} */ (this.scene);
    const value = this.values?.[t];
    const what = `${this.name}[${this.tried ?? scene.unit}], ${scene.words.step.replace("{t}", scene.labelOf(t))}`;
    return { t, unit: scene.unit, text: value === undefined || Number.isNaN(value) ? what : `${what}\n${write(value)}` };
  }

  /** @param {Scene} scene @param {string} shown the setting, as the server was asked for it */
  draw(scene, shown) {
    this.scene = scene;
    this.shown = shown;
    if (!this.isOpen) return;
    this.offer(scene);
    this.write(scene);
    this.wish();
    this.mark(scene.t);
  }

  /** Asks for the colours of what is picked, or tried. */
  wish() {
    const { scene, shown } = this;
    if (!scene) return;
    const t = this.name === LEDGER ? scene.t : 0;
    this.want(`${shown}|${this.name}|${t}|${this.tried ?? scene.unit}|${scene.dark}`);
  }

  /** Colours by a unit as long as the pointer is on it, or the keyboard. @param {number | null} unit */
  try(unit) {
    this.tried = unit;
    clearTimeout(this.passing);
    if (unit === null) this.wish();
    else this.passing = window.setTimeout(() => this.wish(), PASSED);
  }

  /** All units beside each other: one that is pointed at is tried, one that is clicked is picked. */
  makeRow() {
    const row = this.bar.appendChild(document.createElement("span"));
    row.className = "lv-units";
    row.setAttribute("role", "group");
    const unitOf = (/** @type {EventTarget | null} */ target) => (target instanceof HTMLButtonElement ? Number(target.dataset.unit) : null);
    for (const event of ["pointerover", "focusin"]) row.addEventListener(event, ({ target }) => this.try(unitOf(target)));
    for (const event of ["pointerleave", "focusout"]) row.addEventListener(event, () => this.try(null));
    row.addEventListener("click", ({ target }) => {
      const unit = unitOf(target);
      if (unit !== null) this.host.pin(unit);
    });
    row.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const buttons = /** @type {HTMLElement[]} */ ([...row.children]);
      const next = move && buttons[buttons.indexOf(/** @type {HTMLElement} */ (event.target)) + move];
      if (!next) return;
      event.preventDefault();
      event.stopPropagation(); // the step stays
      next.focus();
    });
    return row;
  }

  /** A button for each unit, one of which is reached by Tab. @param {number[]} units */
  fillRow(units) {
    const buttons = units.map((unit) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: String(unit) });
      button.dataset.unit = String(unit);
      return button;
    });
    this.row.hidden = units.length > MOST;
    this.row.replaceChildren(...(this.row.hidden ? [] : buttons));
  }

  /** Scrolls the row, and nothing around it, to a button. @param {HTMLElement} button */
  reveal(button) {
    const { row } = this;
    const down = button.getBoundingClientRect().top - row.getBoundingClientRect().top;
    if (down < 0 || down + button.offsetHeight > row.clientHeight) row.scrollTop += down;
  }

  /** Shows which of them is picked. @param {number} unit */
  markRow(unit) {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.row.querySelectorAll("button"))) {
      const isIt = Number(button.dataset.unit) === unit;
      button.tabIndex = isIt ? 0 : -1;
      if (isIt && button.getAttribute("aria-pressed") !== "true") this.reveal(button);
      button.setAttribute("aria-pressed", String(isIt));
    }
  }

  /** What a character's step is called. @param {string} character */
  labelled(character) {
    const unseen = Object.entries(this.scene?.sent.head.unseen ?? {});
    return unseen.find(([, plain]) => plain === character)?.[0] ?? character;
  }

  /** Takes the range of characters that the browser has selected in the text, if there is one. */
  selectRange() {
    const range = getSelection();
    if (!range || range.isCollapsed) return;
    const stepOf = (/** @type {Node | null} */ node) => Number((node instanceof HTMLElement ? node : node?.parentElement)?.dataset.t ?? NaN);
    const [first, last] = [stepOf(range.anchorNode), stepOf(range.focusNode)];
    if (Number.isNaN(first) || Number.isNaN(last)) return;
    this.every.value = "";
    this.select(`${Math.min(first, last)}-${Math.max(first, last)}`);
  }

  /** Shows which units differ most between the characters that are selected and the others. @param {string} select as the route takes it */
  async select(select) {
    const { scene } = this;
    this.selected = select;
    if (!select || !scene) return this.tellFound(null);
    if (!this.isPart) return this.tellFound(null);
    const name = this.name === LEDGER ? scene.sent.head.states[0].name : this.name;
    const found = await this.host.contrast(name, select);
    if (this.selected === select) this.tellFound(found);
  }

  /** Whether each character is selected. */
  get isIn() {
    const { selected } = this;
    const labels = this.scene?.sent.head.labels ?? [];
    if (selected.startsWith("=")) return labels.map((label) => label === selected.slice(1));
    const [first, last] = selected.split("-").map(Number);
    return labels.map((_label, t) => t >= first && t <= last);
  }

  /** Whether some characters are selected, and some are not: else there is nothing to compare. */
  get isPart() {
    return this.isIn.includes(true) && this.isIn.includes(false);
  }

  /** Why nothing is found. @param {Record<string, string>} words */
  sayNothing(words) {
    if (!this.selected) return "";
    if (!this.isIn.includes(true)) return ` ${words.none_there}`;
    return ` ${this.isPart ? words.same : words.all_there}`;
  }

  /** @param {Contrast | null} contrast none where nothing is selected, or all */
  tellFound(contrast) {
    if (this.found.contains(document.activeElement) || this.found.matches(":hover")) this.try(null); // what is tried there goes away
    const { scene, selected, letters, isIn } = this;
    if (!scene || !letters) return;
    const { words } = scene;
    for (const [t, letter] of letters.entries()) letter.classList.toggle("lv-selected", Boolean(contrast) && isIn[t]);
    if (!contrast) return this.found.replaceChildren(this.sayNothing(words));
    const buttons = contrast.units.map(([unit, inside, outside]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: `${contrast.name}[${unit}]` });
      button.title = words.differs.replace("{inside}", write(inside)).replace("{outside}", write(outside));
      for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => this.try(unit));
      for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => this.try(null));
      button.addEventListener("click", () => this.host.pin(unit));
      return button;
    });
    const clear = Object.assign(document.createElement("button"), { type: "button", textContent: words.unselect });
    clear.addEventListener("click", () => {
      this.every.value = "";
      getSelection()?.removeAllRanges();
      this.try(null);
      this.select("");
    });
    const elsewhere = Object.assign(document.createElement("button"), { type: "button", textContent: words.elsewhere });
    elsewhere.addEventListener("click", () => this.host.search?.(selected));
    elsewhere.hidden = selected.startsWith("=") || !this.host.search;
    this.found.replaceChildren(` ${words.selected.replace("{count}", String(contrast.steps))} `, ...buttons, elsewhere, clear);
  }

  /** By what the characters can be coloured. @param {Scene} scene */
  offer({ sent, unit, words }) {
    const names = [...sent.head.strips.map(({ name }) => name).filter((name) => name !== "x"), ...(sent.head.hasLedger ? [LEDGER] : [])];
    if (!names.includes(this.name)) this.name = names.includes("c") ? "c" : names[0];
    if (this.choice.length !== names.length || names.some((name, k) => this.choice.options[k].value !== name)) {
      this.choice.replaceChildren(...names.map((name) => new Option(name === LEDGER ? words.ledger : name, name)));
    }
    this.choice.value = this.name;
    const units = sent.head.order ?? Array.from({ length: sent.head.numUnits }, (_each, k) => k);
    if (String(units) !== this.units) {
      this.units = String(units);
      this.unitChoice.replaceChildren(...units.map((each) => new Option(String(each), String(each))));
      this.fillRow(units);
    }
    this.markRow(unit);
    this.row.setAttribute("aria-label", words.pick_unit);
    this.unitChoice.value = String(unit);
    this.unitChoice.setAttribute("aria-label", words.pick_unit);
    if (!this.said.childElementCount) {
      const [before, behind = ""] = words.coloured.split("{unit}");
      this.said.replaceChildren(before, this.unitChoice, behind, " ", this.choice);
      this.choice.setAttribute("aria-label", words.gates);
    }
    if (!this.selectLabel.childElementCount) this.selectLabel.replaceChildren(words.select, " ", this.every);
  }

  /** The characters, a step each; a line ends where it does in the text. @param {Scene} scene */
  write({ sent }) {
    const { unseen } = sent.head;
    const labels = sent.head.labels ?? [];
    const of = labels.join("\u0000");
    if (of === this.of) return;
    this.of = of;
    this.coloured = "";
    this.now = -1;
    this.selected = "";
    this.found.replaceChildren();
    this.letters = labels.map((label, t) => {
      const letter = document.createElement("span");
      const character = unseen[label] ?? label;
      letter.textContent = SEEN[character] ?? character;
      letter.dataset.t = String(t);
      return letter;
    });
    this.text.replaceChildren(...this.letters);
  }

  /** Colours by the newest wish alone: at once where it is known, and while one is on its way no other is asked for. @param {string} wanted */
  async want(wanted) {
    this.wanted = wanted;
    this.colourKept();
    if (this.isAsking || wanted === this.coloured) return;
    this.isAsking = true;
    try {
      while (this.coloured !== this.wanted) {
        const now = this.wanted;
        const [, name, t, unit] = now.split("|");
        const answer = await this.host.row(name, Number(t), Number(unit));
        if (this.kept.size >= KEPT) this.kept.clear();
        this.kept.set(now, { row: answer && new Row(answer) });
        if (this.coloured !== this.wanted && !this.colourKept()) this.colourAs(now); // the newest is not here yet
      }
    } finally {
      this.isAsking = false;
    }
  }

  /** Colours by the newest wish where its row is here. */
  colourKept() {
    const isHere = this.kept.has(this.wanted);
    if (isHere && this.coloured !== this.wanted) this.colourAs(this.wanted);
    return isHere;
  }

  /** @param {string} wanted whose row is here */
  colourAs(wanted) {
    const [, name, , unit] = wanted.split("|");
    const row = this.kept.get(wanted)?.row ?? null;
    this.colour(row, name, Number(unit));
    this.coloured = wanted;
    if (!row) this.kept.delete(wanted); // the server may have one later
  }

  /** @param {Sent | null} row none where the state has no ledger @param {string} name @param {number} unit */
  colour(row, name, unit) {
    const { scene, letters } = this;
    if (!scene || !letters) return;
    const head = /** @type {{name: string, scale: import("./numbers.js").Scale, values: number} | null} */ (/** @type {unknown} */ (row?.head ?? null));
    this.values = row && head ? row.array(head.values).values : null;
    const ends = head ? [head.scale.low, head.scale.high].map(write).join(" … ") : "–";
    const wrote = name === LEDGER && head ? `${scene.words.wrote.replace("{state}", head.name).replace("{t}", scene.labelOf(scene.t))}: ` : "";
    this.told.textContent = ` ${wrote || this.scaleOf(head, unit)}${ends}`;
    for (const [t, letter] of letters.entries()) {
      const value = this.values?.[t];
      const isSeen = head && value !== undefined && !Number.isNaN(value);
      letter.style.background = isSeen ? colourOf(value, head.scale, scene.ink(head.scale.diverging)) : "";
      letter.style.color = isSeen ? inkOn(letter.style.background) : "";
    }
  }

  /** Which unit's colours these are, and that a scale is its own where it is not that of all shares. @param {{name: string, scale: import("./numbers.js").Scale} | null} head @param {number} unit */
  scaleOf(head, unit) {
    if (!head || !this.scene) return "";
    const name = `${head.name}[${unit}]`;
    return head.scale.diverging ? `${this.scene.words.own_scale.replace("{name}", name)} ` : `${name}: `;
  }

  /** Shows which step it is. @param {number} t */
  mark(t) {
    if (t === this.now || !this.letters) return;
    this.letters[this.now]?.classList.remove("lv-now");
    const letter = this.letters[t];
    this.now = t;
    if (!letter) return;
    letter.classList.add("lv-now");
    const [top, height] = [letter.offsetTop - this.box.scrollTop, this.box.clientHeight];
    if (top < 0 || top > height - letter.offsetHeight) this.box.scrollTop = letter.offsetTop - height / 2; // the page itself does not move
  }
}

/** Black or white, whichever can be read on a colour. @param {string} colour as CSS writes it */
function inkOn(colour) {
  const [red, green, blue] = (colour.match(/\d+/g) ?? []).map((part) => (Number(part) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}
