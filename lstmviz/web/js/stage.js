/**
 * The stage: one screen that answers at once. It asks the server for numbers and draws everything from them in one go, so that at
 * each moment everything on it is of one setting.
 *
 * Streamlit calls the default export with what the page's script tells of; while a control is held the script is not asked.
 *
 * @typedef {{heard?: number, of: string, units: number, inputs: {size: number, most: number, canChange: boolean}, engine: string, orders?: [string, string][], most: number, canHold: boolean, canEdit?: boolean, look?: {show: string, colour: string}, pin: {t: number | null, unit: number | null, gate: string},
 *   words: Record<string, string>, player: any, fixed: Fixed, lesson?: import("./lesson.js").Told | null, mode?: string, room?: import("./follow.js").Room | null,
 *   training?: import("./training.js").Offer | null, share?: Record<string, string>, present?: Record<string, string> | null, aside?: string, language?: string}} Told
 *   `heard` is the number of the last thing said here that it knows
 * @typedef {{hide: string[], lock: string[], kept: Record<string, string>, held: string, would: string}} Fixed what the link that was opened takes
 *   away and what it holds, what an address says of that, and the sentences about it
 */

import { addSheet, ask, askPatiently } from "./assets.js";
import { KEYS, announcePin, followPin, holdPin, onPin, pin, setPin } from "./linked.js";
import { CellPanel } from "./cell_panel.js";
import { Drawer, markUp } from "./drawer.js";
import { drawErrors, sayWithout } from "./errors.js";
import { Follower } from "./follow.js";
import { guardHistory, makeOneEntry } from "./history.js";
import { findHold, hides, putHold, readHolds, writeHold } from "./holds.js";
import { KernelPanel, findWeight } from "./kernel_panel.js";
import { Lesson } from "./lesson.js";
import { Player } from "./player.js";
import { Present, isForPage, turnScreen } from "./present.js";
import { Scene } from "./scene.js";
import { Sent, readJson, write, writeExactly } from "./numbers.js";
import { RoomDialog } from "./room_dialog.js";
import { Sharing } from "./sharing.js";
import { Take } from "./take.js";
import { TextPanel } from "./text_panel.js";
import { TimePanel } from "./time_panel.js";
import { Trainer } from "./training.js";
import { canonical, withEngine } from "./query.js";
import { contentAround, isDark, keyed, onKey, onReconnect, setLanguage, setTheme } from "./streamlit.js";

const REST = 250; // milliseconds of quiet after which the run at rest is asked for and the script is told
const PATIENCE = 4000; // milliseconds until what a script that speaks has not heard is said again
const NOTHING = "none"; // of a run is held and no weight edited, as the address says it
const RESHAPES = ["cell", "sequence", "use_bias", "use_peepholes", "num_proj"]; // with these a cell has other weights
const DRAFT = "numpy"; // whose run is drawn while the slider is held
const PRESENTED = 1.2; // how much larger words are on a presenter's screen than on the page
const BELOW = 8; // pixels of air below the stage
const USUAL = { right: 1256, height: 750 }; // of a stage in a window of 1280 × 900: there the scale is about 1
const NARROW = 700; // pixels of a window with room for one panel alone
const KERNEL_WIDE = [0.59, 0.38]; // the kernel's share of the width, and where the cell needs the room
const ABOVE = [0.575, 0.62, 0.68]; // the kernel's and the cell's share of the height, where the cell is in want of it, and in need
const SLIDER = 256; // units to which the slider goes, where no more are asked for

/** @type {WeakMap<HTMLElement, Stage>} */
const stages = new WeakMap();

guardHistory();

const sharing = new Sharing();

/**
 * @param {{data: [Told], parentElement: HTMLElement, setTriggerValue: (name: string, value: any) => void}} component
 * @returns {() => void}
 */
export default function mount({ data: [data], parentElement, setTriggerValue }) {
  let stage = stages.get(parentElement);
  if (!stage) stages.set(parentElement, (stage = new Stage(parentElement, data)));
  stage.tell(data, setTriggerValue);
  return () => {
    if (!parentElement.isConnected) stage.close();
  };
}

