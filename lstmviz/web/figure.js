/**
 * Draws Plotly figures into the page, each change into the plot that is already there.
 *
 * Streamlit calls the default export for every message about a figure and for every change of theme.
 *
 * @typedef {{data: object[], layout: Record<string, any>}} Figure as plotly.js reads it
 * @typedef {{key: string, of: string, alt: string, height: number | null, words: Record<string, string>, figure: Figure}} Message
 */

const NARROW = 640; // pixels: below this, and under a finger, a drag scrolls the page
const RESIZE_DELAY = 60; // milliseconds of quiet after which a plot follows its container
const DEFAULT_HEIGHT = 450; // plotly.js's own
const REST_DELAY = 200; // milliseconds of quiet after which the rest of the page follows the pictures

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
  if (text !== view.text && isOvertaken(text)) view.held = text;
  else {
    view.show(text);
    note(view.of);
  }
  return () => {
    // Streamlit also calls this for a message that a newer one overtook, while the figure stays.
    if (!parentElement.isConnected) view.close();
  };
}

/** What the script last showed in the pictures. */
let shown = "";
let restTimer = 0;
/** @type {() => void} */
let catchUp = () => {};

/** @param {string} of */
function note(of) {
  if (!of || of === shown) return;
  shown = of;
  clearTimeout(restTimer);
  restTimer = setTimeout(() => catchUp(), REST_DELAY);
}

/**
 * Asks for the rest of the page once the pictures have moved on from what it tells of, and rest.
 *
 * @param {{data: {of: string}, setTriggerValue: (name: string, value: string) => void}} component
 */
export function follow({ data, setTriggerValue }) {
  catchUp = () => {
    if (shown !== data.of) setTriggerValue("moved", shown);
  };
}

// --- Pictures ahead of the page: a moved slider asks for them at once, on a route of their own. The page's script
// runs meanwhile; its messages are the same, so nothing is drawn twice.

/** Figures by key, the pictures among them. @type {Map<string, View>} */
const figures = new Map();
const PICTURES = ["kernel", "gates"];
const SLIDER = ".st-key-num_units input[type=range]";

/** What was asked for last, and the way to stop asking. @type {{of: string, stop: AbortController} | null} */
let asked = null;
/** What was asked for before that: the script may still send it. @type {Set<string>} */
const passed = new Set();

// The slider moves with keys and under a finger, and says so in its attributes alone. Only who holds it moves it:
// the page also sets it.
new MutationObserver((changes) => {
  const slider = changes.map(({ target }) => /** @type {HTMLInputElement} */ (target)).find((target) => target.matches(SLIDER));
  if (shown && slider && slider === document.activeElement) hurry({ num_units: slider.value });
}).observe(document.body, { subtree: true, attributeFilter: ["aria-valuetext"] });

/** @param {Record<string, string>} changes to the view that is shown or asked for */
function hurry(changes) {
  const query = new URLSearchParams(asked?.of ?? shown);
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  const of = query.toString();
  if (of === asked?.of) return;
  asked?.stop.abort();
  passed.add(asked?.of ?? normalise(shown)).delete(of);
  const stop = new AbortController();
  asked = { of, stop };
  const fetched = PICTURES.map((key) =>
    fetch(new URL(`pictures/${key}?${of}`, import.meta.url), { signal: stop.signal })
      .then((answer) => (answer.status === 200 ? answer.text() : ""))
      .catch(() => ""),
  );
  // Both in one task: the page has much to do meanwhile, and would do it between the two.
  Promise.all(fetched).then((texts) => {
    if (asked?.stop !== stop) return;
    if (texts.every(Boolean)) PICTURES.forEach((key, index) => figures.get(key)?.show(texts[index]));
    else giveUp();
  });
}

/**
 * Whether a message of the script is older than what was asked for since.
 *
 * @param {string} text a Message
 */
function isOvertaken(text) {
  if (!asked) return false;
  const { of } = /** @type {Message} */ (JSON.parse(text));
  if (!of) return false; // no picture of a view
  if (passed.has(normalise(of))) return true;
  if (normalise(of) !== asked.of) asked.stop.abort(); // the page has gone elsewhere
  else passed.clear();
  asked = null;
  return false;
}

