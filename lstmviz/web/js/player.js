/**
 * Plays time: moves the pinned step through the sequence, in the browser alone.
 *
 * @typedef {Record<"play" | "pause" | "first" | "back" | "forward" | "last" | "speed" | "persecond" | "scrub", string>} Words
 */

import { Clock } from "./clock.js";
import { announcePin, followPin, isHeld, pin, setPin } from "./linked.js";
import { PRIMARY_COLOR } from "./streamlit.js";

const SPEEDS = [1, 2, 5, 10, 20, 40];
const SPEED = 2; // steps a second at first: slow enough to be read

const STYLE = `
.lstmviz-player { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; padding: .4rem 0; }
.lstmviz-player button, .lstmviz-player select { font: inherit; color: inherit; background: transparent; cursor: pointer;
  border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: .5rem; min-height: 2.4rem; padding: 0 .7rem; }
.lstmviz-player button:hover { border-color: currentColor; }
.lstmviz-player button:focus-visible, .lstmviz-player select:focus-visible, .lstmviz-player input:focus-visible {
  outline: 2px solid ${PRIMARY_COLOR}; outline-offset: 2px; }
.lstmviz-player .lstmviz-play { min-width: 6.5rem; font-weight: 600; }
.lstmviz-player select option { color: #1a1c24; background: #fff; }
.lstmviz-player input { flex: 1 1 8rem; min-width: 6rem; accent-color: ${PRIMARY_COLOR}; }
.lstmviz-player output { min-width: 5rem; font-variant-numeric: tabular-nums; }
`;

/** Pictures of our own: not every font of a viewer has these glyphs. */
const ICONS = {
  first: "M3 3h2v10H3zM14 3v10L6 8z",
  back: "M12 3v10L4 8z",
  play: "M4 2.5v11L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  forward: "M4 3v10L12 8z",
  last: "M11 3h2v10h-2zM2 3v10L10 8z",
};

/** @param {keyof typeof ICONS} name */
function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: "14", height: "14", "aria-hidden": "true" })) made.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill", "currentColor");
  made.append(path);
  return made;
}

