/**
 * Draws Plotly figures into the page, each change into the plot that is already there.
 *
 * Streamlit calls the default export for every message about a figure and for every change of theme. A message holds its
 * figure, or says what it is a picture of: then it is fetched on a route of its own.
 *
 * @typedef {{data: object[], layout: Record<string, any>}} Figure as plotly.js reads it
 * @typedef {{alt: string, words: Record<string, string>, figure: Figure, frames?: Frames | null}} Drawing
 * @typedef {import("./step.js").Frames} Frames
 * @typedef {import("./linked.js").Plot} Plot
 * @typedef {{key: string, of: string, finer: string, engine?: string, held?: boolean, words?: Record<string, string>}} Reference
 */

import { askPatiently } from "./assets.js";
import { guardHistory, wentBack } from "./history.js";
import { followPin, holdPin, link, onPin, pin, setPin, unlink } from "./linked.js";
import { patch } from "./patch.js";
import { Player } from "./player.js";
import { normalise, withEngine } from "./query.js";
import { drawStep } from "./step.js";
import { isDark, isScriptRunning, keyOf, onKey, onReconnect, onSlide, pageColor, setLanguage } from "./streamlit.js";
import { inView, isGoodEnough, nameCells, unpack } from "./tiles.js";

const NARROW = 640; // pixels: below this, and under a finger, a drag scrolls the page
const RESIZE_DELAY = 60; // milliseconds of quiet after which a plot follows its container
const DEFAULT_HEIGHT = 450; // plotly.js's own
const REST_DELAY = 200; // milliseconds of quiet after which the rest of the page follows the pictures
const LOST_DELAY = 1000; // milliseconds after which a picture that the script never spoke of is taken to rest
const DRAFT = "numpy"; // whose run is drawn while the slider is held
const ZOOM_DELAY = 80; // milliseconds of quiet after which what is in view is asked for more finely

guardHistory();

/** One Plotly for all figures, fetched once, from beside this module. @type {Promise<any>} */
const loading = new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = new URL("plotly.min.js", import.meta.url).href;
  script.onload = () => resolve(/** @type {any} */ (window).Plotly);
  script.onerror = () => reject(new Error(`${script.src} did not load`));
  document.head.append(script);
});

/** @type {any} */
let Plotly;
loading.then(
  (loaded) => (Plotly = loaded),
  () => {}, // each figure says it in its own place
);

/** @type {WeakMap<HTMLElement, View>} */
const views = new WeakMap();

/**
 * @param {{data: Uint8Array, parentElement: HTMLElement}} component
 * @returns {() => void} what to do when the component goes
 */
export default function mount({ data, parentElement }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new View(parentElement)));
  const text = new TextDecoder().decode(data);
  if (text !== view.told || !view.text) obey(view, text);
  else view.repaint();
  return () => {
    // Streamlit also calls this for a message that a newer one overtook, while the figure stays.
    if (!parentElement.isConnected) view.close();
  };
}

/** What the script last showed in the pictures. */
let shown = "";
let isDraft = false; // whether the run at rest is still to be asked for
let isDraftEnough = false; // for TensorFlow is not there: not yet, or not at all
let restTimer = 0;
/** @type {() => void} */
let catchUp = () => {};

/** @param {string} of */
function note(of) {
  if (!of || (of === shown && !isDraft)) return;
  shown = of;
  rest(REST_DELAY);
}

let hasTold = false;

/** Tells the server that the first figures are on the screen: what it starts next would have held them up. */
function tellDrawn() {
  if (hasTold) return;
  hasTold = true;
  requestAnimationFrame(() => setTimeout(() => fetch(new URL("drawn", import.meta.url)).catch(() => {})));
}

/** @param {number} delay */
function rest(delay) {
  clearTimeout(restTimer);
  restTimer = setTimeout(() => {
    // What is told carries all controls' values along: after a Back these are the ones of before until the script has ended.
    if (wentBack() && isScriptRunning()) rest(delay);
    else if (!isKeyDown) catchUp();
  }, delay);
}

// A keyboard waits for longer than a rest before it repeats. What follows a rest goes into the address: one entry of the
// browser's history for all that a held key passes.
let isKeyDown = false;
onKey(["num_units", "num_units_exact"], (isDown) => {
  isKeyDown = isDown;
  if (!isDown) rest(REST_DELAY);
});