export class Stage {
  /** @param {HTMLElement} parent @param {Told} told */
  constructor(parent, told) {
    this.parent = parent;
    this.told = told;
    this.sheet = addSheet("stage.css");
    this.roomSheet = addSheet("rooms.css");
    this.root = parent.appendChild(document.createElement("div"));
    this.root.className = "lv-stage";
    this.controls = this.make("div", "lv-controls", this.root);
    this.sentence = this.make("p", `lv-sentence ${keyed("sentence")}`, this.root);
    this.notice = this.make("p", "lv-notice", this.root);
    this.notice.setAttribute("role", "status");
    this.tabs = this.make("div", "lv-tabs", this.root);
    const panels = (this.panels = this.make("div", "lv-panels", this.root));
    this.scale = 1;
    panels.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.drawer.isOpen) this.shut();
    });
    const kernel = this.panel(panels, "kernel");
    const step = this.panel(panels, "step");
    const gates = this.panel(panels, "gates");
    this.titles = { kernel: kernel.title, step: step.title, gates: gates.title };
    this.boxes = { kernel: kernel.box, step: step.box, gates: gates.box };
    gates.box.tabIndex = 0;
    gates.box.addEventListener("keydown", (event) => this.press(event));
    kernel.box.tabIndex = 0;
    kernel.box.addEventListener("keydown", (event) => this.pressKernel(event));
    kernel.box.addEventListener("blur", () => this.leaveKernel());
    this.line = this.make("p", "lv-line", kernel.box.parentElement ?? kernel.box);
    this.line.setAttribute("role", "status");
    this.column = ""; // what is said of the pinned number's column
    this.reading = this.make("p", "lv-reading", gates.box);
    this.reading.setAttribute("role", "status");
    this.legends = { kernel: kernel.legend, step: step.legend, gates: gates.legend };
    this.errors = document.createElement("span");
    this.errors.className = "lv-of-errors";
    this.look = this.make("span", "lv-look", gates.legend.parentElement ?? gates.box); // in what the head leaves
    kernel.legend.after(this.errors); // below the slider, which moves among these cells
    this.tip = this.make("div", "lv-tip", this.root);
    this.tip.hidden = true;
    this.size = this.makeSlider();
    this.features = this.makeInputs();
    this.skip = this.makeSkip();
    const point = (/** @type {import("./scene.js").Place | null} */ place, /** @type {PointerEvent} */ event) => this.point(place, event);
    const pick = (/** @type {import("./scene.js").Place} */ place) => this.pick(place);
    this.kernel = new KernelPanel(kernel.box, point, pick);
    this.cell = new CellPanel(step.box, (name) => this.pick({ gate: name, text: "" }));
    this.time = new TimePanel(gates.box, point, pick);
    const host = {
      row: (/** @type {string} */ name, /** @type {number} */ t, /** @type {number} */ unit) => this.askRow(name, t, unit),
      contrast: (/** @type {string} */ name, /** @type {string} */ select) => this.askContrast(name, select),
      note: (/** @type {string} */ name, /** @type {string} */ value) => this.note(name, value),
      pin: (/** @type {number} */ unit) => this.pick({ unit, text: "" }),
      search: told.canEdit ? (/** @type {string} */ steps) => this.goOn("memory", "pattern", steps) : undefined,
    };
    this.text = new TextPanel(gates.box, host, point, pick);
    this.toldLook = "";
    this.textButton = /** @type {HTMLButtonElement} */ (this.make("button", "lv-toggle", gates.title.parentElement ?? gates.box));
    this.textButton.type = "button";
    this.textButton.hidden = true;
    this.textButton.addEventListener("click", () => {
      this.text.box.hidden = !this.text.box.hidden;
      this.note("show", this.text.isOpen ? "text" : "strips");
      this.redraw();
    });
    this.undoButton = /** @type {HTMLButtonElement} */ (this.make("button", "lv-undo", kernel.title.parentElement ?? kernel.box));
    this.undoButton.type = "button";
    this.undoButton.hidden = true;
    this.undoButton.addEventListener("click", () => this.alter("edit", NOTHING));
    /** @type {import("./scene.js").Weight | null} that is taken apart beside a number */
    this.weight = null;
    this.option = ""; // that is no weight
    this.isAlone = false; // whether the weight is taken apart without a number
    this.order = this.makeOrder(gates.title.parentElement ?? gates.box);
    this.drawer = new Drawer(panels, told.words.close, () => this.shut());
    this.trainer = new Trainer(this, kernel.title.parentElement ?? kernel.box, this.notice);
    this.player = new Player(this.controls);
    this.player.heard = () => {
      this.follower?.stray();
      sharing.report();
    };
    this.take = new Take(this.controls, this, told.words);
    this.roomDialog = told.share ? new RoomDialog(this.root, this.controls, sharing, told.share) : null;
    /** @type {Follower | null} */
    this.follower = null;
    /** @type {Present | null} */
    this.present = null;
    this.isLearning = false; // with a presenter
    /** @type {Sent | null} */
    this.sent = null;
    /** @type {Sent | null} */
    this.steps = null;
    /** @type {import("./scene.js").Place | null} */
    this.hover = null;
    this.wanted = ""; // what is to be shown next
    this.shown = ""; // what is
    this.news = ""; // what the last that somebody did has brought with it, until they do something else
    this.isAsking = false;
    this.isAskingSteps = false;
    this.restTimer = 0;
    this.isKeyDown = false;
    onKey(["num_units", "input_size"], (isDown) => (this.isKeyDown = isDown));
    this.asked = ""; // of the drawer
    /** @type {HTMLElement | null} from where it was opened */
    this.opener = null;
    /** @type {Record<string, string>} what else of the address was set since the script was told */
    this.set = {};
    this.roomOfSentence = ""; // of which sentence, in what width, it was measured
    this.said = 0; // how often the script was told
    this.patience = 0;
    this.awaited = 0; // the time of which it has to have heard before it is listened to; 0 where it need not
    /** @type {Record<string, string>} what else was set and told, and may not have been heard */
    this.unheard = {};
    /** @type {Lesson | null} */
    this.lesson = null;
    this.goTo = ""; // another path that is asked for
    this.toldPin = ""; // what the script said last, and what it was told
    this.sentPin = "";
    this.frame = 0;
    // What was said while the connection was lost nobody heard, and who hears now may know nothing yet.
    this.stops = [followPin(() => this.hearPin()), onReconnect(() => this.restTimer || this.sayMoved())];
    onPin(() => this.rest());
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.root);
    const content = contentAround(this.root);
    if (content) this.observer.observe(content); // what stands above may become higher: a note, as its font comes
    this.onWindow = () => this.redraw();
    addEventListener("resize", this.onWindow);
    this.onPop = () => this.giveUp();
    addEventListener("popstate", this.onPop);
    this.onPresent = (/** @type {KeyboardEvent} */ event) => this.pressPresent(event);
    document.addEventListener("keydown", this.onPresent);
    this.makeTabs();
    sharing.attach(this);
  }

  /** @param {string} tag @param {string} name @param {HTMLElement} parent */
  make(tag, name, parent) {
    const made = parent.appendChild(document.createElement(tag));
    made.className = name;
    return made;
  }

  /** @param {HTMLElement} parent @param {string} key @returns {{title: HTMLElement, legend: HTMLElement, box: HTMLElement}} */
  panel(parent, key) {
    const section = this.make("section", `lv-panel lv-of-${key} ${keyed(key)}`, parent);
    const head = this.make("header", "lv-head", section);
    const title = this.make("h2", "gtitle", head);
    const legend = this.make("span", "lv-legend", head);
    const box = this.make("div", "lv-box", section);
    box.setAttribute("role", "figure");
    return { title, legend, box };
  }

  makeSlider() {
    const group = this.make("div", `lv-size ${keyed("num_units")}`, this.controls);
    const label = this.make("label", "", group);
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: "1", max: String(SLIDER), step: "1" });
    slider.setAttribute("aria-label", "num_units");
    const number = document.createElement("input");
    Object.assign(number, { type: "number", min: "1", step: "1" });
    number.setAttribute("aria-label", this.told.words.exact);
    this.make("span", "", label).textContent = "num_units";
    label.append(slider);
    group.append(number);
    slider.addEventListener("input", () => this.resize(Number(slider.value)));
    noteTyping(number);
    number.addEventListener("change", () => {
      const given = Math.round(Number(number.value));
      this.resize(Math.max(1, Math.min(this.told.most, Number.isFinite(given) ? given : 1)));
    });
    return { group, slider, number };
  }

  /** A link to the slider, before everything else on the page: who goes by keys need not pass the paths and the strip. */
  makeSkip() {
    const { slider } = this.size;
    slider.id = "lv-num-units";
    const link = document.createElement("a");
    Object.assign(link, { className: "lv-skip", href: `#${slider.id}`, textContent: this.told.words.skip });
    link.addEventListener("click", (event) => {
      event.preventDefault(); // the address is the page's own
      slider.focus();
    });
    document.body.prepend(link);
    return link;
  }

  /**
   * Lets the keyboard begin at the stage, as a click there would: the next Tab goes to its first control, and what stands above is a
   * Shift+Tab away. Not where somebody is somewhere else already.
   */
  beginHere() {
    if (document.activeElement && document.activeElement !== document.body) return;
    this.root.tabIndex = -1;
    this.root.focus({ preventScroll: true });
    this.root.blur();
    this.root.removeAttribute("tabindex");
  }

  /** In which order the strips' rows are. @param {HTMLElement} head */
  makeOrder(head) {
    const label = /** @type {HTMLLabelElement} */ (this.make("label", "lv-order", head));
    const words = document.createElement("span");
    const choice = document.createElement("select");
    choice.className = keyed("order");
    choice.addEventListener("change", () => this.alter("order", choice.value));
    label.append(words, " ", choice);
    return { label, words, choice };
  }

  /** What the rows can be ordered by, and what they are. */
  tellOrder() {
    const { label, words, choice } = this.order;
    const orders = this.told.orders ?? [];
    label.hidden = !orders.length || this.told.fixed.hide.includes("order");
    choice.disabled = this.isLocked("order");
    words.textContent = this.told.words.order;
    const names = orders.map(([name]) => name);
    if (String([...choice.options].map(({ value }) => value)) !== String(names)) {
      choice.replaceChildren(...orders.map(([name, title]) => new Option(title, name)));
    }
    choice.value = new URLSearchParams(this.wanted).get("order") ?? names[0] ?? "";
  }

  makeInputs() {
    const group = this.make("div", `lv-inputs ${keyed("input_size")}`, this.controls);
    const label = this.make("label", "", group);
    this.make("span", "", label).textContent = "input_size";
    const number = document.createElement("input");
    Object.assign(number, { type: "number", min: "1", step: "1" });
    label.append(number);
    noteTyping(number);
    number.addEventListener("change", () => {
      const given = Math.round(Number(number.value)) || 1;
      const inputs = Math.max(1, Math.min(this.told.inputs.most, given));
      number.value = String(inputs);
      this.change("input_size", inputs, this.inputs);
    });
    return { group, number };
  }

  makeTabs() {
    const names = /** @type {[string, string][]} */ ([["kernel", this.told.words.kernel], ["step", this.told.words.cell], ["gates", this.told.words.time]]);
    this.tabs.setAttribute("role", "tablist");
    for (const [key, word] of names) {
      const button = /** @type {HTMLButtonElement} */ (this.make("button", "", this.tabs));
      button.type = "button";
      button.textContent = word;
      button.setAttribute("role", "tab");
      button.addEventListener("click", () => this.turnTo(key));
      button.dataset.of = key;
    }
    this.turnTo("kernel");
  }

  /** Shows one panel where there is room for one alone. @param {string} key */
  turnTo(key) {
    this.root.dataset.panel = key;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.tabs.querySelectorAll("button"))) {
      button.setAttribute("aria-selected", String(button.dataset.of === key));
    }
    this.redraw();
  }

  /**
   * @param {Told} told
   * @param {(name: string, value: any) => void} setTriggerValue
   */
  tell(told, setTriggerValue) {
    this.told = told;
    this.trigger = setTriggerValue;
    this.tellFixed();
    if (told.language) setLanguage(told.language);
    this.skip.textContent = told.words.skip;
    this.tellRoom();
    this.tellPresent();
    this.trainer.tell(told.training);
    if (this.isUnheard(told)) return this.redraw();
    const of = canonical(told.of);
    this.followPin(told.pin);
    this.followLook(told.look);
    this.tellLesson();
    if (this.isHeld && of !== this.wanted) return; // who holds the slider is ahead of the script
    if (this.follower?.isAhead) return this.redraw(); // and who follows a presenter may be too
    this.want(of, told.engine);
    this.redraw(); // the theme may be another one
  }

  /**
   * Whether the script speaks without having heard what was said last: a script that was stopped, or another server's that knows the
   * address alone. What stands here is newer than what it shows.
   *
   * @param {Told} told
   */
  isUnheard({ heard = this.said }) {
    this.said = Math.max(this.said, heard);
    clearTimeout(this.patience);
    if (heard < this.awaited) {
      this.patience = window.setTimeout(() => this.awaited && this.sayMoved(), PATIENCE);
      return true;
    }
    this.awaited = 0;
    this.unheard = {};
    return false;
  }

  /** Takes away, and holds, what the link that was opened says. */
  tellFixed() {
    const { canHold, fixed } = this.told;
    const isHidden = (/** @type {string} */ name) => fixed.hide.includes(name);
    this.size.group.hidden = !canHold || isHidden("num_units");
    this.skip.hidden = this.size.group.hidden || this.isLocked("num_units");
    this.size.slider.disabled = this.size.number.disabled = this.isLocked("num_units");
    this.features.group.hidden = isHidden("input_size");
    this.player.bar.hidden = isHidden("t");
    this.sentence.hidden = isHidden("sentence");
    holdPin(["t", "unit", "gate"].filter((name) => this.isLocked(name)));
  }

  /** Whether the link that was opened holds a parameter at its value. @param {string} name */
  isLocked(name) {
    return this.told.fixed.lock.includes(name);
  }

  tellRoom() {
    const { room, share } = this.told;
    const isPresenters = room?.name === sharing.kept?.room; // of this very tab
    if (!room || isPresenters) {
      this.follower?.close();
      this.follower = null;
      this.isLearning = false;
    } else if (this.follower?.room.name === room.name) this.follower.tell(room);
    else {
      this.follower?.close();
      this.follower = new Follower(this, room, (code) => sharing.redeem(room.name, code, (why) => this.follower?.refuse(why)), sharing.over === room.name);
    }
    if (this.roomDialog) this.roomDialog.button.hidden = Boolean(this.follower);
    if (share) this.roomDialog?.show(share);
  }

  /** Something about what this page shares is new. */
  shared() {
    this.tellRoom();
  }

  tellPresent() {
    const { present } = this.told;
    if (present && this.present) this.present.show(present);
    else if (present) this.present = new Present(this, present);
    else {
      const { present: before } = this;
      this.present = null;
      before?.close();
    }
  }

  /** From the stage to the presenter's screen, by a key. @param {KeyboardEvent} event */
  pressPresent(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (this.present || !this.told.share || event.key !== "p" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((target !== document.body && !this.root.contains(target)) || !isForPage(target)) return;
    event.preventDefault();
    if (!document.fullscreenElement) turnScreen();
    this.turnToPath("present");
  }

  /** Turns to another path of the page. @param {string} path */
  turnToPath(path) {
    clearTimeout(this.restTimer);
    this.restTimer = 0;
    this.goTo = path;
    this.sayMoved();
  }

  /** What is on the stage, as a room is told; null before anything is. */
  setting() {
    if (!this.wanted) return null;
    const query = new URLSearchParams(this.wanted);
    const path = this.told.mode ? "learn" : "explore";
    if (query.has("model") || query.has("upload")) return { path, own: true };
    for (const name of ["lang", "room"]) query.delete(name); // each viewer's own
    const { t = null, unit = null, gate = "" } = pin();
    return { path, query: query.toString(), t, unit, gate, step: this.lesson?.step ?? "", play: this.player.playing };
  }

  /** Shows what a presenter shows. @param {import("./follow.js").Setting} setting */
  adopt({ path, query, t, unit, gate, step, play }) {
    const own = new URLSearchParams(query);
    const lang = new URLSearchParams(this.told.of).get("lang");
    if (lang) own.set("lang", lang);
    this.isLearning = path === "learn";
    this.tellLesson();
    const of = canonical(own.toString());
    this.showSize(Number(own.get("num_units")));
    setPin({ unit: unit ?? undefined, gate: gate || undefined });
    this.player.follow(t, play);
    if (of !== this.wanted) this.want(of, DRAFT);
    this.lesson?.follow(step);
    if (gate) this.open();
    else this.closeDrawer();
    this.tellLine();
    if (!this.follower) this.tellFollowed({ follow: query, t, unit, gate, step });
  }

  /** Tells the script what a presenter shows. @param {Record<string, any>} sent */
  tellFollowed(sent) {
    const { t, unit, gate } = sent;
    this.sentPin = JSON.stringify([t, unit, gate]);
    this.set = {};
    this.unheard = {};
    this.lesson?.say();
    this.sayToScript(sent);
  }

  hearPin() {
    this.redraw();
    sharing.report();
  }

  tellLesson() {
    const { mode } = this.told;
    const lesson = mode || this.isLearning ? this.told.lesson : null;
    if (lesson && this.lesson) this.lesson.tell(lesson);
    else if (lesson) this.lesson = new Lesson(this, lesson);
    else if (this.lesson) {
      this.lesson.close();
      this.lesson = null;
    }
  }

  /** Takes what is pinned from the script where it is news: from a link, from Back, not from here. @param {Told["pin"]} told */
  followPin({ t, unit, gate }) {
    const name = JSON.stringify([t, unit, gate]);
    if (name === this.toldPin || this.restTimer) return;
    this.toldPin = name;
    if (name === this.sentPin) return;
    setPin({ t: t ?? undefined, unit: unit ?? undefined, gate: gate || undefined }, true);
    if (this.sent && gate) this.open();
    else if (!gate) this.closeDrawer();
    this.tellLine();
  }

  /** Back or Forward: what was moved here and the script has not been told is past. */
  giveUp() {
    this.awaited = 0;
    this.unheard = {};
    if (!this.restTimer) return;
    clearTimeout(this.restTimer);
    this.restTimer = 0;
    this.set = {};
    this.want(canonical(this.told.of), this.told.engine);
  }

  get isHeld() {
    return Boolean(this.restTimer) && this.wanted !== canonical(this.told.of);
  }

  /** Whether more is wanted than the pictures show yet: what is drawn again meanwhile leaves the controls where they are. */
  get isAhead() {
    return this.isHeld || (this.isAsking && this.shown !== withEngine(this.wanted, this.engine ?? ""));
  }

  /** How many units are wanted. */
  get units() {
    return Number(new URLSearchParams(this.wanted).get("num_units") ?? this.told.units);
  }

  /** @param {number} units */
  resize(units) {
    if (this.isLocked("num_units")) return;
    this.showSize(units);
    this.change("num_units", units, this.units);
  }

  /** Asks for another size at once, and tells the script when it rests. @param {string} name @param {number} value @param {number} before */
  change(name, value, before) {
    if (value === before || this.isLocked(name)) return;
    const query = new URLSearchParams(this.wanted);
    query.set(name, String(value));
    query.delete("edit"); // a cell of another size has other weights
    delete this.unheard.edit;
    this.weight = null;
    this.want(canonical(query.toString()), DRAFT);
    this.rest();
  }

  /** How many features are wanted. */
  get inputs() {
    return Number(new URLSearchParams(this.wanted).get("input_size") ?? this.told.inputs.size);
  }

  /** Changes any other parameter in the same way. @param {string} name @param {string} value */
  alter(name, value) {
    if (this.isLocked(name)) return this.say(this.told.fixed.held.replace("{name}", name));
    const query = new URLSearchParams(this.wanted);
    query.set(name, value);
    if (RESHAPES.includes(name)) {
      query.delete("edit");
      delete this.unheard.edit;
    }
    this.set[name] = value;
    this.want(canonical(query.toString()), DRAFT);
    this.rest();
  }

  /** What is held of the run. */
  get held() {
    return readHolds(new URLSearchParams(this.wanted).get("clamp") ?? "");
  }

  /** Which weights are edited, as the address has it: `kernel:3,5:0.25`. */
  get edits() {
    return (new URLSearchParams(this.wanted).get("edit") ?? "").split(";").filter((part) => part.includes(":"));
  }

  /** Edits a weight, or undoes that. @param {import("./scene.js").Weight} weight @param {number | null} value */
  edit({ name, place }, value) {
    const others = this.edits.filter((part) => !part.startsWith(`${name}:${place.join(",")}:`));
    this.alter("edit", [...others, ...(value === null ? [] : [`${name}:${place.join(",")}:${value}`])].join(";") || NOTHING);
  }

  /** Where a number was clicked through one of its weights, offers to edit that. */
  offerWeight() {
    const { scene, weight, told } = this;
    const found = scene && weight && findWeight(scene, weight);
    if (this.option && told.canEdit) this.drawer.say(told.words.no_weight.replace("{name}", this.option));
    if (!told.canEdit || !scene || !weight || !found || told.fixed.hide.includes("edit")) return;
    if (found.tile[0] * found.tile[1] > 1) {
      this.drawer.say(["{rows}", "{columns}"].reduce((text, hole, k) => text.replace(hole, String(found.tile[k])), told.words.tiled));
      return;
    }
    const own = scene.sent.head.edits?.find(({ name, place }) => name === weight.name && String(place) === String(weight.place));
    this.drawer.offerWeight(
      {
        name: `${weight.name}[${weight.place.join(", ")}]`,
        value: own ? own.value : Number(writeExactly(found.value)),
        was: own ? own.was : null,
        count: this.edits.length,
        beside: this.besideOf("edit"),
        note: scene.sent.head.linear ? told.words.folded : "",
      },
      told.words,
      (value) => this.edit(weight, value),
      () => this.alter("edit", NOTHING),
      () => this.compareWithout("edit"),
    );
  }

  /** Of what is offered what the link that was opened holds is not to be changed. */
  fixOffers() {
    for (const each of this.drawer.draft.querySelectorAll("fieldset")) each.disabled = this.isLocked(each.classList.contains("lv-edit") ? "edit" : "clamp");
  }

  /** Where the same is shown beside nothing held or edited. @param {string} name `clamp` or `edit` */
  besideOf(name) {
    const query = new URLSearchParams(this.wanted);
    for (const [key, value] of Object.entries(pin())) if (value !== undefined) query.set(key, String(value));
    query.set(`b.${name}`, NOTHING);
    for (const [kept, value] of Object.entries(this.told.fixed.kept)) query.set(kept, value);
    return new URL(`../../?${query}`, import.meta.url).href;
  }

  /** Goes there within this session, which alone has a viewer's own files. @param {string} name */
  compareWithout(name) {
    this.goOn("compare", `b.${name}`, NOTHING);
  }

  /** Goes to another path with a parameter that it shows. @param {string} path @param {string} name @param {string} value */
  goOn(path, name, value) {
    this.set[name] = value;
    this.goTo = path;
    makeOneEntry();
    clearTimeout(this.restTimer);
    this.restTimer = 0;
    this.sayMoved();
  }

  /** What the drawer offers to hold. @param {string} name @param {number} unit @param {number} t @returns {import("./drawer.js").Hold} */
  holdOf(name, unit, t) {
    const own = findHold(this.held, name, unit, t);
    const last = (this.sent?.head.steps ?? 1) - 1;
    return {
      name: `${name}[${unit}]`,
      held: own?.value ?? null,
      isShare: Boolean(this.scene?.gate(name)?.share),
      count: this.held.length,
      beside: this.besideOf("clamp"),
      gate: name,
      isAll: own?.unit === null,
      steps: last + 1,
      span: own?.steps ?? [0, last],
    };
  }

  /**
   * Holds a number of the run, or lets go of it.
   *
   * @param {string} name @param {number} unit @param {number | null} value @param {import("./drawer.js").Extent} extent
   */
  hold(name, unit, value, { isAll, span }) {
    const last = (this.sent?.head.steps ?? 1) - 1;
    const isWhole = span[0] === 0 && span[1] === last;
    const hold = { name, unit: isAll ? null : unit, steps: isWhole ? null : span, value: value ?? 0 };
    const held = value === null ? this.held.filter((other) => !hides(hold, other)) : putHold(this.held, hold, last);
    this.alter("clamp", held.map(writeHold).join(",") || NOTHING);
  }

  /** Asks the script for another setting, which may need more than a query. @param {Record<string, string>} parameters */
  ask(parameters) {
    for (const [name, value] of Object.entries(parameters)) if (!this.isLocked(name)) this.set[name] = value;
    this.rest(0);
    sharing.report();
  }

  /** The slider and its number, which may lead the pictures. @param {number} units */
  showSize(units) {
    const { slider, number } = this.size;
    slider.max = String(units > SLIDER ? this.told.most : SLIDER);
    slider.value = String(units);
    slider.setAttribute("aria-valuenow", String(units));
    if (!isTyping(number)) number.value = String(units);
    number.max = String(this.told.most);
  }

  /** @param {number} [wait] */
  rest(wait = REST) {
    this.follower?.stray();
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      if (this.isKeyDown) return this.rest(); // all that a held key passes is one entry of the browser's history
      this.restTimer = 0;
      this.sayMoved();
    }, wait);
  }

  /** Tells the script what is shown. */
  sayMoved() {
    if (this.follower?.isFollowing) return this.follower.tellAnew();
    const { t = null, unit = null, gate = "" } = pin();
    this.sentPin = JSON.stringify([t, unit, gate]);
    Object.assign(this.unheard, this.set);
    this.set = {};
    this.sayToScript({ num_units: this.units, input_size: this.inputs, t, unit, gate, step: this.lesson?.say(), set: this.unheard, ...this.follower?.say() });
  }

  /** @param {Record<string, any>} sent */
  sayToScript(sent) {
    if (!this.trigger) return;
    this.awaited = ++this.said;
    this.trigger("moved", { ...sent, go: this.goTo, said: this.said });
    this.goTo = "";
  }

  /**
   * Asks for the newest wish alone, and for nothing before what was asked for is here: nothing is aborted, nothing starves.
   *
   * @param {string} of
   * @param {string} engine
   */
  async want(of, engine) {
    this.lesson?.heard(this.wanted, of);
    if (of !== this.wanted && !this.restTimer) this.tellNews("");
    this.wanted = of;
    this.engine = engine;
    sharing.report();
    if (this.trainer.holds(of)) return; // what is trained stands in its place
    this.trainer.letGo();
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      for (;;) {
        const name = withEngine(this.wanted, this.engine);
        if (name === this.shown) break;
        const { t = 0, unit = 0 } = pin();
        const isWanted = () => name === withEngine(this.wanted ?? "", this.engine ?? "") && !this.trainer.holds(this.wanted ?? "");
        const tell = (/** @type {number} */ tried) => tried > 1 && this.say(this.told.words.failed);
        const answer = await askPatiently(`numbers/stage?${name}&t=${t}&unit=${unit}`, { isWanted, tell, tries: Infinity });
        const isNewest = name === withEngine(this.wanted, this.engine);
        const buffer = answer?.status === 200 ? await answer.arrayBuffer() : null;
        if (this.trainer.holds(this.wanted)) break;
        if (buffer) this.show(new Sent(buffer), name);
        else if (isNewest) {
          // Where something has to give way, the script says what once the control rests.
          this.say(answer?.status === 204 ? "" : this.told.words.failed);
          this.shown = name;
        }
      }
    } finally {
      this.isAsking = false;
    }
  }

  /** @param {Sent} sent @param {string} name */
  show(sent, name) {
    const isFirst = !this.sent;
    this.sent = sent;
    this.steps = sent;
    this.shown = name;
    this.say("");
    this.draw();
    if (isFirst) this.beginHere();
    if (isFirst) requestAnimationFrame(() => setTimeout(() => ask("drawn")));
    if (isFirst || this.drawer.isOpen) this.open();
  }

  /**
   * Shows what has been trained by now; a number that is taken apart is one of the same weights in the same frame.
   *
   * @param {Sent} sent
   * @param {string} name
   * @param {() => void} then what else is drawn with it
   */
  async showTrained(sent, name, then) {
    const asked = this.drawer.isOpen && !this.isAlone ? this.nameNumber(name) : "";
    const taken = asked ? await this.fetchNumber(asked) : null;
    if (!this.trainer.holds(this.wanted)) return;
    this.show(sent, name);
    if (taken && this.drawer.isOpen) this.takeApart(asked, taken);
    then();
  }

  /** What is the matter at this moment; behind the news, which stay. @param {string} words */
  say(words) {
    const said = [this.news, words].filter(Boolean).join(" ");
    if (this.notice.textContent !== said) this.notice.textContent = said;
    this.notice.hidden = !said;
  }

  /** @param {string} words */
  tellNews(words) {
    this.news = words;
    this.say("");
  }

  /** Whether it is drawn for a dark screen. */
  isDark() {
    return isDark(this.root);
  }

  /** Draws for a dark screen or a light one, whatever the theme is; null for as it is. @param {boolean | null} dark */
  theme(dark) {
    setTheme(this.root, dark);
    this.redraw();
  }

  /** Everything at once, in one task of the browser. */
  draw() {
    const { sent, steps } = this;
    if (!sent || !steps) return;
    const { t = 0, unit = 0, gate = "" } = pin();
    const dark = this.isDark();
    this.root.classList.toggle("lv-dark", dark);
    this.fill();
    const style = getComputedStyle(this.root);
    const accent = style.getPropertyValue("--lv-accent").trim() || "#d6006c";
    const scene = (this.scene = new Scene(sent, steps, { t, unit, gate }, dark, accent, this.told.words, this.hover));
    for (const { board } of [this.kernel, this.time]) Object.assign(board, { ink: style.color, family: style.fontFamily, scale: this.scale });
    this.cell.scale = this.scale;
    const { titles, sentence, numUnits, told, drawn } = sent.head;
    this.titles.kernel.textContent = titles.kernel;
    this.titles.gates.textContent = titles.gates;
    this.titles.step.textContent = scene.titleOfStep;
    this.legends.step.replaceChildren(this.shownOf(scene));
    this.legends.kernel.replaceChildren(...this.keyOf(scene));
    this.tellOrder();
    const edited = sent.head.edits?.length ?? 0;
    this.undoButton.hidden = !edited || !this.told.canEdit;
    this.undoButton.textContent = this.told.words.undo_edited.replace("{count}", String(edited));
    // Each strip has its scale's ends beside it: that is said where there is nothing to look for.
    const { look } = sent.head;
    const what = look ? this.told.words.shares.replace(/;$/, "") : this.told.words.shares;
    const shares = sent.head.gates.some((gate) => gate.share) ? legend(scene, { low: 0, high: 1, diverging: false }, what) : [];
    const scales = [...(look ? [] : [shares.length ? this.told.words.others : this.told.words.own]), ...meansOf(scene)];
    this.legends.gates.replaceChildren(...shares, spanOf(scales.join(" · ")));
    const said = [...Object.values(this.titles), ...Object.values(this.legends)];
    for (const each of said) each.title = [...each.childNodes].map(({ textContent }) => textContent).join(" ");
    this.look.textContent = this.look.title = look;
    this.errors.replaceChildren(...drawErrors(sent.head.errors, numUnits, this.told.words));
    // Which machine has computed it is nothing to a room that looks at a presenter's screen.
    const without = sayWithout(sent.head.errors, this.told.words);
    this.tellSentence(sentence, [this.told.aside, told, without, this.present ? "" : drawn].filter(Boolean).join(" · "));
    if (!this.isAhead) this.showSize(numUnits);
    const { number } = this.features;
    number.disabled = !this.told.inputs.canChange || this.isLocked("input_size");
    number.max = String(this.told.inputs.most);
    if (!isTyping(number) && !this.isAhead) number.value = String(sent.head.inputSize);
    for (const [key, box] of Object.entries(this.boxes)) {
      const title = this.titles[/** @type {"kernel" | "step" | "gates"} */ (key)].textContent ?? "";
      box.setAttribute("aria-label", sent.head.alternatives?.[key] ?? title);
    }
    this.player.show(sent.head.steps, this.told.player);
    this.share(scene);
    this.kernel.draw(scene);
    this.tellLine();
    this.cell.draw(scene);
    this.time.draw(scene);
    this.drawText(scene);
    this.lesson?.show(scene);
    this.present?.tell();
    if (!scene.isTold && sent.head.steps) this.fetchSteps();
  }

  /**
   * Says what `num_units` makes of the cell, and in a line of its own what else there is to know. Nothing below moves, whatever is said:
   * the first has the room that the largest size needs, the second is cut off where it is long, and whole under the pointer or the focus.
   *
   * @param {{text: string, counts: string}[]} sizes @param {string} told
   */
  tellSentence(sizes, told) {
    const [made, gap, more] = [0, 1, 2].map((at) => /** @type {HTMLElement} */ (this.sentence.children[at] ?? this.make("span", "", this.sentence)));
    made.className = "lv-sizes";
    made.replaceChildren(...sizes.map(part));
    gap.className = "lv-gap";
    gap.textContent = told && " · ";
    more.className = "lv-counts-told";
    const text = more.firstElementChild ?? this.make("span", "", more);
    if (text.textContent !== told) text.textContent = told;
    if (this.sentence.hidden) return;
    const largest = sizes.map(widen);
    const name = JSON.stringify([largest, this.sentence.clientWidth, getComputedStyle(this.sentence).fontSize, document.fonts.status]);
    if (name !== this.roomOfSentence) {
      this.roomOfSentence = name;
      made.replaceChildren(...largest.map(part));
      made.style.setProperty("--lv-lines", "99");
      const range = document.createRange();
      range.selectNodeContents(made);
      const tops = [...range.getClientRects()].map(({ top, bottom }) => (top + bottom) / 2).sort((a, b) => a - b);
      const high = parseFloat(getComputedStyle(made).fontSize) / 2; // what is less apart stands in one line
      made.style.setProperty("--lv-lines", String(1 + tops.filter((top, at) => at && top - tops[at - 1] > high).length));
      made.replaceChildren(...sizes.map(part));
    }
    if (more.matches(".lv-cut:is(:hover, :focus)")) return; // it is whole, and measured afterwards
    const isCut = text.scrollWidth > more.clientWidth;
    more.classList.toggle("lv-cut", isCut);
    if (isCut) more.tabIndex = 0;
    else more.removeAttribute("tabindex");
  }

  /** The text in place of the strips, where the sequence is one. @param {Scene} scene */
  drawText(scene) {
    const { isText } = scene.sent.head;
    if (!isText) this.text.box.hidden = true;
    this.textButton.hidden = !isText;
    this.textButton.textContent = this.text.isOpen ? scene.words.strips : scene.words.text;
    this.legends.gates.hidden = this.text.isOpen; // it is of the strips
    this.text.draw(scene, this.shown);
  }

  /** @param {string} name @param {number} t @param {number} unit @returns {Promise<ArrayBuffer | null>} */
  async askRow(name, t, unit) {
    const asked = `${this.shown}&t=${t}&unit=${unit}&name=${encodeURIComponent(name)}`;
    const answer = await askPatiently(`numbers/row?${asked}`);
    return answer?.status === 200 ? answer.arrayBuffer() : null;
  }

  /** @param {string} name @param {string} select @returns {Promise<import("./text_panel.js").Contrast | null>} */
  async askContrast(name, select) {
    const asked = `${this.shown}&name=${encodeURIComponent(name)}&select=${encodeURIComponent(select)}`;
    const answer = await askPatiently(`numbers/contrast?${asked}`);
    return answer?.status === 200 ? readJson(await answer.text()) : null;
  }

  /** Notes what was picked of what changes no number: it comes into the address. @param {string} name @param {string} value */
  note(name, value) {
    this.set[name] = value;
    this.rest();
  }

  /** Shows the text, or the strips, as the address says, where that is news. @param {Told["look"]} look */
  followLook(look) {
    const name = JSON.stringify(look);
    if (!look || name === this.toldLook || this.restTimer) return;
    this.toldLook = name;
    this.text.box.hidden = look.show !== "text";
    if (this.text.isOpen) this.turnTo("gates"); // whose address says so wants to see it
    if (look.colour) this.text.name = look.colour;
  }

  /**
   * Takes what is left of the window: nothing on the stage is a scroll away. How large words, gaps and lines are follows from that:
   * they can be read on a projector from the last row.
   */
  fill() {
    const { top, right } = this.root.getBoundingClientRect();
    const height = Math.round(innerHeight - top - this.scrolled - BELOW);
    // A lesson at the left takes of the width, and leaves words as large as they are.
    const scale = (this.present ? PRESENTED : 1.02) * (right / USUAL.right) ** 0.7 * (Math.max(1, height) / USUAL.height) ** 0.3;
    this.scale = Math.round(100 * Math.max(0.95, Math.min(4, innerWidth < NARROW ? 1 : scale))) / 100;
    this.root.style.height = `${height}px`;
    this.root.style.setProperty("--lv-scale", String(this.scale));
  }

  /** Gives each panel its share of the room: the cell of some kinds is wide, and that of some is high. @param {Scene} scene */
  share(scene) {
    const { panels } = this;
    const { good, least } = this.cell.needs(scene);
    const { columnGap, rowGap } = getComputedStyle(panels);
    const [width, height] = [panels.clientWidth - (parseFloat(columnGap) || 0), panels.clientHeight - (parseFloat(rowGap) || 0)];
    if (innerWidth < NARROW || width <= 0 || height <= 0) return;
    const head = this.boxes.step.offsetTop;
    const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low, Math.min(high, value));
    const kernel = within(1 - good.width / width, KERNEL_WIDE[1], KERNEL_WIDE[0]);
    const [usual, want, need] = ABOVE;
    const above = Math.max(within((good.height + head) / height, usual, want), within((least.height + head) / height, usual, need));
    const parts = (/** @type {number} */ first) => [first, 1 - first].map((share) => `minmax(0, ${share.toFixed(3)}fr)`).join(" ");
    Object.assign(panels.style, { gridTemplateColumns: parts(kernel), gridTemplateRows: parts(above) });
  }

  /** How far the page is scrolled: where a window is too low for it, it is. */
  get scrolled() {
    let found = scrollY;
    for (let each = this.root.parentElement; each; each = each.parentElement) found += each.scrollTop;
    return found;
  }

  /** Which units the cell is drawn with, where not with all. @param {Scene} scene */
  shownOf({ sent, steps }) {
    const { numUnits } = sent.head;
    const { firstUnit = 0, shown = numUnits } = steps.head.step;
    const numbers = [firstUnit, firstUnit + shown - 1, numUnits];
    return shown < numUnits ? ["{first}", "{last}", "{count}"].reduce((words, hole, k) => words.replace(hole, String(numbers[k])), this.told.words.shown) : "";
  }

  /** What the kernel's colours stand for. @param {Scene} scene */
  keyOf(scene) {
    const { groups, weights } = scene.sent.head;
    const tiled = groups.flatMap((group) => group.matrices).find(({ tile }) => tile[0] * tile[1] > 1);
    if (!tiled) return legend(scene, weights, "");
    const [rows, columns] = tiled.tile.map(String);
    const words = this.told.words.tile.replace("{rows}", rows).replace("{columns}", columns);
    return legend(scene, { low: 0, high: scene.largest(tiled.values), diverging: false }, words);
  }

  /**
   * How a key moves what is marked; nothing where it is none of the keys that do.
   *
   * @param {KeyboardEvent} event
   * @returns {[number, number] | null} down and right
   */
  moveOf(event) {
    if (!this.sent || !this.scene || event.ctrlKey || event.metaKey || event.altKey) return null;
    const move = KEYS[event.key] ?? (event.key === "Enter" ? [0, 0] : null);
    if (!move) return null;
    event.preventDefault();
    event.stopPropagation();
    return move;
  }

  /** Moves through the weights, and into the gate that the marked one leads to. @param {KeyboardEvent} event */
  pressKernel(event) {
    const move = this.moveOf(event);
    if (!move) return;
    const place = event.key === "Enter" && this.kernel.place ? this.kernel.place : this.kernel.move(...move);
    if (!place) return;
    this.hover = place;
    if (event.key === "Enter") this.pick(place);
    this.redraw();
  }

  leaveKernel() {
    this.kernel.cell = this.hover = null;
    this.redraw();
  }

  /** Beneath the weights: the marked one, else what the pinned number's column comes to. */
  tellLine() {
    const place = this.kernel.place;
    const text = place ? place.text.replace("\n", ": ") : this.drawer.isOpen ? this.column : "";
    if (this.line.dataset.text === text) return;
    this.line.dataset.text = this.line.title = text;
    this.line.replaceChildren(...markUp(text));
  }

  /** Moves through the strips: to another step, to another unit, and into a number. @param {KeyboardEvent} event */
  press(event) {
    if (event.target !== this.boxes.gates) return; // what stands in it has keys of its own
    const move = this.moveOf(event);
    if (!move || !this.sent || !this.scene) return;
    const [down, right] = move;
    const { steps, numUnits, gates } = this.sent.head;
    const within = (/** @type {number} */ value, /** @type {number} */ count) => Math.max(0, Math.min(count - 1, value));
    const from = pin(); // keys may come faster than drawings
    const order = this.sent.head.order; // a key goes from row to row
    const row = within((order ? order.indexOf(from.unit ?? 0) : (from.unit ?? 0)) + down, numUnits);
    const [t, unit] = [within((from.t ?? 0) + right, steps), order ? order[row] : row];
    const gate = from.gate || gates[0].name;
    if (event.key === "Enter") this.pick({ t, unit, gate, text: "" });
    else {
      setPin({ t, unit });
      announcePin();
    }
    this.reading.textContent = this.scene.describe(gate, unit, t);
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
      if (this.drawer.isOpen) this.open();
    });
  }

  /** Fetches the steps around the pinned one, of the pinned unit. */
  async fetchSteps() {
    if (this.isAskingSteps || !this.sent) return;
    this.isAskingSteps = true;
    const [name, { t = 0, unit = 0 }] = [this.shown, pin()];
    const answer = await askPatiently(`numbers/steps?${name}&t=${t}&unit=${unit}`, { isWanted: () => name === this.shown });
    this.isAskingSteps = false;
    if (answer?.status !== 200 || name !== this.shown) return;
    this.steps = new Sent(await answer.arrayBuffer());
    this.redraw();
  }

  /** @param {import("./scene.js").Place | null} place @param {PointerEvent} event */
  point(place, event) {
    const isSame = place?.unit === this.hover?.unit && place?.t === this.hover?.t;
    this.hover = place;
    if (!isSame) this.redraw();
    this.tip.hidden = !place;
    if (!place) return;
    this.tip.textContent = place.text;
    const box = this.root.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    this.tip.style.left = `${Math.min(x + 14, box.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.min(y + 16, box.height - this.tip.offsetHeight - 4)}px`;
  }

  /** Pins what was clicked, and takes it apart. @param {import("./scene.js").Place} place */
  pick({ t, unit, gate, weight, option }) {
    const before = pin();
    [this.weight, this.option, this.asked] = [weight ?? null, option ?? "", ""];
    setPin({ t: t ?? before.t ?? 0, unit: unit ?? before.unit ?? 0, gate: gate || before.gate });
    announcePin();
    if (gate) this.open();
    else if (weight) this.openWeight();
    if ((gate || weight) && document.activeElement instanceof HTMLElement) this.opener = document.activeElement;
  }

  /** Closes the drawer; what is on its way opens it no more. */
  closeDrawer() {
    this.drawer.close();
    this.asked = "";
  }

  /** Closes what was taken apart; a link to this view leaves it closed. */
  shut() {
    const wasInside = this.drawer.box.contains(document.activeElement);
    this.closeDrawer();
    [this.weight, this.option, this.isAlone] = [null, "", false];
    if (wasInside && this.opener?.isConnected) this.opener.focus({ preventScroll: true }); // who goes by keys goes on from there
    this.tellLine();
    setPin({ gate: undefined });
    announcePin();
  }

  async open() {
    if (!this.sent) return;
    if (this.weight && this.drawer.isOpen && this.isAlone) return this.openWeight();
    const asked = this.nameNumber(this.shown);
    if (!asked) return;
    this.isAlone = false;
    if (asked === this.asked && this.drawer.isOpen) return;
    this.asked = asked;
    const taken = await this.fetchNumber(asked);
    if (taken && this.asked === asked) this.takeApart(asked, taken);
  }

  /** What the pinned number of a setting is asked for by; empty where none is pinned. @param {string} shown */
  nameNumber(shown) {
    const { t = 0, unit = 0, gate } = pin();
    if (!gate || !this.sent) return "";
    const [step, which] = [Math.min(t, this.sent.head.steps - 1), Math.min(unit, this.sent.head.numUnits - 1)];
    return `${shown}&t=${step}&unit=${which}&name=${encodeURIComponent(gate)}`;
  }

  /** @param {string} asked @returns {Promise<import("./drawer.js").Taken | null>} */
  async fetchNumber(asked) {
    const answer = await askPatiently(`numbers/number?${asked}`);
    return answer?.status === 200 ? readJson(await answer.text()) : null;
  }

  /** @param {string} asked @param {import("./drawer.js").Taken} taken */
  takeApart(asked, taken) {
    this.asked = asked;
    this.column = taken.column;
    this.drawer.show(taken);
    const { t = 0, gate, unit = 0 } = pin();
    // What changes by itself is neither held nor edited.
    if (gate && this.sent && !this.trainer.holds(this.wanted)) {
      const which = Math.min(unit, this.sent.head.numUnits - 1);
      if (!this.told.fixed.hide.includes("clamp")) this.drawer.offer(this.holdOf(gate, which, t), this.told.words, (value, extent) => this.hold(gate, which, value, extent), () => this.alter("clamp", NOTHING), () => this.compareWithout("clamp"));
      this.offerWeight();
      this.fixOffers();
    }
    this.drawer.commit();
    this.tellLine();
  }

  /** A weight that no single gate is made from, by itself. */
  openWeight() {
    const { scene, weight } = this;
    const found = scene && weight && findWeight(scene, weight);
    if (!weight || !found) return;
    const asked = `${this.shown} ${weight.name} ${weight.place}`;
    if (this.isAlone && asked === this.asked && this.drawer.isOpen) return;
    [this.isAlone, this.asked, this.column] = [true, asked, ""];
    this.drawer.show({ title: `${weight.name}[${weight.place.join(", ")}] = ${write(found.value)}`, column: "", sums: [], lines: [] });
    this.offerWeight();
    this.fixOffers();
    this.drawer.commit();
    this.tellLine();
  }

  close() {
    for (const stop of this.stops) stop();
    clearTimeout(this.patience);
    this.observer.disconnect();
    removeEventListener("resize", this.onWindow);
    removeEventListener("popstate", this.onPop);
    this.player.close();
    this.take.close();
    this.lesson?.close();
    this.follower?.close();
    this.present?.close();
    this.present = null;
    this.roomDialog?.close();
    sharing.detach(this);
    document.removeEventListener("keydown", this.onPresent);
    this.trainer.close();
    clearTimeout(this.restTimer);
    cancelAnimationFrame(this.frame);
    this.skip.remove();
    this.sheet.remove();
    this.roomSheet.remove();
    stages.delete(this.parent);
  }
}