/** The page's script alone can show what was asked for. */
function giveUp() {
  asked?.stop.abort();
  asked = null;
  passed.clear();
  for (const view of figures.values()) if (view.held) view.show(view.held);
}

/** @param {string} query as Python writes it */
const normalise = (query) => new URLSearchParams(query).toString();

/** One figure on the page. */
class View {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.parent = parent;
    this.plot = document.createElement("div");
    this.plot.className = "lstmviz-figure";
    this.plot.setAttribute("role", "figure");
    this.plot.style.cssText = "width: 100%; overflow: hidden";
    // Plotly takes every touch for itself; without a drag mode it belongs to the page, to scroll with.
    const leaveTouch = (/** @type {Event} */ event) => {
      if (/** @type {any} */ (this.plot).layout?.dragmode === false) event.stopPropagation();
    };
    this.plot.addEventListener("touchstart", leaveTouch, { capture: true, passive: true });
    parent.append(this.plot);
    this.text = "";
    this.of = ""; // what the script said that it shows
    this.held = ""; // a message that came too late
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

  /** @param {string} text a Message */
  show(text) {
    const dark = isDark(this.parent);
    if (text === this.text && dark === this.dark) return;
    if (text !== this.text) this.revision += 1;
    const { key, of } = /** @type {Message} */ (JSON.parse(text));
    figures.set(key, this);
    this.of = of;
    this.text = text;
    this.held = "";
    this.dark = dark;
    this.draw();
  }

  draw() {
    const width = this.plot.clientWidth;
    if (!this.text || !width) return; // closed, or in a tab that is not open: the observer comes back
    const { key, alt, height, words, figure } = /** @type {Message} */ (JSON.parse(this.text));
    const { data, layout } = figure;
    layout.height = height ?? layout.height ?? DEFAULT_HEIGHT;
    this.plot.style.height = `${layout.height}px`; // at once, so that what follows does not jump
    this.plot.setAttribute("aria-label", alt);
    document.documentElement.lang = words.language; // Streamlit says "en" of every page, and screen readers believe it
    if (!Plotly) return;
    Object.assign(layout, {
      width,
      autosize: false, // Plotly would measure the page again
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      uirevision: layout.uirevision ?? this.revision, // a zoom outlives a change of theme or width, not of data
    });
    if (width < NARROW || matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    if (width < NARROW) patch(layout, layout.meta?.narrow ?? {});
    if (this.dark) patch(layout, layout.meta?.dark ?? {});
    this.width = width;
    Plotly.react(this.plot, data, layout, configFor(words));
  }

  /** @param {Error} error */
  fail(error) {
    if (!this.text) return;
    this.plot.textContent = JSON.parse(this.text).words.failed;
    console.error(`lstmviz: ${error.message}`);
  }

  close() {
    clearTimeout(this.timer);
    this.observer.disconnect();
    this.text = "";
    views.delete(this.parent);
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
    /** @param {HTMLElement & {data: object[], layout: any}} plot */
    click(plot) {
      // On the page a plot is transparent; alone, light text would stand on nothing.
      const layout = { ...plot.layout, paper_bgcolor: pageColor(plot) };
      const filename = `lstmviz-${plot.closest("[class*=st-key-]")?.className.match(/st-key-(\S+)/)?.[1] ?? "figure"}`;
      const { width, height } = layout;
      return Plotly.downloadImage({ data: plot.data, layout }, { format, filename, width, height, scale: format === "png" ? 2 : 1 });
    },
  };
}

/**
 * @param {Record<string, any>} layout
 * @param {Record<string, any>} changes by path, as Plotly.relayout takes them
 */
function patch(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(".");
    const last = /** @type {string} */ (steps.pop());
    /** @type {any} */
    let place = layout;
    for (const step of steps) {
      const [name, index] = step.split(/[[\]]/);
      place = index === undefined ? (place[name] ??= {}) : place[name]?.[index];
      if (!place) break; // the list lacks that entry
    }
    if (place) place[last] = value;
  }
}

/** @param {HTMLElement} element */
const pageColor = (element) => getComputedStyle(element).getPropertyValue("--st-background-color").trim();

const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

/** @param {HTMLElement} element */
function isDark(element) {
  pen.fillStyle = pageColor(element) || "white"; // the canvas writes any colour as #rrggbb
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(String(pen.fillStyle).slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}
