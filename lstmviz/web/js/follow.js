/**
 * Follows a presenter: shows what the presenter shows, until its viewer does something on the stage; and again from then on when
 * asked to.
 *
 * The page's script is told late: whoever only follows needs nothing of it, and a room of pages that all tell theirs after each
 * move would keep the server from the next one.
 *
 * @typedef {{name: string, follows: boolean, turn: number, heard: number, words: Record<string, string>}} Room what the script tells
 * @typedef {{path: string, own?: boolean, query: string, t: number | null, unit: number | null, gate: string, step: string, play: number, at?: string}} Setting
 *     what a presenter shows, or has shown before going to another path, `at`
 * @typedef {{root: HTMLElement, controls: HTMLElement, adopt: (setting: Setting) => void, tellFollowed: (sent: Record<string, any>) => void}} Host
 */

import { make } from "./lesson_figures.js";
import { Line } from "./line.js";

const SIZES = ["num_units", "input_size"]; // which nothing but the stage shows
const REST = { sizes: [10_000, 20_000], all: [1_500, 5_000] }; // milliseconds of quiet after which the script is told, from and to
const FINAL = new Set(["gone", "crowded"]);

export class Follower {
  /**
   * @param {Host} host @param {Room} room @param {(code: string) => void} present called with a code that makes this page a presenter's
   * @param {boolean} isOver whether the room is known to have ended: there is nobody to ask
   */
  constructor(host, room, present, isOver) {
    this.host = host;
    this.room = room;
    this.present = present;
    this.isFollowing = this.wasTold = room.follows;
    this.turn = room.turn; // how often its viewer has come back
    this.number = -1; // of the presenter's moves, the one that is known
    this.heard = room.heard; // and the one that the script knows
    /** @type {Setting | null} */
    this.setting = null;
    this.timer = 0;
    this.problem = "waits";
    this.bar = make("div", "lv-room", host.root);
    host.root.insertBefore(this.bar, host.controls);
    this.said = make("p", "", this.bar);
    this.said.setAttribute("role", "status");
    this.back = this.button("lv-return", () => this.comeBack());
    this.code = this.button("lv-code-ask", () => this.askCode());
    /** @type {HTMLElement} the button, or the form that takes its place */
    this.asking = this.code;
    // Whoever turns to what stands beside the stage finds there what is shown.
    this.onElsewhere = (/** @type {Event} */ event) => !host.root.contains(/** @type {Node} */ (event.target)) && this.tellScript();
    for (const deed of ["pointerdown", "focusin"]) document.addEventListener(deed, this.onElsewhere, true);
    this.line = isOver ? null : new Line(() => ({ do: "follow", room: room.name }), (message) => this.hear(message));
    if (isOver) this.give("over");
    this.show();
  }

  /** @param {string} name @param {() => void} act */
  button(name, act) {
    const button = /** @type {HTMLButtonElement} */ (make("button", name, this.bar));
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  }

  /** What the script says: by Back or Forward, and by what is picked beside the stage, its viewer goes and comes too. @param {Room} room */
  tell(room) {
    this.room = room;
    if (room.turn === this.turn) {
      this.heard = room.heard;
      if (this.isFollowing && !room.follows) this.stray();
      else if (!this.isFollowing && room.follows && !this.wasTold) this.comeBack();
      this.wasTold = room.follows;
    }
    this.show();
  }

  /** Whether more is shown than the script knows. */
  get isAhead() {
    return this.isFollowing && this.setting !== null && !this.setting.own && this.heard !== this.number;
  }

  /** @param {Record<string, any>} message */
  hear(message) {
    if (message.is === "state" && message.number > this.number) this.follow(message.number, message.state);
    else if (message.is === "following" || message.is === "found") this.problem = this.setting ? "" : "waits";
    else if (message.is === "lost") this.problem = "lost";
    else if (message.is === "ended") this.give(message.why);
    else if (message.is === "refused" && FINAL.has(message.why)) this.give(message.why);
    else if (message.is === "refused") this.problem = message.why;
    this.show();
  }

