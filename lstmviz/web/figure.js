/**
 * Draws Plotly figures into the page, each change into the plot that is already there.
 *
 * Streamlit calls the default export for every message about a figure and for every change of theme.
 *
 * @typedef {{data: object[], layout: Record<string, any>}} Figure
 * @typedef {{alt: string, height: number | null, figure: Figure}} Message
 * @typedef {HTMLElement & {on: Function, data: any[], layout: any, _fullData: any[], _fullLayout: any}} Plot
 */

const NARROW = 640; // pixels: below this a drag scrolls the page
const RESIZE_DELAY = 60; // milliseconds of quiet after which a plot follows its container

/** One Plotly for all figures, fetched once, from beside this module. @type {Promise<any>} */
const plotly = new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = new URL("plotly.min.js", import.meta.url).href;
  script.onload = () => resolve(/** @type {any} */ (window).Plotly);
  script.onerror = () => reject(new Error(`Plotly could not be loaded from ${script.src}`));
  document.head.append(script);
});

/** @type {WeakMap<HTMLElement, View>} */
const views = new WeakMap();

/**
 * @param {{data: Uint8Array, parentElement: HTMLElement}} component
 * @returns {() => void} what to do when the component goes
 */
export default function mount({ data, parentElement }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new View(parentElement)));
  view.show(new TextDecoder().decode(data));
  // Streamlit also calls this for a message that a newer one overtook, while the figure stays.
  return () => {
    if (!parentElement.isConnected) view.close();
  };
}

/** One figure on the page. */
class View {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {Plot} */
    this.plot = /** @type {any} */ (document.createElement("div"));
    this.plot.className = "lstmviz-figure";
    this.plot.setAttribute("role", "figure");
    this.plot.style.cssText = "width: 100%; overflow: hidden;";
    parent.append(this.plot);
    this.parent = parent;
    this.text = "";
    this.dark = false;
    this.width = 0;
    this.revision = 0;
    this.closed = false;
    this.resizing = 0;
    this.observer = new ResizeObserver(() => {
      if (this.plot.clientWidth === this.width) return;
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => this.draw(), RESIZE_DELAY);
    });
    this.observer.observe(this.plot);
  }

  /** @param {string} text a Message */
  show(text) {
    const dark = isDark(this.parent);
    if (text === this.text && dark === this.dark) return;
    if (text !== this.text) this.revision += 1;
    this.text = text;
    this.dark = dark;
    this.draw();
  }

  draw() {
    const Plotly = /** @type {any} */ (window).Plotly;
    if (!Plotly) {
      plotly.then(() => this.draw());
      return;
    }
    const width = this.plot.clientWidth;
    if (this.closed || !this.text || !width) return;
    /** @type {Message} */
    const { alt, height, figure } = JSON.parse(this.text);
    const { data, layout } = figure;
    this.width = width;
    this.plot.setAttribute("aria-label", alt);
    Object.assign(layout, {
      width,
      height: height ?? layout.height ?? 450,
      autosize: false, // Plotly would measure the page again
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      uirevision: layout.uirevision ?? this.revision, // a zoom outlives a change of theme or width, not of data
    });
    if (isTouch() || width < NARROW) layout.dragmode = false;
    if (this.dark) patch(layout, layout.meta?.dark ?? {});
    this.plot.style.height = `${layout.height}px`;
    Plotly.react(this.plot, data, layout, CONFIG);
  }

  close() {
    this.closed = true;
    clearTimeout(this.resizing);
    this.observer.disconnect();
    /** @type {any} */ (window).Plotly?.purge(this.plot);
    views.delete(this.parent);
    this.plot.remove();
  }
}

const CONFIG = {
  displaylogo: false,
  responsive: false,
  doubleClick: "reset",
  modeBarButtonsToRemove: ["sendDataToCloud", "sendChartToCloud", "shareChart"],
};

/**
 * @param {Record<string, any>} layout
 * @param {Record<string, any>} changes by path, as Plotly.relayout takes them
 */
function patch(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(/[.[\]]+/).filter(Boolean);
    const last = /** @type {string} */ (steps.pop());
    /** @type {any} */
    let place = layout;
    for (const step of steps) place = Array.isArray(place) ? place[step] : (place[step] ??= {});
    if (place === undefined) continue; // a list without that entry
    place[last] = value;
  }
}

/** @param {HTMLElement} element */
function isDark(element) {
  const background = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const canvas = document.createElement("canvas").getContext("2d");
  if (!canvas || !background) return false;
  canvas.fillStyle = background;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(canvas.fillStyle.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

const isTouch = () => matchMedia("(pointer: coarse)").matches;
