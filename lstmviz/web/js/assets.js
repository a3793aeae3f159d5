/**
 * Where the stage's numbers and styles come from: the server, beside the page's own modules; in a file that needs no server, the file.
 *
 * @typedef {(name: string) => Promise<Response | null>} Answer
 */

/** @type {Answer | null} */
let own = null;

/** Lets a file answer what is asked for; it has the styles already. @param {Answer} answer */
export function answerWith(answer) {
  own = answer;
}

/** What stands under a name; null where nobody answers. @param {string} name @param {RequestInit} [how] @returns {Promise<Response | null>} */
export async function ask(name, how) {
  return own ? own(name) : fetch(new URL(name, import.meta.url), how).catch(() => null);
}

/** A style's element, by the name of its file. @param {string} name */
export function addSheet(name) {
  const sheet = document.createElement("link");
  if (!own) Object.assign(sheet, { rel: "stylesheet", href: new URL(name, import.meta.url).href });
  return document.head.appendChild(sheet);
}
