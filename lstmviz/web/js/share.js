/**
 * A link in a field of its own, with a button that copies it and says so.
 *
 * @typedef {{link: string, words: Record<"link" | "copy" | "copied" | "by_hand", string>}} Told
 */

import { PRIMARY_COLOR } from "./streamlit.js";

const STYLE = `
.lv-share { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.lv-share input { flex: 1 1 20rem; min-width: 0; }
.lv-share :is(input, button) { font: inherit; color: inherit; background: transparent; min-height: 2.4rem; padding: 0 .7rem;
  border: 1px solid color-mix(in srgb, currentColor 45%, transparent); border-radius: .5rem; }
.lv-share button { cursor: pointer; font-weight: 600; }
.lv-share :focus-visible { outline: 2px solid ${PRIMARY_COLOR}; outline-offset: 2px; }
`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

/** @type {WeakMap<HTMLElement, (told: Told) => void>} */
const shown = new WeakMap();

/** @param {{data: [Told], parentElement: HTMLElement}} component */
export default function mount({ data: [data], parentElement }) {
  let tell = shown.get(parentElement);
  if (!tell) shown.set(parentElement, (tell = build(parentElement)));
  tell(data);
  return () => {};
}

/** @param {HTMLElement} parent @returns {(told: Told) => void} */
function build(parent) {
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const box = parent.appendChild(document.createElement("div"));
  box.className = "lv-share";
  const field = box.appendChild(document.createElement("input"));
  field.readOnly = true;
  field.addEventListener("focus", () => field.select());
  const button = box.appendChild(document.createElement("button"));
  button.type = "button";
  const said = box.appendChild(document.createElement("span"));
  said.setAttribute("role", "status");
  /** @type {Told["words"]} */
  let words;
  button.addEventListener("click", async () => {
    said.textContent = (await copy(field)) ? words.copied : words.by_hand;
  });
  return (told) => {
    words = told.words;
    if (field.value !== told.link) said.textContent = ""; // another link has not been copied
    field.value = told.link;
    field.setAttribute("aria-label", words.link);
    button.textContent = words.copy;
  };
}

/** Copies what is in a field, and says whether; else it is marked. @param {HTMLInputElement} field */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    // On a page that came over plain http there is no clipboard, or its user has forbidden it.
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}