/**
 * Tells the script what it does not see: that the pictures have moved on from what the rest of the page tells of, and what
 * was pinned in them. Both when they rest.
 *
 * @typedef {{t: number | null, gate: string, unit: number | null}} Pin
 * @param {{data: [{of: string, pin: Pin, behind: boolean, held: string[], language: string}], setTriggerValue: (name: string, value: any) => void}} component
 */
export function follow({ data: [data], setTriggerValue }) {
  setLanguage(data.language);
  stopWaiting();
  // Whoever hears now may know nothing yet.
  stopWaiting = onReconnect(() => setTriggerValue("moved", ahead || shown));
  catchUp = () => {
    const isElsewhere = pictures.size && (shown !== normalise(data.of) || isDraft || ahead);
    if (isElsewhere || data.behind) setTriggerValue("moved", ahead || shown || data.of);
  };
  if (data.behind) rest(REST_DELAY);
  const told = JSON.stringify(data.pin);
  if (told === toldPin) isConfirmed = true;
  else if (isConfirmed) {
    // The address came with it, or the script had to move it.
    toldPin = told;
    setPin({ t: data.pin.t ?? undefined, gate: data.pin.gate || undefined, unit: data.pin.unit ?? undefined }, true);
  }
  holdPin(data.held);
  tellPin = () => {
    const { t = null, gate = "", unit = null } = pin();
    const mine = JSON.stringify({ t, gate, unit });
    if (mine === toldPin) return;
    toldPin = mine;
    isConfirmed = false;
    setTriggerValue("pinned", { t, gate, unit });
  };
}

let stopWaiting = () => {};
let toldPin = "";
let isConfirmed = true; // else a run of the script that began before may still tell of an older pin
let pinTimer = 0;
/** @type {() => void} */
let tellPin = () => {};

onPin(() => {
  clearTimeout(pinTimer);
  pinTimer = setTimeout(() => tellPin(), REST_DELAY);
});

// --- Pictures, fetched on a route of their own: where the page's script says so, and ahead of it while the slider moves.

/** @type {Map<string, View>} */
const pictures = new Map();

/** What the slider asked for and the script has not come to yet. */
let ahead = "";
/** What the slider passed on its way: the script may still come to it. @type {Set<string>} */
const passed = new Set();

onSlide("num_units", (value) => {
  if (shown && pictures.size) hurry({ num_units: value }); // not every path has pictures that can go ahead
});

/**
 * Shows the pictures of a view that the script will come to.
 *
 * @param {Record<string, string>} changes to the view that is shown or asked for
 */
async function hurry(changes) {
  const query = new URLSearchParams(ahead || shown);
  const before = query.toString();
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  const of = query.toString();
  if (of === before) return;
  passed.add(before).delete(of);
  ahead = of;
  // Both in one task: the page has much to do meanwhile, and would do it between the two.
  const all = [...pictures.values()];
  const fetched = await Promise.all(all.map((view) => view.fetch(of, view.isRun ? DRAFT : "")));
  if (ahead !== of && shown !== of) return;
  if (fetched.every(Boolean)) {
    for (const [index, view] of all.entries()) {
      const engine = view.isRun ? DRAFT : "";
      view.finer = withEngine(of, engine);
      view.show(fetched[index], of, engine);
    }
    isDraft ||= !isDraftEnough;
    // The script hears nothing where the slider comes back to where it was, nor while it waits for TensorFlow.
    rest(LOST_DELAY);
  }
  else giveUp();
}

/**
 * Does what the script says of a picture.
 *
 * @param {View} view
 * @param {string} text a Reference or a Drawing
 */
function obey(view, text) {
  const { key, of, finer, engine, held, figure } = JSON.parse(text);
  const name = normalise(of ?? "");
  if (of) pictures.set(key, view);
  view.isRun = engine !== undefined;
  if (ahead && passed.has(name)) {
    view.held = text;
    return;
  }
  if (of) {
    ahead = "";
    passed.clear();
  }
  view.told = text;
  view.held = "";
  view.finer = finer ?? "";
  if (view.isRun) {
    isDraft = Boolean(held);
    isDraftEnough = engine === DRAFT && !held;
  }
  if (figure) view.show(text, name, engine);
  else view.load(name, engine);
  note(name);
}

