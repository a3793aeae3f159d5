/** What the page's modules know of Streamlit's own page: its elements, their classes, its theme. No other module does. */

/** The theme's first colour, for a style; where there is none, the colour of the text. */
export const PRIMARY_COLOR = "var(--st-primary-color, currentColor)";

/**
 * Calls `listener` with the value of a slider whenever somebody moves it.
 *
 * @param {string} key
 * @param {(value: string) => void} listener
 */
export function onSlide(key, listener) {
  const slider = `.st-key-${key} input[type=range]`;
  // It moves with keys and under a finger, and says so in its attributes alone. Only who holds it moves it: the page also
  // sets it.
  new MutationObserver((changes) => {
    const moved = changes.map(({ target }) => /** @type {HTMLInputElement} */ (target)).find((target) => target.matches(slider));
    if (moved && moved === document.activeElement) listener(moved.value);
  }).observe(document.body, { subtree: true, attributeFilter: ["aria-valuetext"] });
}

/** The class that an element has by its key, as Streamlit gives it to its own. @param {string} key */
export const keyed = (key) => `st-key-${key}`;

/**
 * Calls `listener` when somebody presses a key in one of some controls, and when that ends.
 *
 * @param {string[]} keys of the controls
 * @param {(isDown: boolean) => void} listener
 */
export function onKey(keys, listener) {
  const fields = keys.map((key) => `.st-key-${key} input`).join();
  let isDown = false;
  const tell = (/** @type {boolean} */ now) => {
    if (now !== isDown) listener((isDown = now));
  };
  addEventListener("keydown", ({ target }) => tell(target instanceof Element && target.matches(fields)), true);
  // A key that is let go of elsewhere is not heard of here.
  for (const end of ["keyup", "blur"]) addEventListener(end, () => tell(false), true);
}

/** All that the page shows beside its bar, one below the other; null where an element stands on no page of Streamlit's. @param {Element} element */
export const contentAround = (element) => element.closest(".stMainBlockContainer")?.firstElementChild ?? null;

/** Whether the page's script runs, and may still tell the controls of other values. */
export const isScriptRunning = () => document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") === "running";

/**
 * The key under which an element was put on the page.
 *
 * @param {Element} element
 * @returns {string | undefined}
 */
export const keyOf = (element) => element.closest("[class*=st-key-]")?.className.match(/st-key-(\S+)/)?.[1];

/** @param {Element} element */
export const pageColor = (element) => getComputedStyle(element).getPropertyValue("--st-background-color").trim();

const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

/** Gives what lies in an element another background than the page's. @param {HTMLElement} element @param {string} colour */
export const setPageColor = (element, colour) => element.style.setProperty("--st-background-color", colour);

/**
 * Whether the theme is dark.
 *
 * @param {Element} element
 */
export function isDark(element) {
  pen.fillStyle = pageColor(element) || "white"; // the canvas writes any colour as #rrggbb
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(String(pen.fillStyle).slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

/**
 * Says in which language the page is. Streamlit says "en" of every page, and screen readers believe it.
 *
 * @param {string} language
 */
export function setLanguage(language) {
  const page = document.documentElement;
  if (page.lang !== language) page.lang = language; // saying the same again would style the page anew
}

/** Background, text, and the background of what stands out. */
const THEMES = { light: ["#ffffff", "#31333f", "#f0f2f6"], dark: ["#0e1117", "#fafafa", "#262730"] };

/**
 * Has one element, and what lies behind it, in a dark theme or a light one, whatever the page's own is; null gives that back.
 *
 * @param {HTMLElement} element
 * @param {boolean | null} dark
 */
export function setTheme(element, dark) {
  const name = dark ? "dark" : "light";
  const colours = dark === null ? ["", "", ""] : THEMES[name];
  for (const [index, part] of ["background", "text", "secondary-background"].entries()) element.style.setProperty(`--st-${part}-color`, colours[index]);
  element.style.color = colours[1];
  if (dark === null) delete document.documentElement.dataset.lvTheme;
  else document.documentElement.dataset.lvTheme = name;
}

/**
 * Calls `listener` when the page has its server again, be it another one; gives what ends that.
 *
 * @param {() => void} listener
 */
export function onReconnect(listener) {
  const app = document.querySelector("[data-test-connection-state]");
  if (!app) return () => {};
  const isConnected = () => app.getAttribute("data-test-connection-state") === "CONNECTED";
  let was = isConnected();
  const observer = new MutationObserver(() => {
    const now = isConnected();
    if (now && !was) listener();
    was = now;
  });
  observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return () => observer.disconnect();
}
