/**
 * A lesson in a column beside the stage: steps that are done on the stage's own controls, and questions that it answers.
 *
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {{name: string, title: string, text: string, key: string, action: string, done: string[], panel: string, lights: string[],
 *   figure: string, source: string, notes: string, start: Record<string, string>}} Step
 * @typedef {{name: string, ask: string, answer: string, panel: string, lights: string[], show: Record<string, string>}} Question
 * @typedef {{steps: Step[], questions: Question[], source_file: string, step: string, words: Record<string, string>}} Told
 * @typedef {{root: HTMLElement, told: {of: string, fixed: import("./stage.js").Fixed}, wanted: string,
 *   turnTo: (panel: string) => void, pick: (place: import("./scene.js").Place) => void, shut: () => void,
 *   ask: (parameters: Record<string, string>) => void, alter: (name: string, value: string) => void}} Host
 */

import { addSheet } from "./assets.js";
import { followPin, pin, setPin } from "./linked.js";
import { fill, rowsOf } from "./lesson_facts.js";
import { draw, lower, make, markUp } from "./lesson_figures.js";
import { write } from "./numbers.js";
import { keyed } from "./streamlit.js";

const KIND = "BasicLSTMCell"; // which the steps are about
const QUESTIONS = "questions";
const KEPT = "lstmviz-lesson"; // where a browser keeps for this visit what was done

export class Lesson {
  /** @param {Host} host @param {Told} told */
  constructor(host, told) {
    this.host = host;
    this.told = told;
    this.done = new Set(recall());
    /** @type {Set<string>} the gates and states that were opened at this step */
    this.opened = new Set();
    /** @type {Record<string, string>} what was set by the lesson itself */
    this.applied = {};
    /** @type {string | undefined} */
    this.step = undefined;
    this.toldStep = ""; // what the script said last
    /** @type {string[]} steps that the script was told, and has not told back */
    this.sent = [];
    this.sheet = addSheet("lesson.css");
    this.column = document.createElement("aside");
    this.column.className = `lv-lesson ${keyed("lesson")}`;
    host.root.prepend(this.column);
    this.steps = make("nav", "lv-steps", this.column);
    this.other = make("div", "lv-other", this.column);
    this.body = make("div", "lv-step", this.column);
    this.feet = make("div", "lv-feet", this.column);
    this.other.hidden = true;
    this.pinned = pin();
    this.stop = followPin((place) => this.heardPin(place));
    this.tell(told, true);
  }

  /** @param {Told} told @param {boolean} [isFirst] */
  tell(told, isFirst = false) {
    const isSame = JSON.stringify([told.steps, told.questions]) === JSON.stringify([this.told.steps, this.told.questions]);
    this.told = told;
    const isNews = this.followStep(told.step);
    if (isFirst || isNews || !isSame) this.build(); // also in another language
  }

  /** Takes the step from the script where it is news, from a link or from Back: not where the script was told it from here. @param {string} told */
  followStep(told) {
    if (told === this.toldStep) return false;
    this.toldStep = told;
    const at = this.sent.lastIndexOf(told);
    this.sent = at < 0 ? [told] : this.sent.slice(at);
    if (at >= 0) return false;
    this.step = told;
    return true;
  }

  /** What the script is told of the lesson. */
  say() {
    if (this.step && this.step !== this.sent.at(-1)) this.sent.push(this.step);
    return this.step;
  }

  get index() {
    return this.told.steps.findIndex(({ name }) => name === this.step);
  }

  /** @returns {Step | undefined} */
  get current() {
    return this.told.steps[this.index];
  }

  /** Opens a step, and sets what it starts from. @param {string} name */
  go(name) {
    this.step = name;
    this.applied = {};
    this.build();
    this.body.scrollTop = this.column.scrollTop = 0;
    this.apply(this.current?.start ?? {}, this.current?.panel ?? "kernel");
  }

  /** Turns to a step of which the rest has come already. @param {string} name */
  follow(name) {
    const step = name || this.told.steps[0].name;
    if (step === this.step) return;
    this.step = step;
    this.applied = {};
    this.build();
    this.body.scrollTop = this.column.scrollTop = 0;
    this.host.turnTo(this.current?.panel ?? "kernel");
  }