// Back and Forward come to what the slider may have passed.
addEventListener("popstate", giveUp);

/** The page's script alone can show what was asked for. */
function giveUp() {
  ahead = "";
  passed.clear();
  for (const view of pictures.values()) if (view.held) obey(view, view.held);
}

// --- The step taken apart

/** @type {WeakMap<HTMLElement, StepView>} */
const stepViews = new WeakMap();

/**
 * @param {{data: Uint8Array, parentElement: HTMLElement}} component
 * @returns {() => void} what to do when the component goes
 */
export function step({ data, parentElement }) {
  let view = stepViews.get(parentElement);
  if (!view) stepViews.set(parentElement, (view = new StepView(parentElement)));
  view.tell(new TextDecoder().decode(data));
  return () => {
    if (!parentElement.isConnected) view.close();
  };
}

/**
 * Time's controls, and below them the pinned unit at the pinned step.
 *
 * @typedef {{of: string, steps: number, engine: string, held: number[], player: import("./player.js").Words, words: Record<string, string>, figure?: Figure}} StepReference
 */
class StepView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.parent = parent;
    this.player = new Player(parent);
    this.view = new View(parent.appendChild(document.createElement("div")), () => this.follow());
    /** @type {StepReference | null} */
    this.told = null;
    this.asked = ""; // what the frames were asked for with
    this.stop = new AbortController();
    this.stopFollowing = followPin(() => this.follow());
  }

  /** @param {string} text a StepReference, or the Drawing itself */
  tell(text) {
    const told = /** @type {StepReference} */ (JSON.parse(text));
    const isOther = told.of !== this.told?.of || told.engine !== this.told.engine || told.figure;
    this.told = told;
    this.view.told = text;
    this.player.show(told.steps, told.player);
    if (told.figure) this.view.show(text, told.of, told.engine);
    else if (isOther) this.follow();
    else this.view.repaint();
  }

  /** Shows what is pinned; asks for it first if it is another unit, or beyond the steps that are here. */
  async follow() {
    if (!this.told) return;
    const { frames, of, engine } = this.view;
    // What is pinned may be of the larger cell that was here before: the script says so in a moment.
    const units = Number(new URLSearchParams(this.told.of).get("num_units"));
    const [t, unit] = [Math.min(pin().t ?? 0, this.told.steps - 1), Math.min(pin().unit ?? 0, units - 1)];
    const isHere = frames && of === this.told.of && engine === this.told.engine && frames.unit === unit && t >= frames.first && t < frames.first + frames.steps;
    if (isHere) drawStep(this.view.plot, frames, t);
    else if (!this.told.figure && !this.told.held.includes(unit)) this.load(t, unit); // else the script sends it, or says why there is none
  }

  /**
   * @param {number} t
   * @param {number} unit
   */
  async load(t, unit) {
    if (!this.told) return;
    const { of, engine } = this.told;
    const query = new URLSearchParams(withEngine(of, engine));
    query.set("t", String(t));
    query.set("unit", String(unit));
    if (query.toString() === this.asked) return;
    const asked = (this.asked = query.toString());
    this.stop.abort();
    this.stop = new AbortController();
    const text = await drawing(`pictures/step?${asked}`, this.stop.signal);
    if (this.asked !== asked) return;
    this.asked = "";
    if (text) this.view.show(text, of, engine);
    else if (this.told.of === of) this.view.fail(new Error(`no step of ${asked}`));
  }

  close() {
    this.stop.abort();
    this.stopFollowing();
    this.player.close();
    this.view.close();
    stepViews.delete(this.parent);
  }
}

/** A Drawing; empty where there is none to be had. @param {string} name @param {AbortSignal} signal @returns {Promise<string>} */
async function drawing(name, signal) {
  const answer = await askPatiently(name, { signal });
  return answer?.status === 200 ? answer.text().catch(() => "") : "";
}

