/**
 * Shares what is on the stage with a room: one page's sharing, whichever stage of its paths is on the screen.
 *
 * @typedef {import("./follow.js").Setting} Setting
 * @typedef {{setting: () => Record<string, any> | null, adopt: (setting: Setting) => void, shared: () => void}} Host
 *     a stage: what it shows, how it shows another's, and that something about the sharing is new
 * @typedef {{room: string, token: string, epoch: number}} Kept what a tab keeps of its room; nothing else ever has the token
 */

import { Line } from "./line.js";

const KEPT = "lstmviz-room"; // in the tab's own storage
const PAUSE = 100; // milliseconds between two moves
const PLAYING = 1000; // milliseconds between two words of where play is
const ELSEWHERE = 1500; // milliseconds without a stage, after which its viewer is on a path that has none

export class Sharing {
  constructor() {
    /** @type {Host | null} */
    this.host = null;
    /** @type {Kept | null} */
    this.kept = recall();
    this.isDriving = false;
    this.people = 0;
    this.link = "";
    this.qr = "";
    this.isShared = true;
    this.code = "";
    this.problem = "";
    this.over = ""; // the room that ended while this tab was one of its presenter's devices
    this.last = ""; // what was sent
    /** @type {Record<string, any> | null} what of the stage was sent last */
    this.setting = null;
    /** @type {Setting | null} what the room was shown last, by another device */
    this.shown = null;
    this.timer = 0;
    this.moved = 0; // when
    if (this.kept) this.connect({ do: "drive" });
  }

  /** @param {Host} host */
  attach(host) {
    this.host = host;
    this.report();
  }

  /** @param {Host} host */
  detach(host) {
    if (this.host !== host) return;
    this.host = null;
    setTimeout(() => this.leave(), ELSEWHERE);
  }

  /** Tells the room that its presenter looks at what no stage shows; what stands there stays. */
  leave() {
    if (this.host || !this.setting) return;
    this.say({ ...this.setting, play: 0, at: location.pathname.split("/").pop() });
  }

  /** Whether this tab is a presenter's, driving or not. */
  get isOpen() {
    return this.kept !== null;
  }

  open() {
    this.connect({ do: "open" });
  }

  /** @param {string} room @param {string} code @param {(why: string) => void} refused */
  redeem(room, code, refused) {
    this.connect({ do: "redeem", room, code }, refused);
  }

  /** @param {Record<string, any>} first @param {(why: string) => void} [refused] */
  connect(first, refused) {
    this.line?.close();
    this.problem = "";
    const greet = () => ({ ...(this.kept ? { do: "drive", ...this.kept } : first), page: page() });
    const line = (this.line = new Line(greet, (message) => {
      if (line !== this.line) return;
      if (message.is === "refused" && !this.kept) {
        this.drop(message.why);
        refused?.(message.why);
      } else this.hear(message);
      this.host?.shared();
    }));
  }

  /** @param {Record<string, any>} message */
  hear(message) {
    const { is } = message;
    if (is === "opened" || is === "driving" || is === "driver") this.take(message);
    else if (is === "people") this.people = message.count;
    else if (is === "code") this.code = message.code;
    else if (is === "state" && !this.isDriving) this.shown = message.state;
    else if (is === "lost") this.problem = "lost";
    else if (is === "found") {
      if (this.problem === "lost") this.problem = "";
      this.last = "";
      this.report();
    } else if (is === "ended") this.drop("over");
    else if (is === "refused") this.refuse(message.why);
  }

  /** @param {Record<string, any>} message */
  take(message) {
    const { is, room, token, epoch } = message;
    const isFirst = !this.kept;
    if (this.problem === "lost") this.problem = "";
    if (token) this.kept = { room, token, epoch };
    for (const name of /** @type {("link" | "qr")[]} */ (["link", "qr"])) if (message[name]) this[name] = message[name];
    if ("shared" in message) this.isShared = message.shared;
    if (!this.kept) return;
    if (is === "driver") {
      this.isDriving = this.isDriving && epoch <= this.kept.epoch;
      this.code = ""; // a device that comes to present has mostly used it up; another can be asked for
      if (message.state) this.shown = message.state;
      return;
    }
    this.kept.epoch = epoch;
    keep(this.kept);
    this.isDriving = true;
    this.last = "";
    const comes = (isFirst || this.isTaking) && message.state; // a device that begins to drive begins where the room is
    this.isTaking = false;
    if (comes && !message.state.own) this.host?.adopt(message.state);
    else this.report();
  }

  /** @param {string} why */
  refuse(why) {
    if (why === "driver") this.isDriving = false;
    else if (why === "gone" || why === "token") this.drop("gone");
    else this.problem = why === "address" || why === "state" || why === "size" ? "unseen" : why;
  }

  takeOver() {
    this.isTaking = true;
    this.line?.say({ do: "take" });
  }

  askCode() {
    this.line?.say({ do: "code" });
  }

  end() {
    this.line?.say({ do: "end" });
  }

  /** @param {string} problem why it is over */
  drop(problem) {
    if (problem === "over") this.over = this.kept?.room ?? "";
    this.line?.close();
    this.line = undefined;
    this.kept = this.setting = null;
    this.isDriving = false;
    this.code = this.link = this.qr = "";
    this.people = 0;
    this.problem = problem;
    keep(null);
  }

  /** Tells the room what is shown: at once, and then as often as need be. */
  report() {
    if (!this.isDriving || !this.host || this.timer) return;
    const wait = Math.max(0, this.moved + PAUSE - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.send();
    }, wait);
  }

  send() {
    const setting = this.host?.setting();
    if (!setting || !this.say(setting)) return;
    this.setting = setting;
    const problem = setting.own ? "own" : "";
    if (this.problem !== problem && ["own", "unseen", ""].includes(this.problem)) {
      this.problem = problem;
      this.host?.shared();
    }
  }

  /**
   * Says something to the room where it is news, and where play has come to now and then: each page plays by itself.
   *
   * @param {Record<string, any>} setting
   * @returns {boolean} whether it was said
   */
  say(setting) {
    if (!this.isDriving || !this.kept) return false;
    const text = JSON.stringify(setting.play ? { ...setting, t: null } : setting);
    const isNews = text !== this.last;
    if (!isNews && !(setting.play && performance.now() - this.moved >= PLAYING)) return false;
    if (!this.line?.say({ do: "move", epoch: this.kept.epoch, state: setting })) return false;
    this.last = text;
    this.moved = performance.now();
    return true;
  }
}

/** The page's own address, below which its paths lie: the link for followers is made of it. */
export const page = () => new URL("../../", import.meta.url).href;

/** @returns {Kept | null} */
function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    return typeof kept?.room === "string" && typeof kept.token === "string" && Number.isInteger(kept.epoch) ? kept : null;
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** @param {Kept | null} kept */
function keep(kept) {
  try {
    if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // it is known for as long as the page is open
  }
}
