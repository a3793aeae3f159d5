/**
 * A training on the stage: a row with where it is, its losses and what can be done; the weights come as stages, each of one moment.
 *
 * It asks for what is new as soon as the last answer is drawn, without a clock of its own: a page that nobody looks at is slowed
 * down by its browser, and a page that is gone asks no more, upon which the server ends the training.
 *
 * @typedef {{why: string, kept: string, words: Record<string, string>}} Offer why it cannot be trained, and what is said of one that was
 * @typedef {{state: string, version: number, isOver: boolean, problem: string, measured: string, of?: string, step?: number, steps?: number,
 *   epoch?: number, epochs?: number, batches?: number, rate?: number, now?: number, curve: number[], part: number}} Trained
 */

import { ask } from "./assets.js";
import { drawLosses } from "./losses.js";
import { Sent, write } from "./numbers.js";
import { pin } from "./linked.js";
import { withEngine } from "./query.js";
import { keyed } from "./streamlit.js";

const HEADER = { "X-Lstmviz-Training": "1" };
const PATIENCE = 500; // milliseconds after an answer that did not come
const TRIES = 8;

export class Trainer {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {HTMLElement} head where the button is that begins
   * @param {HTMLElement} before what the row stands behind
   */
  constructor(stage, head, before) {
    this.stage = stage;
    /** @type {Offer | null} */
    this.offer = null;
    this.of = ""; // the setting that is trained, as the stage names it
    this.ticket = "";
    /** @type {"idle" | "on" | "over"} */
    this.phase = "idle";
    /** @type {Trained | null} */
    this.told = null;
    this.start = this.button(head, "", () => this.begin());
    this.start.classList.add("lv-train", keyed("train"));
    this.row = document.createElement("div");
    this.row.className = `lv-training ${keyed("training")}`;
    this.row.setAttribute("role", "group");
    before.after(this.row);
    this.state = this.make("strong", "");
    this.state.setAttribute("role", "status");
    this.place = this.make("span", "lv-where");
    this.curve = this.make("span", "lv-losses");
    this.pause = this.button(this.row, "", () => this.ask(this.told?.state === "paused" ? { do: "go_on" } : { do: "pause" }));
    this.batch = this.button(this.row, "", () => this.ask({ do: "step", batches: "1" }));
    this.epoch = this.button(this.row, "", () => this.ask({ do: "step", batches: String(this.told?.batches ?? 1) }));
    const label = this.row.appendChild(document.createElement("label"));
    this.rateName = label.appendChild(document.createElement("span"));
    this.rate = label.appendChild(document.createElement("input"));
    Object.assign(this.rate, { type: "number", min: "0.000001", max: "10", step: "any" });
    this.rate.addEventListener("change", () => this.rate.reportValidity() && this.ask({ do: "rate", rate: this.rate.value }));
    this.reset = this.button(this.row, "", () => this.ask({ do: "reset" }));
    this.stop = this.button(this.row, "", () => this.ask({ do: "stop" }));
    this.back = this.button(this.row, "", () => this.goBack());
    this.onHide = () => this.leave();
    addEventListener("pagehide", this.onHide);
    this.draw();
  }

  /** @param {string} tag @param {string} name */
  make(tag, name) {
    const made = this.row.appendChild(document.createElement(tag));
    made.className = name;
    return made;
  }