/** One figure on the page. */
class View {
  /**
   * @param {HTMLElement} parent
   * @param {() => void} onDrawn
   */
  constructor(parent, onDrawn = () => {}) {
    this.parent = parent;
    this.onDrawn = onDrawn;
    /** What of it plays. @type {Frames | null} */
    this.frames = null;
    this.plot = /** @type {Plot} */ (/** @type {Element} */ (document.createElement("div")));
    this.plot.className = "lstmviz-figure";
    this.plot.setAttribute("role", "figure");
    this.plot.style.cssText = "width: 100%; contain: strict";
    // Plotly takes every touch for itself; without a drag mode it belongs to the page, to scroll with.
    const leaveTouch = (/** @type {Event} */ event) => {
      if (this.plot.layout?.dragmode === false) event.stopPropagation();
    };
    this.plot.addEventListener("touchstart", leaveTouch, { capture: true, passive: true });
    parent.append(this.plot);
    this.finer = ""; // what a window of the picture is asked for with
    this.closer = ""; // the Drawing of the window in view, where it is finer than the whole
    this.zoom = { timer: 0, asked: "", stop: new AbortController() };
    this.told = ""; // what the script said last
    this.held = ""; // what it said too late
    this.text = ""; // the Drawing
    this.of = ""; // what that is a picture of
    this.engine = ""; // whose run it is of; empty for the run at rest
    this.isRun = false; // whether it is of a run at all
    this.loading = { of: "", text: Promise.resolve(""), stop: new AbortController() };
    this.dark = false;
    this.width = 0; // of the last drawing
    this.revision = 0; // counts what was shown
    this.timer = 0;
    this.observer = new ResizeObserver(() => {
      clearTimeout(this.timer);
      if (this.plot.clientWidth !== this.width) this.timer = setTimeout(() => this.draw(), RESIZE_DELAY);
    });
    this.observer.observe(this.plot);
    loading.then(
      () => this.draw(),
      (error) => this.fail(error),
    );
  }

  /**
   * @param {string} of
   * @param {string} engine
   * @returns {Promise<string>} the Drawing; empty where there is none to be had, or something else was asked for since
   */
  fetch(of, engine) {
    const asked = withEngine(of, engine);
    if (this.loading.of !== asked) {
      this.loading.stop.abort();
      const stop = new AbortController();
      const key = [...pictures].find(([_key, view]) => view === this)?.[0];
      const text = drawing(`pictures/${key}?${asked}`, stop.signal);
      this.loading = { of: asked, text, stop };
    }
    return this.loading.text;
  }

  /**
   * @param {string} of
   * @param {string} engine
   */
  async load(of, engine = "") {
    if (of === this.of && engine === this.engine) return;
    const text = await this.fetch(of, engine);
    if (this.loading.of !== withEngine(of, engine)) return;
    if (text) this.show(text, of, engine);
    else this.fail(new Error(`no picture of ${of}`));
  }

  /**
   * @param {string} text a Drawing
   * @param {string} of what it is a picture of
   * @param {string} engine whose run it is of
   */
  show(text, of, engine = "") {
    const isSame = of === this.of && engine !== this.engine; // but for the engine: a zoom stays
    Object.assign(this, { of, engine });
    if (text !== this.text) {
      this.leaveZoom();
      if (isSame) this.watchZoom();
      else this.revision += 1;
    } else if (isDark(this.parent) === this.dark) return;
    this.text = text;
    this.dark = isDark(this.parent);
    this.draw();
  }

  /** Follows the theme. */
  repaint() {
    if (this.text) this.show(this.text, this.of, this.engine);
  }

