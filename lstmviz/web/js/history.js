/**
 * The browser's history, into which the page's script writes: late, for its answers are under way while the visitor goes on.
 *
 * Streamlit writes an address into the bar whenever a run of the script tells of one that is not there. A run that began before the
 * visitor went back tells of its own address when that is the past: written down, it would take the place of the entry that the
 * visitor has just come to, or stand on top of it, and what lay ahead would be lost.
 */

const GUARD = Symbol.for("lstmviz history"); // one for a page, however many of its modules know of it
const DEEDS = ["pointerdown", "keydown", "input", "change"]; // of a visitor, behind which the script may well write another address
const GOING = new Set(["Alt", "Meta", "BrowserBack", "BrowserForward"]); // keys that go back and forward

/**
 * @typedef {{led: string | null, isOne: boolean}} Guard the address that Back or Forward led to, and whether all that is written is one entry,
 *     each until the visitor does something else
 */

/** Whether Back or Forward was the last that the visitor did. */
export const wentBack = (page = window) => /** @type {any} */ (page.history)[GUARD]?.led != null;

/** Makes one entry of all that is written because of what the visitor has just done: the script goes to a path by way of others. */
export function makeOneEntry(page = window) {
  const guard = /** @type {Guard | undefined} */ (/** @type {any} */ (page.history)[GUARD]);
  if (guard) guard.isOne = true;
}

/**
 * Keeps the address to which Back or Forward led until the visitor does something else, and makes one entry of all that a held key passes.
 *
 * @param {Window & typeof globalThis} page
 */
export function guardHistory(page = window) {
  const { history, location } = page;
  if (GUARD in history) return;
  /** @type {Guard} */
  const guard = { led: null, isOne: false };
  Object.assign(history, { [GUARD]: guard });
  let isHeld = false; // a key repeats itself
  let hasEntry = false; // for what it passes
  page.addEventListener("popstate", () => (guard.led = location.search), true);
  for (const deed of DEEDS) {
    page.addEventListener(
      deed,
      (event) => {
        const { key, altKey, metaKey, repeat } = /** @type {KeyboardEvent} */ (event);
        if (deed === "keydown" && (altKey || metaKey || GOING.has(key))) return;
        guard.led = null;
        guard.isOne = false;
        if (deed !== "keydown" && deed !== "pointerdown") return; // what follows from one of these
        if (!repeat) hasEntry = false;
        isHeld = Boolean(repeat);
      },
      true,
    );
  }
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  /** @param {typeof push} write @returns {typeof push} */
  const guarded = (write) => (state, title, url) => {
    const to = new URL(url ?? location.href, location.href);
    const isSame = to.pathname === location.pathname;
    if (guard.led !== null && isSame && to.search !== guard.led) return; // from a run that began before
    if (write === push && hasEntry && ((isSame && isHeld) || guard.isOne)) return replace(state, title, url);
    if (write === push) hasEntry = true;
    write(state, title, url);
  };
  Object.assign(history, { pushState: guarded(push), replaceState: guarded(replace) });
}
