/**
 * Where the stage's numbers and styles come from: the server, beside the page's own modules; in a file that needs no server, the file.
 *
 * @typedef {(name: string) => Promise<Response | null>} Answer
 */

/** @type {Answer | null} */
let own = null;

const PASSING = [429, 502, 503, 504]; // what a server with too much to do says, and a proxy whose server is going
const FIRST = 1; // seconds until something is asked for again, where the answer does not say; each time twice as long
const LONGEST = 8; // seconds
const LOOK = 100; // milliseconds after which a wish that is none any more is noticed

/** Lets a file answer what is asked for; it has the styles already. @param {Answer} answer */
export function answerWith(answer) {
  own = answer;
}

/** What stands under a name; null where nobody answers. @param {string} name @param {RequestInit} [how] @returns {Promise<Response | null>} */
export async function ask(name, how) {
  return own ? own(name) : fetch(new URL(name, import.meta.url), how).catch(() => null);
}

/**
 * The same, asked for again where a server was too busy or none answered: as often as it may be, and as long as it is wanted.
 *
 * @param {string} name
 * @param {{isWanted?: () => boolean, tries?: number, tell?: (tries: number) => void, signal?: AbortSignal}} [how] `tell` hears of each try in vain
 * @returns {Promise<Response | null>}
 */
export async function askPatiently(name, { isWanted = () => true, tries = 4, tell = () => {}, signal } = {}) {
  for (let tried = 1; ; tried++) {
    const answer = await whole(await ask(name, { signal }));
    if (own || signal?.aborted || (answer && !PASSING.includes(answer.status)) || tried >= tries) return answer;
    tell(tried);
    if (!(await stillWants(patience(answer, tried), () => isWanted() && !signal?.aborted))) return answer;
  }
}

/** An answer with all that it brings; null where it broke off. @param {Response | null} answer */
async function whole(answer) {
  if (own || answer?.status !== 200) return answer;
  return answer.arrayBuffer().then(
    (body) => new Response(body, { headers: answer.headers }),
    () => null,
  );
}

/** The seconds to wait; not the same for a whole room, which would come back in one moment. @param {Response | null} answer @param {number} tried */
function patience(answer, tried) {
  const said = Number(answer?.headers.get("Retry-After")) || FIRST;
  return Math.min(LONGEST, said * 2 ** (tried - 1)) * (0.75 + Math.random() / 2);
}

/** Waits; whether it is wanted then, which is said at once where it is not any more. @param {number} seconds @param {() => boolean} isWanted */
async function stillWants(seconds, isWanted) {
  for (const end = performance.now() + 1000 * seconds; isWanted() && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, LOOK));
  return isWanted();
}

/** A style's element, by the name of its file. @param {string} name */
export function addSheet(name) {
  const sheet = document.createElement("link");
  if (!own) Object.assign(sheet, { rel: "stylesheet", href: new URL(name, import.meta.url).href });
  return document.head.appendChild(sheet);
}
