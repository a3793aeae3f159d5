/**
 * What can be taken along from the stage: a picture of it for slides, and a film of the run.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./numbers.js").Sent} Sent
 * @typedef {{root: HTMLElement, scene?: Scene, shown: string, player: {speed: number}}} Host
 */

import { askPatiently } from "./assets.js";
import { filmType, record } from "./film.js";
import { Sent as Received } from "./numbers.js";
import { Scene as Drawn } from "./scene.js";
import { EVERYWHERE, HIGH, Slide, WIDE } from "./slide.js";
import { isDark } from "./streamlit.js";

const ICON = '<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M8 1v9M4 7l4 4 4-4M2 14h12" fill="none" stroke="currentColor" stroke-width="2"/></svg>';
const UNSAID = new Set(["cell", "num_units", "input_size", "sequence", "time_steps", "text", "numbers", "engine", "upload", "model", "layer"]); // in a name: said otherwise, or too long
const LONGEST = 120; // letters of a file's name

export class Take {
  /** @param {HTMLElement} parent @param {Host} host @param {Record<string, string>} words */
  constructor(parent, host, words) {
    this.host = host;
    this.words = words;
    this.isStopped = false;
    this.box = parent.appendChild(document.createElement("details"));
    this.box.className = "lv-take";
    const summary = this.box.appendChild(document.createElement("summary"));
    summary.innerHTML = ICON;
    summary.title = words.take;
    summary.setAttribute("aria-label", words.take);
    const body = this.box.appendChild(document.createElement("div"));
    const label = body.appendChild(document.createElement("label"));
    this.theme = document.createElement("select");
    this.theme.append(new Option(words.light, "light"), new Option(words.dark, "dark"));
    label.append(words.theme, " ", this.theme);
    this.buttons = [
      this.button(body, words.png, () => this.savePng()),
      this.button(body, words.svg, () => this.saveSvg()),
      this.button(body, words.film, () => this.saveFilm()),
    ];
    this.stop = this.button(body, words.stop, async () => void (this.isStopped = true));
    this.stop.hidden = true;
    this.said = body.appendChild(document.createElement("p"));
    this.said.setAttribute("role", "status");
    this.box.addEventListener("toggle", () => (this.theme.value = isDark(host.root) ? "dark" : "light"));
    this.box.addEventListener("keydown", (event) => {
      event.stopPropagation(); // time has the same keys
      if (event.key !== "Escape" || !this.box.open) return;
      this.box.open = false;
      summary.focus();
    });
  }

  /** @param {HTMLElement} parent @param {string} text @param {() => Promise<void>} act */
  button(parent, text, act) {
    const made = parent.appendChild(document.createElement("button"));
    Object.assign(made, { type: "button", textContent: text });
    made.addEventListener("click", () => void act());
    return made;
  }

  get isDark() {
    return this.theme.value === "dark";
  }

  /** The scene that is shown, as a slide has it. @param {Scene} shown @param {Slide} slide @param {number} t @param {Sent} steps */
  sceneOf({ sent, unit, gateName, words }, slide, t, steps) {
    return new Drawn(sent, steps, { t, unit, gate: gateName }, this.isDark, slide.accent, words, null);
  }

  /** @param {(slide: Slide, scene: Scene) => Promise<void>} make @param {string} [family] of words */
  async still(make, family) {
    const { scene, root } = this.host;
    if (!scene) return;
    const slide = new Slide(root, this.isDark, family);
    try {
      await make(slide, this.sceneOf(scene, slide, scene.t, scene.steps));
    } finally {
      slide.close();
    }
  }

  savePng() {
    return this.still(async (slide, scene) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [WIDE, HIGH];
      slide.paint(scene, canvas);
      const blob = await new Promise((/** @type {BlobCallback} */ resolve) => canvas.toBlob(resolve));
      if (blob) this.save(blob, `${this.name}-t-${scene.t}-${this.theme.value}.png`);
    });
  }

  saveSvg() {
    return this.still(async (slide, scene) => {
      this.save(new Blob([slide.svg(scene)], { type: "image/svg+xml" }), `${this.name}-t-${scene.t}-${this.theme.value}.svg`);
    }, EVERYWHERE);
  }

  async saveFilm() {
    const { scene, root, shown, player } = this.host;
    const type = filmType();
    if (!scene) return;
    if (!type) {
      this.said.textContent = this.words.no_film;
      return;
    }
    const name = `${this.name}-unit-${scene.unit}-${this.theme.value}.${type.includes("mp4") ? "mp4" : "webm"}`;
    const slide = new Slide(root, this.isDark);
    const { steps } = scene.sent.head;
    let told = scene.steps;
    this.begin(true);
    try {
      const draw = async (/** @type {number} */ t, /** @type {HTMLCanvasElement} */ canvas) => {
        this.said.textContent = this.words.filming.replace("{t}", String(t)).replace("{last}", String(steps - 1));
        let next = this.sceneOf(scene, slide, t, told);
        if (!next.isTold) {
          told = await further(shown, t, scene.unit, told);
          next = this.sceneOf(scene, slide, t, told);
        }
        slide.paint(next, canvas);
      };
      this.save(await record(steps, player.speed, draw, () => this.isStopped), name);
    } finally {
      slide.close();
      this.begin(false);
    }
  }

  /** While a film is made nothing else is. @param {boolean} isFilming */
  begin(isFilming) {
    this.isStopped = false;
    for (const button of this.buttons) button.disabled = isFilming;
    this.theme.disabled = isFilming;
    this.stop.hidden = !isFilming;
  }

  /** What the files are called: the setting, as far as a name can say it. */
  get name() {
    const { scene, shown } = this.host;
    if (!scene) return "lstmviz";
    const { kind, numUnits, inputSize, steps, title } = scene.sent.head;
    const others = [...new URLSearchParams(shown)].filter(([name]) => !UNSAID.has(name)).flat();
    const said = [kind, "num_units", numUnits, "input_size", inputSize, title, steps, "steps", ...others].join("-");
    return said.replace(/[^\p{L}\p{N}_.]+/gu, "-").slice(0, LONGEST).replace(/^-|-$/g, "");
  }

  /** @param {Blob} blob @param {string} name */
  save(blob, name) {
    const link = document.createElement("a");
    Object.assign(link, { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.said.textContent = this.words.saved.replace("{name}", name);
  }

  close() {
    this.isStopped = true;
    this.box.remove();
  }
}

/** The steps around one; those before, where nobody answers. @param {string} shown @param {number} t @param {number} unit @param {Sent} before */
async function further(shown, t, unit, before) {
  const answer = await askPatiently(`numbers/steps?${shown}&t=${t}&unit=${unit}`);
  return answer?.status === 200 ? new Received(await answer.arrayBuffer()) : before;
}
