// Times, by the page's own clock, when texts appear in it and how often they change. Added to a page before its own scripts.

const PATIENCE = 60_000; // milliseconds

/** @typedef {{selector: string, text: string}} Wanted */

/** @param {Wanted} wanted */
const isThere = ({ selector, text }) =>
  [...document.querySelectorAll(selector)].some((element) => element.textContent?.includes(text));

/**
 * When all of `wanted` were in the document, and when the frame with them was painted, in epoch milliseconds.
 * @param {Wanted[]} wanted
 * @returns {Promise<{shown: number, painted: number}>}
 */
function whenShown(wanted) {
  return new Promise((resolve, reject) => {
    const now = () => performance.timeOrigin + performance.now();
    const check = () => {
      if (!wanted.every(isThere)) return;
      observer.disconnect();
      clearTimeout(limit);
      const shown = now();
      requestAnimationFrame(() => {
        // A task after the frame's own work: the frame is on its way to the screen.
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve({ shown, painted: now() });
        channel.port2.postMessage(null);
      });
    };
    const observer = new MutationObserver(check);
    const limit = setTimeout(() => {
      observer.disconnect();
      const missing = wanted.filter((each) => !isThere(each));
      reject(new Error(`not on the page after ${PATIENCE / 1000} s: ${JSON.stringify(missing)}`));
    }, PATIENCE);
    observer.observe(document, { subtree: true, childList: true, characterData: true });
    check();
  });
}

/**
 * Starts the clock at the next key press; `window.move` gives the milliseconds until all of `wanted` is there.
 * @param {Wanted[]} wanted
 */
function timeMove(wanted) {
  const input = document.querySelector(".st-key-num_units input[type=range]");
  /** @type {HTMLElement} */ (input).focus();
  window.move = new Promise((resolve, reject) => {
    const start = () => {
      const pressed = performance.timeOrigin + performance.now();
      whenShown(wanted).then(
        ({ shown, painted }) => resolve({ shown: shown - pressed, painted: painted - pressed }),
        reject,
      );
    };
    document.addEventListener("keydown", start, { once: true, capture: true });
  });
}

/**
 * The times in milliseconds of the frames in which all that `read` gives is another than before.
 * @param {() => unknown[]} read
 * @param {number} milliseconds how long to look
 * @returns {Promise<number[]>}
 */
function timeChanges(read, milliseconds) {
  return new Promise((resolve) => {
    /** @type {number[]} */
    const times = [];
    const end = performance.now() + milliseconds;
    let last = read();
    const look = () => {
      const now = performance.now();
      const next = read();
      if (next.every((value, index) => value !== last[index])) {
        times.push(now);
        last = next;
      }
      if (now < end) requestAnimationFrame(look);
      else resolve(times);
    };
    requestAnimationFrame(look);
  });
}

/** What the step's drawing says of the step, and where the mark is in the gates' picture. Neither makes Chromium measure. */
function readStep() {
  if (!words?.isConnected)
    words = [...document.querySelectorAll(".st-key-step text")].find((text) => text.textContent?.startsWith("t = "));
  const mark = /** @type {HTMLElement | null} */ (document.querySelector(".st-key-gates .lstmviz-figure > [aria-hidden] > div"));
  return [words?.textContent, mark?.style.cssText];
}
/** @type {Element | undefined} */
let words;

/** The floor: a page that does nothing but count its frames. @returns {() => unknown[]} */
function startFloor() {
  const text = document.body.appendChild(document.createElement("p"));
  let t = 0;
  const draw = () => {
    text.textContent = `t = ${t++}`;
    requestAnimationFrame(draw);
  };
  draw();
  return () => [text.textContent];
}

Object.assign(window, { whenShown, timeMove, timeChanges, readStep, startFloor });