  /** @param {HTMLElement} parent @param {string} text @param {() => void} act */
  button(parent, text, act) {
    const made = parent.appendChild(document.createElement("button"));
    Object.assign(made, { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  }

  /** Whether what is trained is shown in place of a setting. @param {string} of */
  holds(of) {
    return this.phase !== "idle" && of === this.of;
  }

  /** @param {Offer | null | undefined} offer */
  tell(offer) {
    this.offer = offer ?? null;
    this.draw();
  }

  /** Another setting is to be shown: whatever was trained is left, and who looked on is told where it had not come to its end. */
  letGo() {
    if (this.phase === "on") {
      const { kind = "", numUnits = "" } = this.stage.sent?.head ?? {};
      this.stage.tellNews((this.offer?.words.left ?? "").replace("{cell}", kind).replace("{units}", String(numUnits)));
      this.leave();
    }
    this.phase = "idle";
    this.draw();
  }

  async begin() {
    const { stage } = this;
    this.of = stage.wanted;
    this.phase = "on";
    this.told = blank("starting");
    this.draw();
    const of = this.of;
    const answer = await post("begin", of);
    const found = answer?.status === 200 ? await answer.json() : { problem: this.offer?.words.lost ?? "" };
    if (found.ticket && !this.holds(of)) return void post("do", new URLSearchParams({ do: "leave", ticket: found.ticket }).toString());
    if (!this.holds(of)) return;
    this.ticket = found.ticket ?? "";
    if (this.ticket) this.follow(this.ticket);
    else this.end({ ...blank("failed"), problem: found.problem });
  }

  /** @param {string} ticket */
  async follow(ticket) {
    let [version, failed] = [-1, 0];
    while (this.ticket === ticket) {
      const { t = 0, unit = 0 } = pin();
      const query = new URLSearchParams({ ticket, after: String(version), t: String(t), unit: String(unit) });
      const answer = await ask(`training/look?${query}`);
      if (this.ticket !== ticket) return;
      if (answer?.status === 204) continue;
      if (answer?.status !== 200) {
        if (++failed > TRIES) return this.end({ ...blank("failed"), problem: this.offer?.words.lost ?? "" });
        await new Promise((resolve) => setTimeout(resolve, PATIENCE));
        continue;
      }
      failed = 0;
      const sent = new Sent(await answer.arrayBuffer());
      const told = /** @type {Trained} */ (sent.head.training);
      if (this.ticket !== ticket) return;
      version = told.version;
      if (told.of) await this.stage.showTrained(sent, withEngine(told.of, "numpy"), () => this.take(told));
      else this.take(told);
      if (this.ticket !== ticket) return;
      if (told.isOver) return this.end(told);
    }
  }

  /** The row follows in the task in which the stage does. @param {Trained} told */
  take(told) {
    this.told = told;
    this.draw();
  }

  /** What was trained stays, where its training came to an end. @param {Trained} told */
  end(told) {
    const { ticket } = this;
    this.ticket = "";
    this.phase = "over";
    this.take(told);
    if (told.state === "ended") this.stage.ask({ training: ticket });
  }

  /** @param {Record<string, string>} what */
  ask(what) {
    if (this.ticket) post("do", new URLSearchParams({ ...what, ticket: this.ticket }).toString());
  }

  /** Nobody looks on any more. */
  leave() {
    this.ask({ do: "leave" });
    this.ticket = "";
    if (this.phase === "on") this.phase = "idle";
  }

  /** To what was there before. */
  goBack() {
    if (this.offer?.kept) return this.stage.ask({ training: "leave" });
    const { of } = this;
    this.letGo();
    this.stage.want(of, this.stage.told.engine);
  }

  draw() {
    const { offer, told, phase } = this;
    const words = offer?.words ?? {};
    const isKept = Boolean(offer?.kept);
    this.start.hidden = !offer || isKept || phase !== "idle";
    this.start.textContent = words.train ?? "";
    this.start.disabled = Boolean(offer?.why);
    this.start.title = offer?.why || (words.train_help ?? "");
    this.row.hidden = !offer || (phase === "idle" && !isKept);
    if (this.row.hidden) return;
    const state = told?.state ?? "";
    const isOn = phase === "on" && !["starting", "measuring"].includes(state);
    this.row.setAttribute("aria-label", words.row);
    set(this.state, isKept ? "" : (words[`state_${state}`] ?? state));
    set(this.place, isKept ? (offer?.kept ?? "") : whereIs(told, words));
    this.place.title = this.place.textContent ?? "";
    const isOwn = isKept && told?.measured && offer?.kept.includes(told.measured); // the curve of the cell that is kept
    const curve = told && (phase !== "idle" || isOwn) ? told : null;
    this.curve.replaceChildren(...(curve?.curve.length ? [drawLosses(curve, words)] : []));
    this.pause.hidden = this.batch.hidden = this.epoch.hidden = this.reset.hidden = !isOn;
    this.stop.hidden = phase !== "on" || state === "measuring";
    this.back.hidden = phase === "on";
    /** @type {HTMLElement} */ (this.rate.parentElement).hidden = !isOn;
    set(this.pause, state === "paused" ? words.go_on : words.pause);
    set(this.batch, words.batch);
    set(this.epoch, words.epoch);
    set(this.rateName, words.rate);
    set(this.reset, words.reset);
    set(this.stop, words.stop);
    set(this.back, isKept ? words.back : words.close);
    if (told?.rate !== undefined && this.rate !== document.activeElement) this.rate.value = String(Number(told.rate.toPrecision(3)));
  }

  close() {
    this.leave();
    removeEventListener("pagehide", this.onHide);
    this.row.remove();
    this.start.remove();
  }
}

/** Nothing that is there already is written again: a button keeps its focus, a screen reader its place. @param {HTMLElement} place @param {string} text */
function set(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** @param {string} state @returns {Trained} */
function blank(state) {
  return { state, version: -1, isOver: false, problem: "", measured: "", curve: [], part: 1 };
}

/** @param {Trained | null} told @param {Record<string, string>} words */
function whereIs(told, words) {
  if (!told) return "";
  const { step, steps, epoch = 0, epochs = 0, curve } = told;
  const parts = told.problem ? [told.problem] : [];
  if (told.measured) parts.push(told.measured);
  else if (step !== undefined && steps !== undefined) {
    const numbers = { epoch: Math.min(epochs, epoch + 1), epochs, step, steps };
    parts.push(Object.entries(numbers).reduce((text, [name, value]) => text.replace(`{${name}}`, value.toLocaleString("en")), words.where));
    if (curve.length) parts.push(words.loss.replace("{loss}", write(curve[curve.length - 1])));
  }
  return parts.join(" · ");
}

/** @param {string} what @param {string} query */
function post(what, query) {
  return ask(`training/${what}?${query}`, { method: "POST", headers: HEADER, keepalive: true }); // also from a page that goes
}
