// Times, by the page's own clock, when texts appear in it. Added to a page before its own scripts.

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

Object.assign(window, { whenShown, timeMove });