  /** Sets the stage; a drawer that is open would hide what is to be seen. @param {Record<string, string>} given @param {string} panel */
  apply(given, panel) {
    const { t, unit, gate } = given;
    this.isApplying = true;
    this.host.shut();
    if (t !== undefined || unit !== undefined) setPin({ t: t === undefined ? pin().t : Number(t), unit: unit === undefined ? pin().unit : Number(unit) });
    if (gate) this.host.pick({ gate, text: "" });
    this.isApplying = false;
    this.pinned = pin();
    Object.assign(this.applied, given);
    this.host.turnTo(panel);
    this.host.ask(given);
  }

  // --- What was done

  /** Hears of another setting, before it is drawn. @param {string} before @param {string} after queries */
  heard(before, after) {
    if (!before) return;
    const [old, now] = [new URLSearchParams(before), new URLSearchParams(after)];
    for (const clause of this.current?.done ?? []) {
      const [verb, name, value] = clause.split(" ");
      const became = now.get(name);
      // What is as usual, no query says.
      const isOurs = name in this.applied && (became === this.applied[name] || became === null);
      if (became === old.get(name) || isOurs) continue;
      if (verb === "changed" || (verb === "is" && became === value)) this.finish();
    }
  }

  /** @param {{t?: number, gate?: string}} place */
  heardPin(place) {
    const before = this.pinned;
    this.pinned = place;
    if (this.isApplying || !this.scene) return;
    if (place.gate && place.gate !== before.gate) this.opened.add(place.gate);
    for (const clause of this.current?.done ?? []) {
      const [verb, ...names] = clause.split(" ");
      if (verb === "changed" && names[0] === "t" && place.t !== before.t) this.finish();
      if (verb === "picked" && names.every((name) => this.opened.has(name))) this.finish();
    }
  }

  finish() {
    if (this.step) this.mark(this.step);
  }

  /** @param {string} name */
  mark(name) {
    if (this.done.has(name)) return;
    this.done.add(name);
    keep([...this.done]);
    this.showDone();
  }

