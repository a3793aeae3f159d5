/**
 * A presenter's screen: keys for all that is done while one talks, the whole of the screen, and notes in a second window, which hears
 * what is shown over a channel of the browser and needs no network.
 *
 * @typedef {{root: HTMLElement, told: {words: Record<string, string>}, lesson: import("./lesson.js").Lesson | null, units: number, sentence: HTMLElement,
 *   player: import("./player.js").Player, scene?: import("./scene.js").Scene, resize: (units: number) => void, turnToPath: (path: string) => void,
 *   roomDialog: import("./room_dialog.js").RoomDialog | null, theme: (dark: boolean | null) => void, isDark: () => boolean, redraw: () => void}} Host
 */

import { fill } from "./lesson_facts.js";
import { make } from "./lesson_figures.js";

const CHANNEL = "lstmviz-present";
const SINCE = "lstmviz-present-since"; // when this talk began, for as long as the tab is open
/** What each key does, those first that the help shows. @type {[string, string, string[]][]} */
const KEYS = [
  ["next", "n, PageDown", ["n", "PageDown"]],
  ["back", "b, PageUp", ["b", "PageUp"]],
  ["play", "", [" "]],
  ["move", "←, →", ["ArrowLeft", "ArrowRight"]],
  ["more", "+, −", ["+", "=", "-"]],
  ["dark", "d", ["d"]],
  ["screen", "f", ["f"]],
  ["notes", "o", ["o"]],
  ["share", "s", ["s"]],
  ["help", "?", ["?"]],
  ["leave", "Esc", ["Escape"]],
];

export class Present {
  /** @param {Host} host @param {Record<string, string>} words */
  constructor(host, words) {
    this.host = host;
    this.words = words;
    host.root.classList.add("lv-presenting");
    this.channel = new BroadcastChannel(CHANNEL);
    this.channel.addEventListener("message", ({ data }) => this.hear(data));
    this.help = /** @type {HTMLDialogElement} */ (make("dialog", "lv-sharing lv-help", host.root));
    this.hint = /** @type {HTMLButtonElement} */ (make("button", "lv-hint", host.root));
    Object.assign(this.hint, { type: "button", textContent: "?" });
    this.hint.addEventListener("click", () => this.help.showModal());
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
    this.since = since();
    this.told = "";
    this.shown = "";
    this.show(words);
  }

  /** @param {Record<string, string>} words */
  show(words) {
    const shown = JSON.stringify([words, this.host.told.words.close]);
    if (shown === this.shown) return; // the script says them with each of its runs
    this.shown = shown;
    this.words = words;
    this.hint.setAttribute("aria-label", `${words.keys}: ${words.help}`);
    const hadFocus = this.help.contains(document.activeElement);
    this.help.replaceChildren();
    make("h2", "", this.help).textContent = words.keys;
    const list = make("dl", "", this.help);
    for (const [name, shown] of KEYS) {
      make("dt", "", list).textContent = shown || words.space;
      make("dd", "", list).textContent = words[name];
    }
    const close = /** @type {HTMLButtonElement} */ (make("button", "", this.help));
    Object.assign(close, { type: "button", textContent: this.host.told.words.close });
    close.addEventListener("click", () => this.help.close());
    if (hadFocus) close.focus();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (this.help.open || !isForPage(target)) return;
    if (event.key === " " && target.matches("button, a") && !isShutAway(target)) return; // their own key
    if (this.act(event.key)) event.preventDefault();
  }

  /** Does what a key stands for; false where it stands for nothing. @param {string} key @returns {boolean} */
  act(key) {
    const { host } = this;
    const [name] = KEYS.find(([_name, _shown, keys]) => keys.includes(key)) ?? [""];
    if (name === "next") host.lesson?.turn(1);
    else if (name === "back") host.lesson?.turn(-1);
    else if (name === "play") host.player.toggle();
    else if (name === "move") host.player.rest(host.player.t + (key === "ArrowLeft" ? -1 : 1));
    else if (name === "more") host.resize(Math.max(1, host.units + (key === "-" ? -1 : 1)));
    else if (name === "dark") host.theme(!host.isDark());
    else if (name === "screen") turnScreen();
    else if (name === "notes") this.openNotes();
    else if (name === "share") host.roomDialog?.toggle();
    else if (name === "help") this.help.showModal();
    else if (name === "leave") this.leave();
    else return false;
    return true;
  }

  leave() {
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    this.host.turnToPath("learn");
  }

  openNotes() {
    const opened = open(new URL("notes.html", import.meta.url), "lstmviz-notes", "popup,width=760,height=860");
    if (!opened) {
      this.hint.textContent = this.words.blocked;
      setTimeout(() => (this.hint.textContent = "?"), 8000);
    }
  }

  /** What the notes' window says. @param {any} message */
  hear(message) {
    if (message?.is === "hello") this.tell(true);
    else if (message?.is === "again") this.begin();
    else if (message?.is === "key" && typeof message.key === "string" && !["f", "o", "Escape"].includes(message.key)) this.act(message.key);
  }

  begin() {
    this.since = Date.now();
    keep(this.since);
    this.tell(true);
  }

  /** Tells the notes' window what is shown; where it is news, or somebody asks. */
  tell(isAsked = false) {
    const { lesson, scene } = this.host;
    const steps = lesson?.told.steps ?? [];
    const at = lesson?.index ?? -1;
    const filled = (/** @type {string} */ text) => (scene ? fill(text, scene) : "");
    const step = steps[at];
    const message = {
      is: "shown",
      title: step?.title ?? lesson?.told.words.questions ?? "",
      place: step ? `${at + 1} / ${steps.length}` : "",
      notes: filled(step?.notes || step?.text || ""),
      task: filled(step?.action ?? ""),
      key: filled(step?.key ?? ""),
      next: steps[at + 1]?.title ?? (step ? lesson?.told.words.questions : ""),
      setting: this.host.sentence.textContent,
      t: this.host.player.t,
      dark: this.host.isDark(),
      lang: document.documentElement.lang,
      words: this.words,
      since: this.since,
    };
    const told = JSON.stringify(message);
    if (told === this.told && !isAsked) return;
    this.told = told;
    this.channel.postMessage(message);
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.channel.postMessage({ is: "gone" });
    this.channel.close();
    this.help.remove();
    this.hint.remove();
    this.host.root.classList.remove("lv-presenting");
    this.host.theme(null);
  }
}

/** Whether a key that is pressed there is none of a field's and none of a dialog's own. @param {HTMLElement} target */
export function isForPage(target) {
  return isShutAway(target) || !target.closest("input, select, textarea, dialog");
}

/** Whether something is in a dialog that is shut: the focus is still there until the browser has painted that. @param {HTMLElement} target */
const isShutAway = (target) => Boolean(target.closest("dialog:not([open])"));

/** Fills the screen, or gives it back; only while a key or a click is being answered. */
export function turnScreen() {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  else document.documentElement.requestFullscreen?.().catch(() => {}); // a browser that has none, or a frame that may not
}

/** @returns {number} */
function since() {
  const now = Date.now();
  try {
    const kept = Number(sessionStorage.getItem(SINCE));
    if (kept > 0 && kept <= now) return kept;
  } catch {
    return now;
  }
  keep(now);
  return now;
}

/** @param {number} moment */
function keep(moment) {
  try {
    sessionStorage.setItem(SINCE, String(moment));
  } catch {
    // it is known for as long as the page is open
  }
}