  draw() {
    const width = this.plot.clientWidth;
    if (!this.text || !width) return; // closed, or in a tab that is not open: the observer comes back
    const { alt, words, figure, frames } = /** @type {Drawing} */ (JSON.parse(this.closer || this.text));
    const { data, layout } = figure;
    if (width < NARROW) patch(layout, layout.meta?.narrow ?? {});
    layout.height ??= DEFAULT_HEIGHT;
    this.plot.style.height = `${layout.height}px`; // at once, so that what follows does not jump
    this.plot.setAttribute("aria-label", alt);
    setLanguage(words.language);
    if (!Plotly) return;
    Object.assign(layout, {
      width,
      autosize: false, // Plotly would measure the page again
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      uirevision: layout.uirevision ?? this.revision, // a zoom outlives a change of theme or width, not of data
    });
    if (width < NARROW || matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    if (this.dark) patch(layout, layout.meta?.dark ?? {});
    this.width = width;
    for (const trace of data) unpack(trace);
    if (layout.meta?.levels) for (const trace of data) nameCells(trace, layout.meta.link);
    Plotly.react(this.plot, data, layout, configFor(words));
    if (layout.meta?.levels && !this.isWatched) {
      this.isWatched = true;
      this.plot.on("plotly_relayout", () => this.watchZoom());
    }
    link(this.plot);
    this.frames = frames ?? null;
    this.onDrawn();
    if (this.isRun && isDraftEnough) tellDrawn();
  }

  /** Asks for what is in view more finely, once a zoom rests. */
  watchZoom() {
    clearTimeout(this.zoom.timer);
    this.zoom.timer = setTimeout(() => this.closeIn(), ZOOM_DELAY);
  }

  async closeIn() {
    const levels = this.plot.layout?.meta?.levels;
    if (!levels || !this.finer) return;
    const window = inView(this.plot, levels);
    const [rows, columns] = window;
    const isAll = rows[0] === 0 && columns[0] === 0 && rows[1] === levels.of[0] && columns[1] === levels.of[1];
    if (isAll) {
      if (this.closer) this.leaveZoom(), this.draw();
      return;
    }
    if (isGoodEnough(levels, rows, columns)) return;
    const asked = `${this.finer}&rows=${rows.join("-")}&columns=${columns.join("-")}`;
    if (asked === this.zoom.asked) return;
    this.zoom.stop.abort();
    this.zoom = { timer: 0, asked, stop: new AbortController() };
    const key = [...pictures].find(([_key, view]) => view === this)?.[0];
    const text = await drawing(`pictures/${key}?${asked}`, this.zoom.stop.signal);
    if (this.zoom.asked !== asked) return;
    this.zoom.asked = "";
    if (!text || !this.text) return; // what is shown is true, if coarse
    this.closer = text;
    this.draw();
  }

  leaveZoom() {
    clearTimeout(this.zoom.timer);
    this.zoom.stop.abort();
    this.zoom.asked = "";
    this.closer = "";
  }

  /** @param {Error} error */
  fail(error) {
    const message = this.told || this.text;
    if (!message) return;
    Plotly?.purge(this.plot);
    this.plot.textContent = JSON.parse(message).words.failed;
    this.text = this.of = this.loading.of = "";
    console.error(`lstmviz: ${error.message}`);
  }

  close() {
    clearTimeout(this.timer);
    this.leaveZoom();
    this.observer.disconnect();
    this.text = "";
    this.loading.stop.abort();
    for (const [key, view] of pictures) if (view === this) pictures.delete(key);
    views.delete(this.parent);
    unlink(this.plot);
    Plotly?.purge(this.plot);
    this.plot.remove();
  }
}

/** Plotly compares configurations by their parts: the same words must get the same one. @type {Map<string, object>} */
const configs = new Map();

/** @param {Record<string, string>} words what the buttons say, by Plotly's own English */
function configFor(words) {
  const locale = `lstmviz-${words.language}`;
  let config = configs.get(locale);
  if (!config) {
    Plotly.register({ moduleType: "locale", name: locale, dictionary: words, format: {} });
    // A list of our own, since Plotly's offers to send the figure to its cloud.
    const modeBarButtons = [
      [downloadButton("png", words), downloadButton("svg", words)],
      ["zoom2d", "pan2d", "resetScale2d"],
    ];
    config = { displaylogo: false, responsive: false, doubleClick: "reset", locale, modeBarButtons };
    configs.set(locale, config);
  }
  return config;
}

/**
 * @param {"png" | "svg"} format
 * @param {Record<string, string>} words
 */
function downloadButton(format, words) {
  const name = `download-${format}`;
  return {
    name,
    title: words[name],
    icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk,
    /** @param {Plot} plot */
    click(plot) {
      // On the page a plot is transparent; alone, light text would stand on nothing.
      /** @type {Record<string, any>} */
      const layout = { ...plot.layout, paper_bgcolor: pageColor(plot) };
      const filename = `lstmviz-${keyOf(plot) ?? "figure"}`;
      const { width, height } = layout;
      return Plotly.downloadImage({ data: plot.data, layout }, { format, filename, width, height, scale: format === "png" ? 2 : 1 });
    },
  };
}