/** What a cell of a strip stands for, where it is not one number. @param {Scene} scene */
function meansOf(scene) {
  const tiles = new Set(scene.sent.head.strips.map(({ tile }) => tile.join(" × ")).filter((tile) => tile !== "1 × 1"));
  const words = scene.words.mean.replace("{rows} × {columns}", [...tiles].join(", "));
  return tiles.size ? [words] : [];
}

/**
 * A scale's colours between its ends.
 *
 * @param {Scene} scene
 * @param {import("./numbers.js").Scale} scale
 * @param {string} words
 */
function legend(scene, scale, words) {
  const bar = document.createElement("i");
  const { diverging, sequential } = scene.sent.head.colours;
  const stops = scale.diverging ? diverging[scene.dark ? "dark" : "light"] : sequential;
  bar.style.background = `linear-gradient(to right, ${stops.map(([at, colour]) => `${colour} ${at * 100}%`).join(", ")})`;
  return [spanOf(write(scale.low)), bar, spanOf(write(scale.high)), spanOf(words)];
}

/** @param {string} text */
function spanOf(text) {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}

/** Knows from here on whether somebody types in a field and has not yet said that it is all. @param {HTMLInputElement} field */
function noteTyping(field) {
  field.addEventListener("input", () => (field.dataset.typing = "true"));
  for (const end of ["change", "blur"]) field.addEventListener(end, () => delete field.dataset.typing);
}

/** @param {HTMLInputElement} field */
const isTyping = (field) => field.dataset.typing === "true";

/** A part of the sentence as it is where `num_units` is largest. @param {{text: string, counts: string}} part */
function widen({ text, counts }) {
  if (counts === "units") return { text: text.replace(/\d+/, "0000"), counts };
  if (counts === "columns") return { text: text.replace(/\d+$/, "0000"), counts };
  if (counts === "parameters") return { text: text.replace(/[\d,]+/, "00,000,000"), counts };
  return { text: counts ? text : text.replace(/\[\d+, \d+\]/, "[0000, 00000]"), counts };
}

/** @param {{text: string, counts: string}} part */
function part({ text, counts }) {
  const span = document.createElement("span");
  span.textContent = text;
  if (counts) span.className = `lv-counts-${counts}`;
  return span;
}