  showDone() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.steps.querySelectorAll("button"))) {
      const name = button.dataset.step ?? "";
      const isDone = name === QUESTIONS ? this.told.questions.every((each) => this.done.has(each.name)) : this.done.has(name);
      button.dataset.done = String(isDone);
      button.setAttribute("aria-label", `${button.title}${isDone ? `, ${this.told.words.done}` : ""}`);
    }
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (this.body.querySelectorAll("[data-task]"))) {
      each.dataset.done = String(this.done.has(each.dataset.task ?? ""));
    }
  }

  // --- What is shown

  build() {
    const { steps, words } = this.told;
    this.opened.clear();
    /** @type {((scene: Scene) => void)[]} what is drawn anew with each scene */
    this.live = [];
    this.steps.setAttribute("aria-label", words.steps);
    this.steps.replaceChildren();
    for (const [index, { name, title }] of steps.entries()) this.stepButton(name, String(index + 1), title);
    this.stepButton(QUESTIONS, "?", words.questions);
    this.body.replaceChildren();
    if (this.current) this.buildStep(this.current);
    else this.buildQuestions();
    this.buildFeet();
    this.light(this.current?.lights ?? []);
    this.showDone();
    if (this.scene) this.show(this.scene);
  }

  /** @param {string} name @param {string} sign @param {string} title */
  stepButton(name, sign, title) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "", this.steps));
    Object.assign(button, { type: "button", title, textContent: sign });
    button.dataset.step = name;
    if (name === this.step) button.setAttribute("aria-current", "step");
    // One Tab stop for all, arrow keys among them: the stage's controls are not far.
    button.tabIndex = name === this.step || (!this.current && name === QUESTIONS) ? 0 : -1;
    button.disabled = name !== this.step && this.isLocked;
    button.addEventListener("click", () => this.go(name));
    button.addEventListener("keydown", (event) => this.walk(event, button));
  }

  /** Goes to another step's button, as among tabs; Enter opens it. @param {KeyboardEvent} event @param {HTMLElement} button */
  walk(event, button) {
    const every = /** @type {HTMLButtonElement[]} */ ([...this.steps.querySelectorAll("button:enabled")]);
    const at = every.indexOf(/** @type {HTMLButtonElement} */ (button));
    const place = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: every.length - 1 }[event.key];
    const next = place === undefined ? undefined : every[Math.min(Math.max(place, 0), every.length - 1)];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation(); // an arrow key beside a control moves through time
    for (const each of every) each.tabIndex = each === next ? 0 : -1;
    next.focus();
  }

  /** Whether the link that was opened holds the step. */
  get isLocked() {
    return this.host.told.fixed.lock.includes("step");
  }

  /** @param {Step} step */
  buildStep(step) {
    const { words } = this.told;
    this.heading(step.title);
    for (const paragraph of step.text.split(/\n\s*\n/)) this.text("p", "", this.body, paragraph);
    if (step.figure) {
      const box = make("div", `lv-figure lv-figure-${step.figure}`, this.body);
      const figure = draw(step.figure, box, {
        words,
        pick: (gate) => this.host.pick({ gate, text: "" }),
        change: (name, value) => this.host.alter(name, value),
        finish: () => this.finish(),
      });
      this.live?.push((scene) => figure.draw(scene));
    }
    const task = make("p", "lv-task", this.body);
    task.dataset.task = step.name;
    this.text("span", "", task, step.action);
    this.tellHeld(step.start, step.done);
    if (step.source) this.source(step.source);
    const key = make("p", "lv-key", this.body);
    key.setAttribute("aria-label", words.key);
    this.text("span", "", key, step.key);
  }

  /**
   * Says what a step or a question would set and the link that was opened holds, and what of its task cannot be done therefore.
   *
   * @param {Record<string, string>} given
   * @param {string[]} [done]
   */
  tellHeld(given, done = []) {
    const { lock, would, held } = this.host.told.fixed;
    const [query, at] = [new URLSearchParams(this.host.wanted || this.host.told.of), /** @type {Record<string, unknown>} */ (pin())];
    const settings = Object.entries(given).filter(([name, value]) => lock.includes(name) && String(at[name] ?? query.get(name)) !== value);
    const tasks = done.map((clause) => clause.split(" ")).filter(([verb]) => verb === "changed" || verb === "is").map(([, name]) => name);
    const moved = new Set([...tasks, ...(done.some((clause) => clause.startsWith("picked")) ? ["gate"] : [])].filter((name) => lock.includes(name)));
    const said = settings.length ? [would.replace("{setting}", settings.map((each) => each.join(" = ")).join(", "))] : [];
    for (const name of moved) said.push(held.replace("{name}", name));
    for (const old of this.body.querySelectorAll(".lv-held")) old.remove();
    if (!said.length) return;
    const line = make("p", "lv-held", this.body);
    line.setAttribute("role", "status");
    line.textContent = said.join(" ");
  }

  /** @param {string} title */
  heading(title) {
    const heading = make("h2", "", this.body);
    heading.textContent = title;
    heading.setAttribute("aria-live", "polite");
  }

  /** A text that is filled in. @param {string} tag @param {string} name @param {HTMLElement} parent @param {string} text */
  text(tag, name, parent, text) {
    const made = make(tag, name, parent);
    let shown = "";
    this.live?.push((scene) => {
      const filled = fill(text, scene);
      if (filled !== shown) made.replaceChildren(...markUp(filled));
      shown = filled;
    });
    return made;
  }

  /** TensorFlow's lines, with the numbers that they make. @param {string} source */
  source(source) {
    const box = make("figure", "lv-source", this.body);
    for (const line of source.split("\n")) {
      if (line.startsWith(">>>")) {
        const row = make("div", "lv-row", box);
        const name = line.slice(3).trim();
        this.live?.push((scene) => row.replaceChildren(...rowsOf(name, scene).flatMap((each) => numbers(each, scene))));
        continue;
      }
      const code = make("code", line.startsWith("#") ? "lv-comment" : "", box);
      const indent = line.length - line.trimStart().length;
      code.style.setProperty("--lv-indent", String(indent));
      for (const part of line.trim().split(/(?<=[=(])(?=\S)/)) code.append(part, document.createElement("wbr"));
    }
    make("figcaption", "", box).textContent = this.told.source_file;
  }

  buildQuestions() {
    const { questions, words } = this.told;
    this.heading(words.answer);
    this.text("p", "lv-find", this.body, words.find);
    const list = make("ol", "lv-questions", this.body);
    for (const question of questions) {
      const item = make("li", "", list);
      item.dataset.task = question.name;
      item.dataset.question = question.name;
      const ask = this.text("button", "lv-ask", item, question.ask);
      ask.setAttribute("aria-expanded", "false");
      const answer = make("div", "lv-answer", item);
      answer.hidden = true;
      const show = /** @type {HTMLButtonElement} */ (make("button", "lv-show", answer));
      Object.assign(show, { type: "button", textContent: words.show });
      const said = this.text("p", "", answer, question.answer);
      said.hidden = true;
      said.setAttribute("role", "status");
      ask.addEventListener("click", () => this.unfold(list, item));
      show.addEventListener("click", () => {
        said.hidden = false;
        this.light(question.lights);
        this.apply(question.show, question.panel);
        this.tellHeld(question.show);
        this.mark(question.name);
      });
    }
  }

  /** Opens one question and closes the others. @param {HTMLElement} list @param {HTMLElement} item */
  unfold(list, item) {
    for (const each of /** @type {HTMLCollectionOf<HTMLElement>} */ (list.children)) {
      const [ask, answer] = /** @type {HTMLElement[]} */ ([...each.children]);
      answer.hidden = each !== item || !answer.hidden;
      ask.setAttribute("aria-expanded", String(!answer.hidden));
    }
  }

  buildFeet() {
    const { steps, words } = this.told;
    const names = [...steps.map(({ name }) => name), QUESTIONS];
    const at = names.indexOf(this.step ?? "");
    // They stay where they are, so that who goes on with the keyboard goes on from the same button.
    if (!this.feet.childElementCount) {
      for (const [name, by] of /** @type {[string, number][]} */ ([["back", -1], ["next", 1]])) {
        const button = /** @type {HTMLButtonElement} */ (make("button", `lv-${name}`, this.feet));
        button.type = "button";
        button.addEventListener("click", () => this.turn(by));
      }
    }
    const [back, next] = /** @type {HTMLButtonElement[]} */ ([...this.feet.children]);
    back.textContent = `‹ ${words.back}`;
    next.textContent = `${at === names.length - 2 ? words.questions : words.next} ›`;
    back.disabled = at <= 0 || this.isLocked;
    next.disabled = at >= names.length - 1 || this.isLocked;
    this.steps.hidden = this.feet.hidden = this.host.told.fixed.hide.includes("step");
  }

  /** @param {number} by */
  turn(by) {
    const names = [...this.told.steps.map(({ name }) => name), QUESTIONS];
    const next = names[names.indexOf(this.step ?? "") + by];
    if (next) this.go(next);
  }

  /** Lets the pictures stand out that a step is about. @param {string[]} lights */
  light(lights) {
    this.host.root.dataset.lights = lights.join(" ");
  }

  /** @param {Scene} scene */
  show(scene) {
    this.scene = scene;
    const { kind } = scene.sent.head;
    const isOther = kind !== KIND;
    if (isOther !== !this.other.hidden || this.other.dataset.kind !== kind) this.tellOther(kind, isOther);
    if (!isOther) for (const each of this.live ?? []) each(scene);
  }

  /** @param {string} kind @param {boolean} isOther */
  tellOther(kind, isOther) {
    const { words } = this.told;
    this.other.hidden = !isOther;
    this.body.hidden = isOther;
    this.other.dataset.kind = kind;
    this.other.replaceChildren();
    make("p", "", this.other).textContent = words.other.replace("{kind}", kind);
    const button = /** @type {HTMLButtonElement} */ (make("button", "lv-show", this.other));
    Object.assign(button, { type: "button", textContent: words.return });
    button.addEventListener("click", () => this.apply({ cell: KIND, ...this.current?.start }, this.current?.panel ?? "kernel"));
  }

  close() {
    this.stop();
    this.sheet.remove();
    this.column.remove();
    delete this.host.root.dataset.lights;
  }
}

/** @param {import("./lesson_facts.js").Row} row @param {Scene} scene @returns {HTMLElement[]} */
function numbers({ name, shape, numbers: found, rest }, scene) {
  const head = document.createElement("span");
  head.className = "lv-row-name";
  head.textContent = name;
  if (shape) make("small", "", head).textContent = shape;
  const shown = found.map(({ label, value, gate }) => {
    const made = document.createElement("span");
    made.className = "lv-value";
    made.style.borderTopColor = scene.gate(gate)?.hue ?? "transparent";
    make("small", "", made).append(...lower(label));
    make("span", "", made).textContent = value === undefined ? "…" : write(value);
    return made;
  });
  if (rest) {
    const more = document.createElement("span");
    more.className = "lv-value";
    more.textContent = `+ ${rest}`;
    shown.push(more);
  }
  return [head, ...shown];
}

/** @returns {string[]} */
function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return []; // a browser that keeps nothing
  }
}

/** @param {string[]} done */
function keep(done) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(done));
  } catch {
    // it is remembered for as long as the page is open
  }
}
