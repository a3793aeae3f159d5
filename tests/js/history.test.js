import assert from "node:assert/strict";
import { test } from "node:test";

import { guardHistory, wentBack } from "../../lstmviz/web/js/history.js";

/** A browser's window with a history of its own, as far as addresses go. */
class Page extends EventTarget {
  constructor(address) {
    super();
    const page = this;
    this.entries = [new URL(address)];
    this.at = 0;
    this.location = {
      get href() { return page.entries[page.at].href; },
      get search() { return page.entries[page.at].search; },
      get pathname() { return page.entries[page.at].pathname; },
    };
    this.history = {
      pushState(_state, _title, url) {
        page.entries.splice(page.at + 1, Infinity, new URL(url, page.location.href));
        page.at++;
      },
      replaceState(_state, _title, url) {
        page.entries[page.at] = new URL(url, page.location.href);
      },
    };
    guardHistory(this);
  }

  go(by) {
    this.at += by;
    this.dispatchEvent(new Event("popstate"));
  }

  deed(name, more = {}) {
    this.dispatchEvent(Object.assign(new Event(name), more));
  }

  pick(address) {
    this.deed("pointerdown");
    this.history.pushState({}, "", address);
  }

  get told() {
    return this.entries.map(({ pathname, search }) => pathname + search);
  }
}

function picked() {
  const page = new Page("http://page.test/");
  for (const seed of [1, 2, 3]) page.pick(`/?seed=${seed}`);
  assert.deepEqual(page.told, ["/", "/?seed=1", "/?seed=2", "/?seed=3"]);
  return page;
}

for (const write of ["pushState", "replaceState"])
  test(`what a run of before ${write}s after two Backs changes nothing`, () => {
    const page = picked();
    page.go(-1);
    page.go(-1);
    page.history[write]({}, "", "/?seed=2");
    assert.deepEqual(page.told, ["/", "/?seed=1", "/?seed=2", "/?seed=3"]);
    assert.equal(page.location.search, "?seed=1");
    page.go(2);
    page.history[write]({}, "", "/?seed=2");
    assert.equal(page.location.search, "?seed=3");
  });

test("what is picked after a Back is an entry, and what lay ahead is gone", () => {
  const page = picked();
  page.go(-2);
  page.pick("/?seed=7");
  assert.deepEqual(page.told, ["/", "/?seed=1", "/?seed=7"]);
});

test("the keys that go back are not taken for something else", () => {
  const page = picked();
  for (const [key, altKey] of [["Alt", true], ["ArrowLeft", true]]) page.deed("keydown", { key, altKey });
  page.go(-1);
  page.deed("keydown", { key: "ArrowLeft", altKey: true });
  page.history.replaceState({}, "", "/?seed=3");
  assert.equal(page.location.search, "?seed=2");
});

test("another path is gone to after a Back, too", () => {
  const page = picked();
  page.go(-1);
  page.history.pushState({}, "", "/learn?seed=2");
  assert.equal(page.location.pathname, "/learn");
});

test("all that a held key passes is one entry, and a key pressed anew is another", () => {
  const page = new Page("http://page.test/");
  page.deed("keydown", { key: "ArrowUp" });
  page.history.pushState({}, "", "/?seed=1");
  for (const seed of [2, 3, 4]) {
    page.deed("keydown", { key: "ArrowUp", repeat: true });
    page.history.pushState({}, "", `/?seed=${seed}`);
  }
  page.deed("keyup", { key: "ArrowUp" });
  page.history.pushState({}, "", "/?seed=5"); // the script's last answer comes late
  assert.deepEqual(page.told, ["/", "/?seed=5"]);
  page.deed("keydown", { key: "ArrowUp" });
  page.history.pushState({}, "", "/?seed=6");
  assert.deepEqual(page.told, ["/", "/?seed=5", "/?seed=6"]);
});

test("it is guarded once, however often it is asked for", () => {
  const page = new Page("http://page.test/");
  const { pushState } = page.history;
  guardHistory(page);
  assert.equal(page.history.pushState, pushState);
});

test("it is known whether going back was the last that was done", () => {
  const page = picked();
  assert.equal(wentBack(page), false);
  page.go(-1);
  assert.equal(wentBack(page), true);
  page.deed("pointerdown");
  assert.equal(wentBack(page), false);
});