/** The row of controls: play, step, scrub, speed. */
export class Player {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.steps = 1;
    this.speed = SPEED;
    this.frame = 0; // of the animation; 0 while it rests
    this.parent = parent;
    this.isLed = false; // by somebody else
    this.heard = () => {}; // called when its viewer begins or ends to play, before that is announced
    this.bar = parent.appendChild(document.createElement("div"));
    this.bar.className = "lstmviz-player";
    this.bar.setAttribute("role", "group");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((sheet) => sheet !== Player.sheet), Player.sheet];
    this.first = this.button("first", () => this.rest(0));
    this.back = this.button("back", () => this.rest(this.t - 1));
    this.play = this.button("play", () => this.toggle());
    this.play.classList.add("lstmviz-play");
    this.forward = this.button("forward", () => this.rest(this.t + 1));
    this.last = this.button("last", () => this.rest(this.steps - 1));
    for (const [name, button] of Object.entries({ first: this.first, last: this.last })) button.classList.add(`lstmviz-${name}`);
    this.scrubber = this.bar.appendChild(document.createElement("input"));
    Object.assign(this.scrubber, { type: "range", min: "0", step: "1" });
    this.scrubber.addEventListener("input", () => {
      const t = Number(this.scrubber.value); // before pausing puts it back
      this.pause();
      this.heard();
      setPin({ t });
    });
    this.scrubber.addEventListener("change", () => announcePin());
    this.output = this.bar.appendChild(document.createElement("output"));
    this.select = this.bar.appendChild(document.createElement("select"));
    this.select.addEventListener("change", () => {
      this.speed = Number(this.select.value);
      this.heard();
    });
    this.stopFollowing = followPin(() => this.tell());
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
  }

  static sheet = Player.makeSheet();

  static makeSheet() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    return sheet;
  }

  /**
   * @param {keyof typeof ICONS} name
   * @param {() => void} act
   */
  button(name, act) {
    const button = this.bar.appendChild(document.createElement("button"));
    button.type = "button";
    button.append(icon(name));
    button.addEventListener("click", act);
    return button;
  }

  get t() {
    return Math.min(pin().t ?? 0, this.steps - 1);
  }

  /**
   * @param {number} steps
   * @param {Words} words
   */
  show(steps, words) {
    this.steps = Math.max(1, steps);
    this.scrubber.max = String(this.steps - 1);
    if (this.words !== words) this.name(words);
    this.tell();
  }

  /** Says what each control does. The speeds stay as they are while they are: a list that is open would shut. @param {Words} words */
  name(words) {
    this.words = words;
    const names = [[this.first, "first"], [this.back, "back"], [this.forward, "forward"], [this.last, "last"], [this.scrubber, "scrub"], [this.select, "speed"]];
    for (const [control, name] of /** @type {[HTMLElement, keyof Words][]} */ (names)) {
      control.setAttribute("aria-label", words[name]);
      control.title = words[name];
    }
    this.select.replaceChildren(
      ...SPEEDS.map((speed) => new Option(words.persecond.replace("{number}", String(speed)), String(speed), false, speed === this.speed)),
    );
  }

  /** Says where time stands, and what the button does. */
  tell() {
    this.scrubber.value = String(this.t);
    this.output.textContent = `t = ${this.t}`;
    for (const control of [this.first, this.back, this.play, this.forward, this.last, this.scrubber]) control.disabled = isHeld("t");
    if (isHeld("t") && this.frame) this.pause();
    const name = this.frame ? this.words?.pause : this.words?.play;
    if (name && this.play.dataset.name !== name) {
      this.play.dataset.name = name;
      this.play.replaceChildren(icon(this.frame ? "pause" : "play"), ` ${name}`);
      this.play.setAttribute("aria-label", name);
    }
  }

  /** How many steps a second are played; 0 while it rests. */
  get playing() {
    return this.frame ? this.speed : 0;
  }

  /** Plays as somebody else does, from where they are. @param {number | null} t @param {number} speed 0 where they rest */
  follow(t, speed) {
    const isFar = Math.abs((t ?? 0) - this.t) > Math.max(3, speed / 2);
    if (!speed || !this.frame || isFar) setPin({ t: t ?? undefined });
    if (!speed || matchMedia("(prefers-reduced-motion: reduce)").matches) return this.pause();
    this.speed = speed;
    this.select.value = String(speed);
    this.isLed = true;
    if (!this.frame) this.start();
  }

  toggle() {
    this.isLed = false;
    if (this.frame) {
      this.pause();
      announcePin();
    } else if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.rest(this.t + 1);
    else this.start();
    this.heard();
  }

  /** Plays to the last step, and stops there; from the last one it begins anew. */
  start() {
    if (this.t + 1 >= this.steps) setPin({ t: 0 });
    const clock = new Clock(performance.now(), this.speed);
    const draw = () => {
      if (!this.bar.isConnected) return;
      this.frame = requestAnimationFrame(draw);
      if (!clock.tick(performance.now(), this.speed)) return;
      setPin({ t: Math.min(this.t + 1, this.steps - 1) });
      if (this.t + 1 < this.steps) return;
      if (this.isLed) this.pause(); // its viewer has done nothing
      else this.rest(this.t);
    };
    this.frame = requestAnimationFrame(draw);
    this.tell();
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.tell();
  }

  /** @param {number} t where time stops; beyond an end lies the other */
  rest(t) {
    this.pause();
    setPin({ t: (t + this.steps) % this.steps });
    announcePin();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (isHeld("t") || this.bar.hidden) return;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const isHere = this.parent.contains(target);
    if (!isHere && target !== document.body) return; // typed elsewhere
    if (!isHere && !this.isSeen()) return;
    if (target.matches("select, input")) {
      if (event.key !== " ") return; // their own keys
    } else if (target.matches("button") && event.key === " " && target !== this.play) return;
    if (event.key === " ") this.toggle();
    else if (event.key === "ArrowLeft") this.rest(this.t - 1);
    else if (event.key === "ArrowRight") this.rest(this.t + 1);
    else return;
    event.preventDefault();
  }

  isSeen() {
    const { top, bottom } = this.parent.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  close() {
    this.pause();
    this.stopFollowing();
    document.removeEventListener("keydown", this.onKey);
    this.bar.remove();
  }
}
