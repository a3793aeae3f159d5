/** The presenter's notes, in a window of their own: what the page that presents tells over the browser's channel. */

import { make, markUp } from "./lesson_figures.js";

const channel = new BroadcastChannel("lstmviz-present");
const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.getElementById(name));
let since = 0;
/** @type {Record<string, string>} */
let words = {};

/** @param {HTMLElement} box @param {string} text paragraphs */
function fillIn(box, text) {
  box.replaceChildren();
  for (const paragraph of text.split(/\n\s*\n/).filter(Boolean)) make("p", "", box).replaceChildren(...markUp(paragraph));
}

/** @param {any} told */
function show(told) {
  ({ words, since } = told);
  document.documentElement.lang = told.lang || "en";
  document.title = `lstmviz: ${words.notes_title}`;
  document.body.classList.toggle("dark", told.dark);
  part("title").textContent = [told.place, told.title].filter(Boolean).join("  ");
  fillIn(part("notes"), told.notes);
  const parts = part("parts");
  parts.replaceChildren();
  for (const [title, text] of [[words.task, told.task], [words.key, told.key], [words.then, told.next || words.last]]) {
    if (!text) continue;
    make("h2", "", parts).textContent = title;
    make("p", "", parts).replaceChildren(...markUp(text));
  }
  part("setting").textContent = `${words.now}: ${told.setting} · t = ${told.t}`;
  Object.assign(part("again"), { textContent: words.again, hidden: false });
  tick();
}

function tick() {
  const seconds = since ? Math.max(0, Math.floor((Date.now() - since) / 1000)) : 0;
  part("time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  part("clock").textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

channel.addEventListener("message", ({ data }) => {
  if (data?.is === "shown") show(data);
  else if (data?.is === "gone" && words.waiting) part("setting").textContent = words.waiting;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).matches("button")) return;
  channel.postMessage({ is: "key", key: event.key });
  if (event.key === " " || event.key.startsWith("Page")) event.preventDefault();
});
part("again").addEventListener("click", () => channel.postMessage({ is: "again" }));
setInterval(tick, 500);
channel.postMessage({ is: "hello" });
