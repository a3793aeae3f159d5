/**
 * A text that is lit up: each character in the colour of one unit's gate or state at its step, or of what its step wrote.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./scene.js").Place} Place
 * @typedef {import("./numbers.js").Sent} Sent
 */

import { Sent as Row, write } from "./numbers.js";
import { colourOf } from "./paint.js";

const LEDGER = "ledger";
// How a label shows what cannot be seen, and what stands in the text.
const PLAIN = /** @type {Record<string, string>} */ ({ "\u2420": " ", "\u23ce": "\u23ce\n", "\u21e5": "\t" });

export class TextPanel {
  /**
   * @param {HTMLElement} parent
   * @param {(name: string, t: number, unit: number) => Promise<ArrayBuffer | null>} ask for one unit over all steps
   * @param {(place: Place | null, event: PointerEvent) => void} onPoint
   * @param {(place: Place) => void} onPick
   */
  constructor(parent, ask, onPoint, onPick) {
    this.ask = ask;
    this.box = parent.appendChild(document.createElement("div"));
    this.box.className = "lv-text";
    this.box.hidden = true;
    this.bar = this.box.appendChild(document.createElement("p"));
    this.said = this.bar.appendChild(document.createElement("label"));
    this.choice = document.createElement("select");
    this.told = this.bar.appendChild(document.createElement("span"));
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
      if (this.scene) this.draw(this.scene, this.shown);
    });
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
    const what = `${this.name}[${scene.unit}], ${scene.words.step.replace("{t}", scene.labelOf(t))}`;
    return { t, unit: scene.unit, text: value === undefined || Number.isNaN(value) ? what : `${what}\n${write(value)}` };
  }

  /** @param {Scene} scene @param {string} shown the setting, as the server was asked for it */
  draw(scene, shown) {
    this.scene = scene;
    this.shown = shown;
    if (!this.isOpen) return;
    this.offer(scene);
    this.write(scene);
    const t = this.name === LEDGER ? scene.t : 0;
    this.want(`${shown}|${this.name}|${t}|${scene.unit}|${scene.dark}`);
    this.mark(scene.t);
  }

  /** By what the characters can be coloured. @param {Scene} scene */
  offer({ sent, unit, words }) {
    const names = [...sent.head.strips.map(({ name }) => name).filter((name) => name !== "x"), ...(sent.head.hasLedger ? [LEDGER] : [])];
    if (!names.includes(this.name)) this.name = names.includes("c") ? "c" : names[0];
    if (this.choice.length !== names.length || names.some((name, k) => this.choice.options[k].value !== name)) {
      this.choice.replaceChildren(...names.map((name) => new Option(name === LEDGER ? words.ledger : name, name)));
    }
    this.choice.value = this.name;
    this.said.replaceChildren(words.coloured.replace("{unit}", String(unit)), " ", this.choice);
  }

  /** The characters, a step each; a line ends where it does in the text. @param {Scene} scene */
  write({ sent }) {
    const labels = sent.head.labels ?? [];
    const of = labels.join("\u0000");
    if (of === this.of) return;
    this.of = of;
    this.coloured = "";
    this.now = -1;
    this.letters = labels.map((label, t) => {
      const letter = document.createElement("span");
      letter.textContent = PLAIN[label] ?? label;
      letter.dataset.t = String(t);
      return letter;
    });
    this.text.replaceChildren(...this.letters);
  }

  /** Colours by the newest wish alone; while one is on its way no other is asked for. @param {string} wanted */
  async want(wanted) {
    this.wanted = wanted;
    if (this.isAsking || wanted === this.coloured) return;
    this.isAsking = true;
    try {
      while (this.coloured !== this.wanted) {
        const now = this.wanted;
        const [, name, t, unit] = now.split("|");
        const answer = await this.ask(name, Number(t), Number(unit));
        this.colour(answer && new Row(answer), name);
        this.coloured = now;
      }
    } finally {
      this.isAsking = false;
    }
  }

  /** @param {Sent | null} row none where the state has no ledger @param {string} name */
  colour(row, name) {
    const { scene, letters } = this;
    if (!scene || !letters) return;
    const head = /** @type {{name: string, scale: import("./numbers.js").Scale, values: number} | null} */ (/** @type {unknown} */ (row?.head ?? null));
    this.values = row && head ? row.array(head.values).values : null;
    const ends = head ? [head.scale.low, head.scale.high].map(write).join(" … ") : "–";
    const wrote = name === LEDGER && head ? `${scene.words.wrote.replace("{state}", head.name).replace("{t}", scene.labelOf(scene.t))}: ` : "";
    this.told.textContent = ` ${wrote}${ends}`;
    for (const [t, letter] of letters.entries()) {
      const value = this.values?.[t];
      const isSeen = head && value !== undefined && !Number.isNaN(value);
      letter.style.background = isSeen ? colourOf(value, head.scale, scene.ink(head.scale.diverging)) : "";
      letter.style.color = isSeen ? inkOn(letter.style.background) : "";
    }
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
