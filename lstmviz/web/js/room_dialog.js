/**
 * The button and the dialog with which a presenter shares the stage with a room.
 *
 * @typedef {import("./sharing.js").Sharing} Sharing
 */

import { make } from "./lesson_figures.js";
import { keyed } from "./streamlit.js";

const ICON = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"><rect x="1.5" y="2.5" width="13" height="8"/><path d="M8 10.5v2M5 13.5h6"/></svg>';

export class RoomDialog {
  /** @param {HTMLElement} root @param {HTMLElement} controls @param {Sharing} sharing @param {Record<string, string>} words */
  constructor(root, controls, sharing, words) {
    this.sharing = sharing;
    this.words = words;
    this.button = /** @type {HTMLButtonElement} */ (make("button", `lv-room-button ${keyed("room_share")}`, controls));
    this.button.type = "button";
    this.button.innerHTML = ICON;
    this.count = make("span", "", this.button);
    this.button.addEventListener("click", () => this.toggle());
    this.dialog = /** @type {HTMLDialogElement} */ (make("dialog", "lv-sharing", root));
    this.body = make("div", "", this.dialog);
    // What stands in it is typed and pressed there alone; as it is shut, the focus is still there until the browser has painted that.
    this.dialog.addEventListener("keydown", (event) => this.dialog.open && event.stopPropagation());
    this.made = "";
    this.show(words);
  }

  toggle() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  /** @param {Record<string, string>} words */
  show(words) {
    this.words = words;
    const { kept, isDriving, people, link, qr, code, problem, isShared } = this.sharing;
    this.count.textContent = kept ? ` ${people}` : "";
    const title = kept ? `${words.share}: ${words.people.replace("{count}", String(people))}` : words.share;
    this.button.title = title;
    this.button.setAttribute("aria-label", title);
    this.button.dataset.state = kept ? (isDriving && problem !== "lost" ? "shared" : "held") : "";
    const made = JSON.stringify([words.share, kept?.room, isDriving, link, code, problem, isShared]);
    if (made !== this.made) this.build();
    this.made = made;
    if (this.people) this.people.textContent = words.people.replace("{count}", String(people));
  }

  build() {
    const { words, sharing } = this;
    const hadFocus = this.body.contains(document.activeElement);
    this.body.replaceChildren();
    make("h2", "", this.body).textContent = words.share;
    if (sharing.problem && words[sharing.problem]) {
      const said = make("p", "lv-notice", this.body);
      said.setAttribute("role", "alert");
      said.textContent = words[sharing.problem];
    }
    this.people = null;
    if (sharing.kept) this.buildRoom();
    else {
      make("p", "", this.body).textContent = words.intro;
      this.act(words.open, () => sharing.open()).classList.add("lv-first");
    }
    const close = this.act(words.close, () => this.dialog.close());
    if (hadFocus) close.focus();
  }

  buildRoom() {
    const { words, sharing } = this;
    if (!sharing.isDriving) {
      make("p", "lv-notice", this.body).textContent = words.other;
      this.act(words.take, () => sharing.takeOver());
    }
    if (sharing.qr) {
      const image = document.createElement("img");
      Object.assign(image, { src: `data:image/svg+xml,${encodeURIComponent(sharing.qr)}`, alt: words.qr, className: "lv-qr" });
      this.body.append(image);
    }
    if (sharing.link) this.buildLink();
    this.people = make("p", "lv-people", this.body);
    this.people.setAttribute("role", "status");
    if (!sharing.isShared) make("p", "", this.body).textContent = words.alone;
    if (sharing.code) {
      const [before, after] = words.code.split("{code}");
      const said = make("p", "lv-code", this.body);
      said.setAttribute("role", "status");
      said.append(before);
      make("b", "", said).textContent = sharing.code;
      said.append(after ?? "");
    }
    this.act(words.device, () => sharing.askCode());
    this.act(words.end, () => sharing.end());
  }

  buildLink() {
    const { words, sharing } = this;
    const label = make("label", "lv-link", this.body);
    const field = document.createElement("input");
    Object.assign(field, { type: "text", readOnly: true, value: sharing.link });
    field.setAttribute("aria-label", words.link);
    field.addEventListener("focus", () => field.select());
    label.append(field);
    const copy = this.act(words.copy, async () => {
      field.select();
      const done = await navigator.clipboard?.writeText(sharing.link).then(() => true, () => false);
      if (done || document.execCommand("copy")) copy.textContent = words.copied;
    });
  }

  /** @param {string} text @param {() => void} act */
  act(text, act) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "", this.body));
    Object.assign(button, { type: "button", textContent: text });
    button.addEventListener("click", act);
    return button;
  }

  close() {
    this.button.remove();
    this.dialog.remove();
  }
}