  /** There is nobody to follow. @param {string} why */
  give(why) {
    this.problem = why in this.room.words ? why : "over";
    this.line?.close();
    this.tellScript();
    this.hasEnded = true;
  }

  /** @param {number} number @param {Setting} setting */
  follow(number, setting) {
    const before = this.setting;
    this.number = number;
    this.problem = setting.at ? "elsewhere" : setting.own ? "own" : "";
    if (setting.own) {
      this.setting = before ? { ...before, path: setting.path } : null;
      return;
    }
    this.setting = setting;
    if (!this.isFollowing) return;
    this.host.adopt(setting);
    const isSmall = before !== null && before.path === setting.path && apart(before.query, setting.query).every((name) => SIZES.includes(name));
    this.isLarge = !isSmall || (this.timer !== 0 && this.isLarge);
    const [least, most] = this.isLarge ? REST.all : REST.sizes;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.tellScript(), least + Math.random() * (most - least));
  }

  tellScript() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.isAhead || !this.setting) return;
    const { query, t, unit, gate, step } = this.setting;
    this.host.tellFollowed({ follow: query, follows: true, turn: this.turn, heard: this.number, t, unit, gate, step });
  }

  /** Tells the script whatever it may know: after a reconnect it may be one that knows nothing. */
  tellAnew() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.heard = -2;
    const { query, t, unit, gate, step } = this.setting ?? { query: undefined, t: null, unit: null, gate: "", step: "" };
    this.host.tellFollowed({ follow: query, follows: true, turn: this.turn, heard: this.number, t, unit, gate, step });
  }

  /** Its viewer does something on their own. */
  stray() {
    if (!this.isFollowing) return;
    this.base = this.isAhead ? this.setting?.query : undefined;
    this.isFollowing = false;
    clearTimeout(this.timer);
    this.timer = 0;
    this.show();
  }

  /** What the script is told with the first deed of somebody who has followed: what it started from. @returns {Record<string, any>} */
  say() {
    const { base } = this;
    this.base = undefined;
    const where = { turn: this.turn, heard: this.heard };
    return base === undefined ? where : { ...where, follow: base };
  }

  comeBack() {
    this.turn++;
    this.isFollowing = this.wasTold = true;
    this.heard = -2; // the script knows of something else
    if (this.setting) {
      this.host.adopt(this.setting);
      this.tellScript();
    }
    this.show();
  }

  askCode() {
    const { words } = this.room;
    if (this.field) return;
    const form = document.createElement("form");
    const label = make("label", "", form);
    label.textContent = words.code_give;
    const field = (this.field = document.createElement("input"));
    Object.assign(field, { type: "text", inputMode: "numeric", autocomplete: "off", maxLength: 12, required: true });
    label.append(field);
    make("button", "", form).textContent = words.code_go;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.present(field.value);
    });
    this.code.replaceWith(form);
    this.asking = form;
    field.focus();
  }

  /** The code that was given is none. @param {string} why */
  refuse(why) {
    this.problem = why in this.room.words ? why : "code";
    this.show();
  }

  show() {
    const { words } = this.room;
    const said = [this.problem === "waits" ? "" : this.isFollowing ? (this.hasEnded ? "" : words.follows) : words.away, words[this.problem] ?? ""];
    const text = said.filter(Boolean).join(" ");
    if (this.said.textContent !== text) this.said.textContent = text;
    this.back.textContent = words.back;
    this.back.hidden = this.isFollowing || Boolean(this.hasEnded);
    this.code.textContent = words.code_ask;
    // Of a room that is over, or of none, nobody becomes the presenter.
    this.asking.hidden = Boolean(this.hasEnded) && this.problem !== "crowded";
    this.bar.dataset.follows = String(this.isFollowing);
  }

  close() {
    clearTimeout(this.timer);
    this.line?.close();
    for (const deed of ["pointerdown", "focusin"]) document.removeEventListener(deed, this.onElsewhere, true);
    this.bar.remove();
  }
}

/** The parameters in which two queries differ. @param {string} one @param {string} other */
function apart(one, other) {
  const [a, b] = [new URLSearchParams(one), new URLSearchParams(other)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
}
